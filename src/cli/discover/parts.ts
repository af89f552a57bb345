/**
 * The members and items by which what is let through is compared with a schema: what may be absent, or there, against
 * it, and what is to be looked at in its turn. Above: subset.ts. Below: places.ts.
 */
import type { JsonSchema } from '../../index.js';
import { typeText } from '../repl/signature.js';
import { ANY, type Meet } from './meet.js';
import { fewest, item, member, most, namesOf, otherMembers, otherNames, places, requires } from './places.js';

/** What is let through by one and not by the other. */
export interface Difference {
  /** As `[].at`. */
  readonly at: string;
  /** As `integer, not string`. */
  readonly what: string;
}

/** What is let through by all of some schemas, and the one that it is compared with. */
interface Place {
  readonly at: string;
  readonly schemas: readonly JsonSchema[];
  readonly other: JsonSchema;
}

export type Part = Difference | Place;

export function memberParts(meet: Meet, other: JsonSchema): readonly Part[] {
  const { properties = {}, required = [], additionalProperties: more, propertyNames: called } = other;
  const named = new Map(Object.entries(properties));
  const names = [...namesOf(meet)];
  const absent = required
    .filter((name) => !requires(meet, name))
    .map((name) => absence(`.${name}`, named.get(name) ?? ANY));
  const own = [...named].flatMap(([name, one]) => place(`.${name}`, member(meet, name), one));
  // What a type doesn't name it cuts off, or lets pass.
  const beside = typeof more !== 'object' ? [] : names.filter((name) => !named.has(name));
  const rest = typeof more !== 'object' ? [] : place('.*', otherMembers(meet), more);
  return [
    ...absent,
    ...own,
    ...beside.flatMap((name) => place(`.${name}`, member(meet, name), more as JsonSchema)),
    ...rest,
    ...(called === undefined ? [] : nameParts(meet, names, called)),
  ];
}

function nameParts(meet: Meet, names: readonly string[], called: JsonSchema): readonly Part[] {
  const open = otherMembers(meet) !== undefined;
  return [
    ...names.map((name) => ({ at: `.${name}`, schemas: [{ const: name }], other: called })),
    ...(open ? place('.*', otherNames(meet), called) : []),
  ];
}

export function itemParts(meet: Meet, other: JsonSchema): readonly Part[] {
  const { items = ANY, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = other;
  const [min, max, own] = [fewest(meet), most(meet), places(meet)];
  const [tuple, each] = Array.isArray(items) ? [items, ANY] : [[], items as JsonSchema];
  const at = (i: number): JsonSchema => tuple[i] ?? each;
  const listed = Math.min(max, maxItems, Math.max(own, tuple.length));
  const [beyond = ANY] = item(meet, maxItems);
  return [
    ...(min < minItems ? [absence(`[${min}]`, at(min))] : []),
    ...Array.from({ length: listed }, (_, i) => place(`[${i}]`, item(meet, i), at(i))).flat(),
    ...(max > maxItems ? [{ at: `[${maxItems}]`, what: `${typeText(beyond)}, not absent` }] : []),
    ...(Math.min(max, maxItems) > listed ? place('[]', item(meet, listed), each) : []),
  ];
}

const absence = (at: string, schema: JsonSchema): Difference => ({
  at,
  what: `absent, not ${typeText(schema)}`,
});

const place = (
  at: string,
  schemas: readonly JsonSchema[] | undefined,
  other: JsonSchema,
): readonly Place[] => (schemas === undefined ? [] : [{ at, schemas, other }]);
