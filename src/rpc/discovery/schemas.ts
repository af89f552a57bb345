/**
 * From io-ts types to JSON Schema, draft 7: what a type lets through, as it goes on the wire. Types
 * that transform or check by code of their own can only be named. Above: openrpc.ts.
 */
import { isRight } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { isOwn, type Shape, type Type } from '../../contract.js';
import { both, type JsonSchema, NOTHING, objectOf, oneOf, type Properties, valuesOf } from './json-schema.js';

/** A type that may be one of io-ts's: then it shows what it is made of. */
export type Shaped = Type & Shape & { readonly value?: unknown; readonly keys?: object };

/** Schemas of one document, and how deep one may be: beyond it types are named only. */
const MAX_SCHEMAS = 10_000;
const MAX_DEPTH = 64;
const MAX_TITLE = 200;

/** Types without parts. */
const PLAIN: ReadonlyMap<string | undefined, JsonSchema> = new Map([
  ['StringType', { type: 'string' }],
  ['NumberType', { type: 'number' }],
  ['BooleanType', { type: 'boolean' }],
  ['NullType', { type: 'null' }],
  ['UndefinedType', NOTHING],
  ['VoidType', NOTHING],
  ['NeverType', NOTHING],
  ['FunctionType', NOTHING],
  ['UnknownType', {}],
  ['AnyType', {}],
  ['AnyArrayType', { type: 'array' }],
  ['AnyDictionaryType', { type: 'object' }],
]);

/** The names that types have who were given none. */
const WORD = /^[\p{L}_$][\p{L}\p{N}_$.-]*$/u;

export class Schemas {
  /** Those of recursive types, which refer to themselves by these names. */
  readonly components = new Map<string, JsonSchema>();
  readonly #names = new Map<Type, string>();
  #left = MAX_SCHEMAS;
  #depth = 0;

  /** What of this type travels. */
  of(type: Shaped): JsonSchema {
    this.#left -= 1;
    if (this.#left < 0 || this.#depth >= MAX_DEPTH || !isOwn(type)) return { title: nameOf(type) };
    const plain = PLAIN.get(type._tag);
    if (plain !== undefined) return plain;
    this.#depth += 1;
    const schema = this.#composed(type);
    this.#depth -= 1;
    const { name } = type;
    const titled = WORD.test(name) && name !== JSON.stringify(schema.const);
    return titled && schema.$ref === undefined && schema !== NOTHING ? { title: name, ...schema } : schema;
  }

  /** The same of a result, or an item: nothing is `null` there. */
  ofAnswer(type: Shaped): JsonSchema {
    const schema = this.of(type);
    if (!decodes(type, undefined) || decodes(type, null)) return schema;
    return schema === NOTHING ? { type: 'null' } : { anyOf: [schema, { type: 'null' }] };
  }

  /** What an object is made of; undefined where the type isn't one object, or checks by code of its own. */
  properties(type: Shaped): Properties | undefined {
    if (!isOwn(type)) return undefined;
    const { _tag, type: inner = t.unknown, types = [], props = {} } = type;
    switch (_tag) {
      case 'InterfaceType':
      case 'PartialType':
      case 'StrictType': {
        const members = Object.entries(props) as [string, Shaped][];
        const required = _tag === 'PartialType' ? [] : members.filter(([, one]) => !decodes(one, undefined));
        return {
          schemas: new Map(members.map(([name, one]) => [name, [this.of(one)]])),
          required: new Set(required.map(([name]) => name)),
          closed: _tag === 'StrictType',
        };
      }
      case 'IntersectionType':
        return merged(types.map((one) => this.properties(one)));
      case 'ExactType': {
        const found = this.properties(inner);
        return found && { ...found, closed: true };
      }
      case 'ReadonlyType':
        return this.properties(inner);
      default:
        return undefined;
    }
  }

  #composed(type: Shaped): JsonSchema {
    const { _tag, type: inner = t.unknown, types = [] } = type;
    switch (_tag) {
      case 'LiteralType':
        return { const: type.value };
      case 'KeyofType':
        return oneOf(Object.keys(type.keys ?? {}));
      case 'ArrayType':
      case 'ReadonlyArrayType':
        return { type: 'array', items: this.of(inner) };
      case 'TupleType':
        return this.#tuple(types);
      case 'DictionaryType':
        return this.#record(type.domain as Shaped, type.codomain as Shaped);
      case 'UnionType':
        return this.#union(types);
      case 'RecursiveType':
        return this.#reference(type);
      case 'ReadonlyType':
        return this.of(inner);
      case 'RefinementType':
        return this.#refinement(type, inner);
      default: {
        const found = this.properties(type);
        if (found !== undefined) return objectOf(found);
        if (_tag === 'IntersectionType') return both(types.map((one) => this.of(one)));
        return this.of(inner);
      }
    }
  }

  #refinement(type: Shaped, inner: Shaped): JsonSchema {
    const whole = type === t.Int || (type as Type) === t.Integer;
    const schema = this.of(inner);
    // Beside a $ref nothing counts.
    const plain = schema.$ref === undefined ? schema : { allOf: [schema] };
    return { ...plain, ...(whole && { type: 'integer' }), title: nameOf(type) };
  }

  #tuple(types: readonly Shaped[]): JsonSchema {
    const size = { minItems: requiredOf(types), maxItems: types.length };
    // An empty list of schemas is none to draft 7.
    const items = types.length > 0 && { items: types.map((one) => this.of(one)) };
    return { type: 'array', ...items, ...size };
  }

  #record(domain: Shaped, codomain: Shaped): JsonSchema {
    const each = this.of(codomain);
    const keys = keysOf(domain);
    if (keys === undefined) {
      const names = domain._tag === 'StringType' ? undefined : { propertyNames: this.of(domain) };
      return { type: 'object', ...names, additionalProperties: each };
    }
    const required = decodes(codomain, undefined) ? [] : keys;
    return objectOf({
      schemas: new Map(keys.map((key) => [key, [each]])),
      required: new Set(required),
      closed: false,
    });
  }

  /** What may be absent is a matter of the member that holds it, so that `undefined` is left out. */
  #union(types: readonly Shaped[]): JsonSchema {
    const schemas = types.map((one) => this.of(one)).filter((one) => one !== NOTHING);
    if (schemas.length < 2) return schemas[0] ?? NOTHING;
    const values = schemas.map(valuesOf);
    return values.every((some) => some !== undefined) ? oneOf(values.flat()) : { anyOf: schemas };
  }

  #reference(type: Shaped): JsonSchema {
    let name = this.#names.get(type);
    if (name === undefined) {
      name = this.#freeName(type.name);
      this.#names.set(type, name);
      this.components.set(name, { title: nameOf(type) });
      this.components.set(name, this.of(type.type ?? t.unknown));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #freeName(wanted: string): string {
    const base = wanted.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, MAX_TITLE) || '_';
    for (let n = 1; ; n += 1) {
      const name = n === 1 ? base : `${base}-${n}`;
      if (!this.components.has(name)) return name;
    }
  }
}

/** The places of a tuple that must be filled: up to the last that may not be absent. */
export function requiredOf(types: readonly Shaped[]): number {
  return types.findLastIndex((one) => !decodes(one, undefined)) + 1;
}

/** Whether it may come over the wire. A type of somebody's own may throw. */
export function decodes(type: Type, value: unknown): boolean {
  try {
    return isRight(type.decode(value));
  } catch {
    return false;
  }
}

/** Each member cuts off what it doesn't know, and the others put it back: closed only where all are. */
function merged(parts: readonly (Properties | undefined)[]): Properties | undefined {
  const schemas = new Map<string, readonly JsonSchema[]>();
  const required = new Set<string>();
  for (const part of parts) {
    if (part === undefined) return undefined;
    for (const [name, all] of part.schemas) schemas.set(name, [...(schemas.get(name) ?? []), ...all]);
    for (const name of part.required) required.add(name);
  }
  return { schemas, required, closed: parts.length > 0 && parts.every((part) => part?.closed) };
}

/** The keys of a record that has all of them, as io-ts sees it. */
function keysOf(domain: Shaped): readonly string[] | undefined {
  if (domain._tag === 'LiteralType') return typeof domain.value === 'string' ? [domain.value] : undefined;
  if (domain._tag === 'KeyofType') return Object.keys(domain.keys ?? {});
  if (domain._tag !== 'UnionType') return undefined;
  const keys = (domain.types ?? []).map(keysOf);
  return keys.every((some) => some !== undefined) ? [...new Set(keys.flat())] : undefined;
}

export const nameOf = ({ name }: Type): string => name.slice(0, MAX_TITLE);
