/**
 * Whether all that one JSON Schema lets through, another does too: by structure, so that it never says yes where it
 * isn't so, and says no where it can't tell. Read are the keywords that discovery writes; of others, and of types that
 * check by code of their own, only equal ones are known to be the same. What a type doesn't name is not sent, and is
 * ignored where it comes. Above: changes.ts. Below: meet.ts and parts.ts.
 */
import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from '../../index.js';
import type { Document } from '../repl/openrpc.js';
import { typeText } from '../repl/signature.js';
import { isKind, kindOf } from './kind.js';
import { ANY, isNever, type Meet, meets, type Resolve } from './meet.js';
import { type Difference, itemParts, memberParts, type Part } from './parts.js';
import { TooMuch } from './too-much.js';

/** How much is looked at, and how deep, before it is said that it can't be told. */
const MAX_STEPS = 100_000;
const MAX_DEPTH = 300;
/** Differences kept of one place. */
const MAX_KEPT = 20;
const MAX_TEXT = 400;

/** What `a` lets through and `b` doesn't; none where all of it gets through. */
export function differences(
  a: JsonSchema,
  b: JsonSchema,
  ofA: Document,
  ofB: Document,
): readonly Difference[] {
  try {
    return new Subset(ofA, ofB).within([a], b);
  } catch (error) {
    if (error instanceof TooMuch) return [{ at: '', what: 'too much to compare' }];
    throw error;
  }
}

class Subset {
  /** What is known of pairs; one that is being looked at holds until something says otherwise. */
  readonly #known = new Map<string, readonly Difference[]>();
  /** Those that hold, in the order in which they came to: on others that may turn out not to. */
  readonly #held: string[] = [];
  readonly #ids = new Map<JsonSchema, number>();
  #steps = 0;
  #depth = 0;

  readonly #resolveA: Resolve;
  readonly #resolveB: Resolve;
  readonly #sameNames: boolean;

  constructor({ components: ofA }: Document, { components: ofB }: Document) {
    this.#resolveA = resolving(ofA?.schemas);
    this.#resolveB = resolving(ofB?.schemas);
    this.#sameNames = isDeepStrictEqual(ofA, ofB);
  }

  /** Of what all of the schemas let through. */
  within(all: readonly JsonSchema[], b: JsonSchema): readonly Difference[] {
    const schemas = [...new Set(all)];
    const key = `${schemas.map((schema) => this.#id(schema)).sort()} in ${this.#id(b)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#step();
    const mark = this.#held.push(key) - 1;
    this.#known.set(key, []);
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new TooMuch();
    const found = distinct(meets(schemas, this.#resolveA).flatMap((meet) => this.#meet(meet, b)));
    this.#depth -= 1;
    if (found.length > 0) {
      for (const held of this.#held.splice(mark)) this.#known.delete(held);
      this.#known.set(key, found);
    }
    return found;
  }

  #step(): void {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) throw new TooMuch();
  }

  #id(schema: JsonSchema): number {
    const id = this.#ids.get(schema) ?? this.#ids.size;
    this.#ids.set(schema, id);
    return id;
  }

  #meet(meet: Meet, schema: JsonSchema, via: readonly JsonSchema[] = []): readonly Difference[] {
    this.#step();
    const { $ref, ...beside } = schema;
    // Some drafts let what stands beside a reference count.
    if ($ref !== undefined && Object.keys(beside).length > 0)
      return [...this.#meet(meet, { $ref }, via), ...this.#meet(meet, beside, via)];
    const b = this.#resolveB(schema);
    // One that is made of itself alone: what it lets through can't be told.
    if (via.includes(b)) throw new TooMuch();
    const { title, anyOf, allOf = [], ...plain } = b;
    if (isDeepStrictEqual(b, { title })) return this.#asks(meet, b) ? [] : [told(meet, b)];
    const path = [...via, b];
    const found = [
      ...allOf.flatMap((one) => this.#meet(meet, one, path)),
      ...(anyOf === undefined ? [] : this.#some(meet, anyOf, b, path)),
      ...this.#plain(meet, plain, b),
    ];
    if (found.length > 0 || title === undefined || meet.titles.includes(title) || isWhole(b)) return found;
    return [here(`${shownOf(meet)}, and what ${title} checks can't be told`)];
  }

  #some(
    meet: Meet,
    anyOf: readonly JsonSchema[],
    b: JsonSchema,
    via: readonly JsonSchema[],
  ): readonly Difference[] {
    const { values } = meet;
    if (values !== undefined && values.length > 1)
      return values.flatMap((value) => this.#some({ ...meet, values: [value] }, anyOf, b, via));
    const tried = anyOf.map((one) => this.#meet(meet, one, via));
    if (tried.some((found) => found.length === 0)) return [];
    // Where one alternative is meant, as beside null, it says more than all of them.
    const meant = tried.filter((found) => found.every(({ at }) => at !== ''));
    return meant.length === 1 ? (meant[0] as readonly Difference[]) : [told(meet, b)];
  }

  #plain(meet: Meet, plain: JsonSchema, b: JsonSchema): readonly Difference[] {
    if (this.#asks(meet, plain)) return [];
    const unknown = Object.keys(plain).find((keyword) => !KEYWORDS.has(keyword));
    if (unknown !== undefined) return [here(`${shownOf(meet)}, and what ${unknown} says can't be told`)];
    if (plain.not !== undefined)
      return isNever(plain) ? [told(meet, b)] : [here(`what not says can't be told`)];
    const { const: value, enum: several, type } = plain;
    const listed = value === undefined ? several : [value];
    if (meet.values !== undefined)
      return meet.values
        .filter((one) => !isKind(kindOf(one), type) || listed?.includes(one) === false)
        .map((one) => told({ ...meet, values: [one] }, b));
    if (listed !== undefined || !isKind(meet.type, type)) return [told(meet, b)];
    return [
      ...(isKind('object', meet.type) ? memberParts(meet, plain) : []),
      ...(isKind('array', meet.type) ? itemParts(meet, plain) : []),
    ].flatMap((part) => this.#part(part));
  }

  #part(part: Part): readonly Difference[] {
    if ('what' in part) return [part];
    return this.within(part.schemas, part.other).map(({ at, what }) => ({ at: `${part.at}${at}`, what }));
  }

  /** In so many words. */
  #asks({ schemas }: Meet, b: JsonSchema): boolean {
    const found = schemas.some((one) => isDeepStrictEqual(one, b));
    return found && (this.#sameNames || !JSON.stringify(b).includes('"$ref"'));
  }
}

/** Those that are read here, and those that ask for nothing. */
const KEYWORDS: ReadonlySet<string> = new Set([
  ...['type', 'const', 'enum', 'not', 'properties', 'required', 'propertyNames', 'additionalProperties'],
  ...['items', 'minItems', 'maxItems'],
  ...['description', 'default', 'examples', '$comment', 'deprecated', 'readOnly', 'writeOnly'],
]);

/** io-ts's own check, of which all is known. */
const isWhole = ({ title, type }: JsonSchema): boolean =>
  type === 'integer' && (title === 'Int' || title === 'Integer');

const here = (what: string): Difference => ({
  at: '',
  what: what.length > MAX_TEXT ? `${what.slice(0, MAX_TEXT)}…` : what,
});

const told = (meet: Meet, b: JsonSchema): Difference => here(`${shownOf(meet)}, not ${typeText(b)}`);

function shownOf({ titles: [title], schemas, values }: Meet): string {
  if (values !== undefined) return typeText({ enum: values });
  const [first = ANY, ...others] = schemas;
  return typeText(others.length > 0 ? { allOf: schemas } : title === undefined ? first : { ...first, title });
}

function distinct(found: readonly Difference[]): readonly Difference[] {
  const each = new Map(found.map((one) => [`${one.at} ${one.what}`, one]));
  return [...each.values()].slice(0, MAX_KEPT);
}

const COMPONENTS = '#/components/schemas/';

/** A reference that leads nowhere is a type that only its name is known of. */
function resolving(named: Readonly<Record<string, JsonSchema>> = {}): Resolve {
  const schemas = new Map(Object.entries(named));
  return (schema) => {
    let target = schema;
    for (let left = schemas.size; target.$ref !== undefined; left -= 1) {
      const { $ref } = target;
      const next = $ref.startsWith(COMPONENTS) ? schemas.get($ref.slice(COMPONENTS.length)) : undefined;
      if (next === undefined || left === 0) return { title: $ref };
      target = next;
    }
    return target;
  };
}
