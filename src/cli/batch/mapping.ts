/**
 * `--map`: which fields of a row are the params of its call. `[sku,qty:number]` is by position,
 * `id=order.id,qty` by name. A field is a path with dots; `.` is the whole row.
 */
import type { Params } from '../../index.js';
import { UsageError } from '../usage-error.js';

/** The params of a row's call; a text says why there are none. */
export type Mapping = (input: unknown) => { readonly params: Params } | { readonly problem: string };

const GRAMMAR =
  "expected '[FIELD,…]' for params by position or NAME=FIELD,… by name; a FIELD is a path as order.id, or . for the whole row, with :number, :boolean, :json or :string behind it to convert";

/** Without a map an array is params by position, an object params by name, anything else one param. */
export const asTheyAre: Mapping = (input) => ({
  params: (typeof input === 'object' && input !== null ? input : [input]) as Params,
});

interface Field {
  readonly name: string;
  readonly path: readonly string[];
  readonly text: string;
  readonly convert: (value: unknown) => unknown;
}

export function mappingOf(spec: string): Mapping {
  const listed = /^\s*\[(.*)\]\s*$/s.exec(spec);
  const fields = (listed?.[1] ?? spec).split(',').map((part) => field(part.trim(), listed === null));
  const twice = fields.find(({ name }, at) => fields.findIndex((other) => other.name === name) !== at);
  if (listed === null && twice !== undefined) throw new UsageError(`--map: ${twice.name} is set twice`);
  return (input) => {
    const values: unknown[] = [];
    for (const { path, text, convert } of fields) {
      const value = find(input, path);
      if (value === undefined) return { problem: `it has no field ${text}` };
      const converted = convert(value);
      if (converted === undefined) return { problem: `its field ${text} is ${JSON.stringify(value)}` };
      values.push(converted);
    }
    if (listed !== null) return { params: values };
    return { params: Object.fromEntries(fields.map(({ name }, at) => [name, values[at]])) };
  };
}

function field(part: string, named: boolean): Field {
  const [, name, from = '', kind = ''] = /^(?:([^=:[\]]+)=)?([^=:[\]]+)(?::(\w+))?$/.exec(part) ?? [];
  const convert = CONVERT.get(kind);
  const path = from.trim() === '.' ? [] : from.trim().split('.');
  const valid = named ? name !== undefined || path.length === 1 : name === undefined;
  if (convert === undefined || path.includes('') || !valid) {
    throw new UsageError(`--map: ${JSON.stringify(part)}: ${GRAMMAR}`);
  }
  return { name: (name ?? from).trim(), path, text: part.replace(/^.*=/, ''), convert };
}

function find(input: unknown, path: readonly string[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

/** To what stands behind the colon; undefined for a value that isn't that. */
const CONVERT: ReadonlyMap<string, (value: unknown) => unknown> = new Map([
  ['', (value: unknown) => value],
  ['string', (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))],
  ['number', number],
  [
    'boolean',
    (value: unknown) =>
      new Map([
        ['true', true],
        ['false', false],
      ]).get(String(value)),
  ],
  ['json', json],
]);

/** Exact, as everywhere on the command line: what would be rounded is none. */
function number(value: unknown): unknown {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const converted = Number(value);
  const exact =
    Number.isFinite(converted) && !(Number.isInteger(converted) && !Number.isSafeInteger(converted));
  return exact ? converted : undefined;
}

function json(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
