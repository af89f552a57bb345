/**
 * What has changed between two OpenRPC documents of a service, as its callers see it. Breaking is where params that were
 * taken may be refused, or where a result may be what it never was; what can't be told is breaking too. Used by
 * discover. Below: subset.ts.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ContentDescriptor, JsonSchema, OpenRpcMethod } from '../../index.js';
import type { Document } from '../repl/openrpc.js';
import { paramText } from '../repl/signature.js';
import type { Difference } from './parts.js';
import { differences } from './subset.js';

export interface Change {
  readonly breaking: boolean;
  /** As `add.params[1].name`. */
  readonly where: string;
  readonly what: string;
}

/** Of the params of a method, or of its result; one more says that there are others. */
const MAX_TOLD = 5;

export function changes(before: Document, after: Document): Change[] {
  const [old, now] = [byName(before.methods), byName(after.methods)];
  const sameTypes = isDeepStrictEqual(before.components, after.components);
  const found = [...old.values()].flatMap((method) => {
    const next = now.get(method.name);
    if (next === undefined) return [breaking(method.name, 'removed')];
    if (sameTypes && isDeepStrictEqual(method, next)) return [];
    const [was, is] = [kindOf(method), kindOf(next)];
    if (was !== is) return [breaking(method.name, `was a ${was}, is a ${is}`)];
    return [...paramChanges(method, next, before, after), ...resultChanges(method, next, before, after)];
  });
  const added = [...now.keys()].filter((name) => !old.has(name));
  return [...found, ...added.map((where) => compatible(where, 'added'))];
}

const byName = <T extends { readonly name: string }>(those: readonly T[]): ReadonlyMap<string, T> =>
  new Map(those.map((one) => [one.name, one]));

const breaking = (where: string, what: string): Change => ({ breaking: true, where, what });
const compatible = (where: string, what: string): Change => ({ breaking: false, where, what });

const kindOf = ({ result, 'x-callstream': own }: OpenRpcMethod): string =>
  own?.kind ?? (result === undefined ? 'notification' : 'method without a contract');

function paramChanges(old: OpenRpcMethod, now: OpenRpcMethod, before: Document, after: Document): Change[] {
  const where = `${old.name}.params`;
  const [was, is] = [paramsOf(old), paramsOf(now)];
  const lost = differences(was, is, before, after);
  const gained = lost.length > 0 ? [] : differences(is, was, after, before);
  return [
    ...told(lost, (at, what) => breaking(`${where}${at}`, `takes less: ${what}`)),
    ...told(gained, (at, what) => compatible(`${where}${at}`, `takes more: ${what}`)),
    ...nameChanges(where, old, now),
  ];
}

/** Those that go by name may come and go: what isn't known is ignored. */
function nameChanges(where: string, old: OpenRpcMethod, now: OpenRpcMethod): Change[] {
  if (old.paramStructure !== 'by-name' || now.paramStructure !== 'by-name') return [];
  const [was, is] = [byName(old.params), byName(now.params)];
  const removed = old.params.filter(({ name }) => !is.has(name));
  const added = now.params.filter(({ name, required }) => !was.has(name) && required !== true);
  return [
    ...removed.map(({ name }) => compatible(`${where}.${name}`, 'removed')),
    ...added.map((param) => compatible(`${where}.${param.name}`, `added: ${paramText(param)}`)),
  ];
}

function resultChanges(old: OpenRpcMethod, now: OpenRpcMethod, before: Document, after: Document): Change[] {
  const where = `${old.name}.result`;
  const [was, is] = [old.result?.schema, now.result?.schema];
  if (was === undefined || is === undefined) return [];
  const widened = differences(is, was, after, before);
  const narrowed = widened.length > 0 ? [] : differences(was, is, before, after);
  return [
    ...told(widened, (at, what) => breaking(`${where}${at}`, `may be what it never was: ${what}`)),
    ...told(narrowed, (at, what) => compatible(`${where}${at}`, `is less than it was: ${what}`)),
  ];
}

function told(found: readonly Difference[], change: (at: string, what: string) => Change): Change[] {
  const shown = found.slice(0, MAX_TOLD).map(({ at, what }) => change(at, what));
  return found.length > MAX_TOLD
    ? [...shown, change('', `and in ${found.length - MAX_TOLD} places more`)]
    : shown;
}

/** No type of JSON: params that aren't there. */
const ABSENT: JsonSchema = { type: 'absent' };

/** All params of a method, as one schema. */
function paramsOf({ params, paramStructure, 'x-callstream': own }: OpenRpcMethod): JsonSchema {
  if (own?.params !== undefined) return own.optional ? { anyOf: [own.params, ABSENT] } : own.params;
  if (params.length === 0 && paramStructure === undefined) return { anyOf: [ABSENT, byPosition([])] };
  const ways = { 'by-position': [byPosition(params)], 'by-name': [byMember(params)] };
  const either = [...ways['by-position'], ...ways['by-name']];
  const schemas = paramStructure === undefined || paramStructure === 'either' ? either : ways[paramStructure];
  return { ...(own?.title !== undefined && { title: own.title }), anyOf: schemas };
}

const byPosition = (params: readonly ContentDescriptor[]): JsonSchema => ({
  type: 'array',
  items: params.map(({ schema }) => schema),
  minItems: params.findLastIndex(({ required }) => required === true) + 1,
  maxItems: params.length,
});

const byMember = (params: readonly ContentDescriptor[]): JsonSchema => ({
  type: 'object',
  properties: Object.fromEntries(params.map(({ name, schema }) => [name, schema])),
  required: params.filter(({ required }) => required === true).map(({ name }) => name),
});
