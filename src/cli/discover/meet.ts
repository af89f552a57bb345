/**
 * What several JSON Schemas let through together, as alternatives in which no reference and no union is left. Above:
 * subset.ts, which looks at one after the other. Below, in places.ts, are the members and items of one.
 */
import type { JsonSchema } from '../../index.js';
import { isKind, kindOf } from './kind.js';
import { TooMuch } from './too-much.js';

/** One alternative: what is let through by all of its schemas. */
export interface Meet {
  /** The names of the types that it is of: what they check by code of their own holds too. */
  readonly titles: readonly string[];
  readonly schemas: readonly JsonSchema[];
  /** Undefined where any goes. */
  readonly type: string | undefined;
  /** All that it can be, where they are listed and have no parts. */
  readonly values: readonly unknown[] | undefined;
}

/** What a reference stands for; other schemas as they are. */
export type Resolve = (schema: JsonSchema) => JsonSchema;

/** Of one place; each is looked at. */
const MAX_ALTERNATIVES = 1_000;

export const ANY: JsonSchema = {};
const ALL: Meet = { titles: [], schemas: [], type: undefined, values: undefined };

export function meets(schemas: readonly JsonSchema[], resolve: Resolve): readonly Meet[] {
  return joined(schemas.map((schema) => alternatives(schema, resolve, [])));
}

function alternatives(schema: JsonSchema, resolve: Resolve, via: readonly JsonSchema[]): readonly Meet[] {
  const target = resolve(schema);
  // One that is made of itself alone says nothing.
  if (via.includes(target)) return [{ ...ALL, schemas: [ANY] }];
  const { title, anyOf, allOf = [], const: value, enum: several, ...plain } = target;
  if (isNever(plain)) return [];
  const { type } = plain;
  const inner = (one: JsonSchema) => alternatives(one, resolve, [...via, target]);
  const listed = value === undefined ? (several ?? VALUES.get(type ?? '')) : [value];
  const parts = [
    ...allOf.map(inner),
    ...(anyOf === undefined ? [] : [anyOf.flatMap(inner)]),
    ...(listed === undefined ? [] : [listedOnes(listed, inner)]),
  ];
  const bare = Object.keys(plain).length === 0;
  // Beside others a title is a check of the whole; alone it is a type that nothing more is known of.
  const asked = bare ? (parts.length > 0 ? [] : [title === undefined ? ANY : { title }]) : [plain];
  const own = { ...ALL, titles: title === undefined ? [] : [title], schemas: asked, type };
  return joined([[own], ...parts]);
}

const VALUES: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['null', [null]],
  ['boolean', [true, false]],
]);

export const isNever = ({ not }: JsonSchema): boolean => not !== undefined && Object.keys(not).length === 0;

function listedOnes(values: readonly unknown[], inner: (one: JsonSchema) => readonly Meet[]): Meet[] {
  const plain = values.filter((value) => !hasParts(value));
  const others = values.filter(hasParts).flatMap((value) => inner(structure(value)));
  return plain.length > 0 ? [{ ...ALL, values: plain }, ...others] : others;
}

const hasParts = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** A value with parts as a schema that only it fits. */
function structure(value: object): JsonSchema {
  const one = (part: unknown): JsonSchema => ({ const: part });
  if (Array.isArray(value))
    return {
      type: 'array',
      ...(value.length > 0 && { items: value.map(one) }),
      minItems: value.length,
      maxItems: value.length,
    };
  const members = Object.entries(value);
  return {
    type: 'object',
    properties: Object.fromEntries(members.map(([name, part]) => [name, one(part)])),
    required: members.map(([name]) => name),
  };
}

/** One alternative of each at once, in all ways that leave something possible. */
function joined(parts: readonly (readonly Meet[])[]): readonly Meet[] {
  let found: readonly Meet[] = [ALL];
  for (const part of parts) {
    if (found.length * part.length > MAX_ALTERNATIVES) throw new TooMuch();
    found = found.flatMap((one) => part.flatMap((other) => both(one, other)));
  }
  return found;
}

function both(one: Meet, other: Meet): Meet | [] {
  const type = isKind(one.type, other.type) ? one.type : other.type;
  if (!isKind(type, one.type) || !isKind(type, other.type)) return [];
  const listed = one.values?.filter((value) => other.values?.includes(value) ?? true) ?? other.values;
  const values = listed?.filter((value) => isKind(kindOf(value), type));
  if (values?.length === 0) return [];
  return {
    titles: [...one.titles, ...other.titles],
    schemas: [...one.schemas, ...other.schemas],
    type,
    values,
  };
}
