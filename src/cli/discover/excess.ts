/**
 * What one JSON Schema lets through that another doesn't, by its structure: where that can't be told, as with types that
 * are only named, other names are other types. Members that only one of them names are the concern of nobody.
 */
import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from '../../index.js';
import type { Document } from '../repl/openrpc.js';
import { typeText, valuesOf } from '../repl/signature.js';

/** Each place and what differs there, as `[].at: integer, not string`; none where all that `a` lets through, `b` does. */
export function excess(a: JsonSchema, b: JsonSchema, ofA: Document, ofB: Document): string[] {
  return new Comparison(ofA, ofB).excess(a, b, '');
}

class Comparison {
  /** Pairs of recursive types that are being looked at: they hold until something says otherwise. */
  readonly #assumed = new Set<string>();

  constructor(
    readonly ofA: Document,
    readonly ofB: Document,
  ) {}

  excess(a: JsonSchema, b: JsonSchema, at: string): string[] {
    if (a.$ref !== undefined || b.$ref !== undefined) return this.#referred(a, b, at);
    const { title: _, ...asked } = b;
    if (Object.keys(asked).length === 0)
      return b.title === undefined || isOnlyNamed(a, b) ? [] : [told(a, b, at)];
    if (isDeepStrictEqual({ ...a, title: 0 }, { ...b, title: 0 }) && !names(a)) return [];
    if (a.anyOf !== undefined) return a.anyOf.flatMap((one) => this.excess(one, b, at));
    if (b.allOf !== undefined) return b.allOf.flatMap((one) => this.excess(a, one, at));
    const values = valuesOf(a);
    if (values !== undefined)
      return values
        .filter((value) => !fits(value, b))
        .map((value) => `${at} ${JSON.stringify(value)}`.trim());
    if (b.anyOf !== undefined)
      return b.anyOf.some((one) => this.excess(a, one, at).length === 0) ? [] : [told(a, b, at)];
    if (a.allOf !== undefined)
      return a.allOf.some((one) => this.excess(one, b, at).length === 0) ? [] : [told(a, b, at)];
    if (valuesOf(b) !== undefined || !isKind(a.type, b.type)) return [told(a, b, at)];
    return b.type === 'object' ? this.#members(a, b, at) : b.type === 'array' ? this.#items(a, b, at) : [];
  }

  #referred(a: JsonSchema, b: JsonSchema, at: string): string[] {
    const pair = `${a.$ref} ${b.$ref} ${a.$ref === undefined ? JSON.stringify(a) : b.$ref === undefined ? JSON.stringify(b) : ''}`;
    if (this.#assumed.has(pair)) return [];
    this.#assumed.add(pair);
    return this.excess(resolved(a, this.ofA), resolved(b, this.ofB), at);
  }

  #members(a: JsonSchema, b: JsonSchema, at: string): string[] {
    const { properties: has = {}, required = [] } = a;
    const absent = (b.required ?? [])
      .filter((name) => !required.includes(name))
      .map((name) => `${at}.${name} absent`);
    const shared = Object.entries(b.properties ?? {}).flatMap(([name, one]) => {
      const own = Object.hasOwn(has, name) ? has[name] : undefined;
      return own === undefined ? [] : this.excess(own, one, `${at}.${name}`);
    });
    const [any, other] = [a.additionalProperties, b.additionalProperties];
    const rest =
      typeof any === 'object' && typeof other === 'object' ? this.excess(any, other, `${at}.*`) : [];
    return [...absent, ...shared, ...rest];
  }

  #items(a: JsonSchema, b: JsonSchema, at: string): string[] {
    const [mine, others] = [a.items ?? {}, b.items ?? {}];
    if (!Array.isArray(others)) {
      const all = Array.isArray(mine) ? mine : [mine as JsonSchema];
      return all.flatMap((one) => this.excess(one, others as JsonSchema, `${at}[]`));
    }
    if (!Array.isArray(mine) || mine.length > others.length) return [told(a, b, at)];
    return mine.flatMap((one, i) => this.excess(one, others[i] as JsonSchema, `${at}[${i}]`));
  }
}

const names = ({ title, ...rest }: JsonSchema): boolean =>
  title !== undefined && Object.keys(rest).length === 0;

const isOnlyNamed = (a: JsonSchema, b: JsonSchema): boolean => names(a) && a.title === b.title;

const isKind = (a: string | undefined, b: string | undefined): boolean =>
  b === undefined || a === b || (a === 'integer' && b === 'number');

const told = (a: JsonSchema, b: JsonSchema, at: string): string =>
  `${at} ${typeText(a)}, not ${typeText(b)}`.trim();

function resolved(schema: JsonSchema, { components }: Document): JsonSchema {
  const name = schema.$ref?.slice(schema.$ref.lastIndexOf('/') + 1);
  if (name === undefined) return schema;
  const schemas = components?.schemas ?? {};
  return (Object.hasOwn(schemas, name) ? schemas[name] : undefined) ?? { title: name };
}

function fits(value: unknown, schema: JsonSchema): boolean {
  const values = valuesOf(schema);
  if (values !== undefined) return values.includes(value);
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => fits(value, one));
  const kind = value === null ? 'null' : typeof value;
  return isKind(kind === 'number' && Number.isInteger(value) ? 'integer' : kind, schema.type);
}
