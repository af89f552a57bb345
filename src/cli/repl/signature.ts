/** A method as a person reads it: `add(param0: number, param1?: number): number`. Below: the OpenRPC of discovery. */

import type { ContentDescriptor, JsonSchema, OpenRpcMethod } from '../../index.js';
import { shown } from '../output.js';

/** How deep types are written out; what is below is `…`. */
const DEPTH = 3;
const MAX_LENGTH = 400;

export function signature(method: OpenRpcMethod): string {
  const { name, params, paramStructure, result } = method;
  const { kind, params: all } = method['x-callstream'] ?? {};
  const listed = params.map(paramText).join(', ');
  const given =
    all !== undefined
      ? `...${typeText(all)}`
      : paramStructure === 'by-name' && params.length > 0
        ? `{ ${listed} }`
        : listed;
  const { items } = result?.schema ?? {};
  const answer =
    kind === 'notification' || result === undefined
      ? ''
      : kind === 'stream'
        ? `: stream of ${typeText(schemaOf(items))}`
        : `: ${typeText(result.schema)}`;
  const text = shown(`${name}(${given})${answer}`);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

export function paramText({ name, required, schema }: ContentDescriptor): string {
  return `${name}${required ? '' : '?'}: ${typeText(schema)}`;
}

/** In TypeScript's way, and short. */
export function typeText(schema: JsonSchema, depth = DEPTH): string {
  const values = valuesOf(schema);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  const { type, anyOf, allOf, not, properties, items, title, additionalProperties } = schema;
  if (not !== undefined && Object.keys(not).length === 0) return 'never';
  if (depth === 0) return title ?? type ?? '…';
  const inner = (one: JsonSchema) => typeText(one, depth - 1);
  if (anyOf !== undefined) return anyOf.map(inner).join(' | ');
  if (allOf !== undefined) return allOf.map(inner).join(' & ');
  if (properties !== undefined) {
    const required = new Set(schema.required);
    const members = Object.entries(properties).map(
      ([name, one]) => `${name}${required.has(name) ? '' : '?'}: ${inner(one)}`,
    );
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  }
  if (type === 'array') {
    if (Array.isArray(items)) return `[${items.map(inner).join(', ')}]`;
    const each = inner(schemaOf(items));
    return /[ |&]/.test(each) && !each.startsWith('{') ? `(${each})[]` : `${each}[]`;
  }
  if (type === 'object' && typeof additionalProperties === 'object') {
    return `{ [name]: ${inner(additionalProperties)} }`;
  }
  return title ?? type ?? 'any';
}

/** What a value can be, where the schema lists it. */
export function valuesOf({ const: value, enum: several }: JsonSchema): readonly unknown[] | undefined {
  return value === undefined ? several : [value];
}

const schemaOf = (items: JsonSchema | readonly JsonSchema[] | undefined): JsonSchema =>
  items === undefined || Array.isArray(items) ? {} : (items as JsonSchema);
