/** io-ts types to be changed at a place: what they are made of, with values that they may get. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { isRight } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import type { Type } from '../../../src/index.js';

/** What stands for a type, by whose parts it is changed. */
export interface Plan {
  readonly kind: string;
  readonly parts: readonly Plan[];
  /** Of an object or a tuple: which of its parts may be absent. */
  readonly optional?: readonly boolean[];
}

const Short = t.refinement(t.string, (text) => text.length < 2, 'Short');
const Positive = t.refinement(t.number, (n) => n > 0, 'Positive');
const Upper = new t.Type<string, string, unknown>(
  'Upper',
  t.string.is,
  (value, context) =>
    typeof value === 'string' && value !== '' ? t.success(value.toUpperCase()) : t.failure(value, context),
  t.identity,
);

const Named = t.type({ a: t.number }, 'Named');

const LEAVES: Readonly<Record<string, Type>> = {
  string: t.string,
  number: t.number,
  integer: t.Int,
  boolean: t.boolean,
  null: t.null,
  unknown: t.unknown,
  never: t.never as unknown as Type,
  undefined: t.undefined,
  'any array': t.UnknownArray,
  'any object': t.UnknownRecord,
  short: Short,
  positive: Positive,
  upper: Upper,
  'literal a': t.literal('a'),
  'literal 1': t.literal(1),
  'literal true': t.literal(true),
  'a or b': t.keyof({ a: null, b: null }),
  named: Named,
};
const NAMES = ['a', 'b', 'c'];

const leaf: fc.Arbitrary<Plan> = fc.constantFrom(...Object.keys(LEAVES)).map((kind) => ({ kind, parts: [] }));

const several = (kind: string, part: fc.Arbitrary<Plan>, minLength: number): fc.Arbitrary<Plan> =>
  fc.record({
    kind: fc.constant(kind),
    parts: fc.array(part, { minLength, maxLength: 3 }),
    optional: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
  });
const one = (kind: string, part: fc.Arbitrary<Plan>): fc.Arbitrary<Plan> =>
  part.map((inner) => ({ kind, parts: [inner] }));

export const plan: fc.Arbitrary<Plan> = fc.letrec<{ plan: Plan; object: Plan }>((tie) => ({
  object: fc.oneof(
    { depthSize: 'small' },
    several('object', tie('plan'), 0),
    several('strict', tie('plan'), 0),
    one('record', tie('plan')),
    one('checked', tie('object')),
  ),
  plan: fc.oneof(
    { depthSize: 'small' },
    leaf,
    tie('object'),
    several('tuple', tie('plan'), 1),
    several('union', tie('plan'), 2),
    fc.tuple(tie('object'), tie('object')).map((parts) => ({ kind: 'both', parts })),
    fc.tuple(tie('object'), tie('plan')).map((parts) => ({ kind: 'both', parts })),
    one('array', tie('plan')),
    one('tree', tie('plan')),
    one('some keys', tie('plan')),
    one('keys a or b', tie('plan')),
    one('readonly', tie('plan')),
  ),
})).plan;

/** Decoding names what is absent. */
const isSmall = (value: unknown): boolean =>
  Object.values(Object(value)).filter((one) => one !== undefined).length < 2;

const optional = (type: Type): Type => t.union([type, t.undefined]);

/** Whether somebody may send it: nothing is cut off of it where each type takes what it names, and nothing else. */
export function sends(plan: Plan, value: unknown): boolean {
  const decoded = typeOf(plan, true).decode(value);
  return isRight(decoded) && isDeepStrictEqual(decoded.right, value);
}

/** Gives a value back whole where one of the types does. */
const whole = (types: readonly Type[]): Type =>
  new t.Type<any, any, unknown>(
    'whole',
    (_): _ is any => true,
    (value, context) => {
      const taken = types.map((one) => one.validate(value, context));
      const found = taken.find((one) => isRight(one) && isDeepStrictEqual(one.right, value));
      return found ?? t.failure(value, context);
    },
    t.identity,
  );

export function typeOf({ kind, parts, optional: may = [] }: Plan, exact = false): Type {
  const types = parts.map((part) => typeOf(part, exact));
  const [first = t.unknown, second = t.unknown] = types;
  const each = types.map((type, i) => (may[i] ? optional(type) : type));
  const members = Object.fromEntries(each.map((type, i) => [NAMES[i], type]));
  switch (kind) {
    case 'object':
      return exact ? t.strict(members) : t.type(members);
    case 'strict':
      return t.strict(members);
    case 'named':
      return exact ? t.strict({ a: t.number }) : Named;
    case 'upper':
      return exact ? t.string : Upper;
    case 'record':
      return t.record(t.string, first);
    case 'some keys':
      return t.record(Short, first);
    case 'keys a or b':
      return t.record(t.keyof({ a: null, b: null }), first);
    case 'checked':
      return t.refinement(first, (value) => isSmall(value), 'Checked');
    case 'tuple':
      return t.tuple(each as never);
    case 'union':
      return exact ? whole(types) : (t.union(types as never) as unknown as Type);
    case 'both':
      return t.intersection([first, second]);
    case 'array':
      return t.array(first);
    case 'readonly':
      return t.readonly(first);
    case 'tree': {
      const Tree: Type = t.recursion('Tree', () =>
        (exact ? t.strict : t.type)({ a: first, b: t.union([t.array(Tree), t.undefined]) }),
      );
      return Tree;
    }
    default:
      return LEAVES[kind] as Type;
  }
}

const scalar = fc.constantFrom<unknown>('', 'a', 'b', 'long', 0, 1, -1, 1.5, true, false, null);

/** What may come for it: often what it takes, with no other members than it names. */
export function comingFor(plan: Plan): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 1, arbitrary: scalar }, { weight: 8, arbitrary: fitting(plan) });
}

function fitting({ kind, parts, optional: may = [] }: Plan): fc.Arbitrary<unknown> {
  const values = parts.map(comingFor);
  const [first = scalar, second = scalar] = values;
  switch (kind) {
    case 'object':
    case 'strict': {
      const members = values.map((value, i) => [NAMES[i], value] as const);
      const must = members.flatMap(([name], i) => (may[i] ? [] : [name as string]));
      return fc.record(Object.fromEntries(members), { requiredKeys: must as never[] });
    }
    case 'some keys':
      return fc.dictionary(fc.constantFrom('a', 'b', 'c'), first, { maxKeys: 3 });
    case 'record':
      return fc.dictionary(fc.constantFrom('a', 'b', 'c', 'long'), first, { maxKeys: 3 });
    case 'keys a or b':
      return fc.record({ a: first, b: first });
    case 'any object':
    case 'unknown':
      return fc.dictionary(fc.constantFrom('a', 'b', 'c', 'long'), scalar, { maxKeys: 3 });
    case 'named':
      return fc.record({ a: scalar });
    case 'tuple':
      return fc
        .tuple(fc.tuple(...values), fc.nat(values.length))
        .map(([items, size]) => items.slice(0, may.some(Boolean) ? size : undefined));
    case 'both':
      return fc.tuple(first, second).map(([a, b]) => (isPlain(a) && isPlain(b) ? { ...a, ...b } : b));
    case 'union':
      return fc.oneof(...values);
    case 'array':
      return fc.array(first, { maxLength: 3 });
    case 'any array':
      return fc.array(scalar, { maxLength: 3 });
    case 'tree':
      return fc.letrec((tie) => ({
        tree: fc.record({ a: first, b: fc.array(tie('tree'), { maxLength: 2 }) }, { requiredKeys: ['a'] }),
      })).tree;
    case 'checked':
    case 'readonly':
      return first;
    default:
      return scalar;
  }
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same with another at one place, counted from the top, in the order of the parts. */
export function changed(plan: Plan, place: number, change: (at: Plan) => Plan): Plan {
  let left = place % sizeOf(plan);
  const walk = (at: Plan): Plan => {
    left -= 1;
    return left === -1 ? change(at) : { ...at, parts: at.parts.map(walk) };
  };
  return walk(plan);
}

export const has = (plan: Plan, kind: string): boolean =>
  plan.kind === kind || plan.parts.some((part) => has(part, kind));

const sizeOf = ({ parts }: Plan): number => parts.reduce((sum, part) => sum + sizeOf(part), 1);

const widened = (at: Plan, other: Plan): Plan => ({ kind: 'union', parts: [at, other] });

/** At one place, so that it takes more. */
export const widening: fc.Arbitrary<(at: Plan) => Plan> = leaf.map((other) => (at) => widened(at, other));

/** At one place, whatever comes of it. */
export const change: fc.Arbitrary<(at: Plan) => Plan> = fc.oneof(
  widening,
  plan.map((other) => () => other),
  leaf.map((other) => () => other),
  fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()).map((optional) => (at: Plan) => ({ ...at, optional })),
  leaf.map((other) => (at: Plan) => ({
    ...at,
    parts: at.parts.length > 1 ? [...at.parts.slice(1), other] : at.parts,
  })),
  fc.constant((at: Plan) => ({ ...at, parts: at.parts.length > 2 ? at.parts.slice(1) : at.parts })),
  fc.constant((at: Plan) => (at.kind === 'both' ? at : (at.parts[0] ?? at))),
  fc
    .constantFrom('object', 'strict', 'record', 'tuple', 'array', 'union')
    .map((kind) => (at: Plan) => (at.parts.length > 1 && at.kind !== 'both' ? { ...at, kind } : at)),
);
