/**
 * What has changed between two OpenRPC documents of a service, as its callers see it: breaking where a call that was
 * good no longer is, or where an answer may be what it never was. Used by discover. Below: excess.ts.
 */
import type { OpenRpcMethod } from '../../index.js';
import type { Document } from '../repl/openrpc.js';
import { paramText } from '../repl/signature.js';
import { excess } from './excess.js';

export interface Change {
  readonly breaking: boolean;
  /** As `add.params[1].name`. */
  readonly where: string;
  readonly what: string;
}

export function changes(before: Document, after: Document): Change[] {
  const [old, now] = [byName(before), byName(after)];
  const found = [...old.values()].flatMap((method) => {
    const next = now.get(method.name);
    return next === undefined
      ? [breaking(method.name, 'removed')]
      : methodChanges(method, next, before, after);
  });
  const added = [...now.keys()].filter((name) => !old.has(name));
  return [...found, ...added.map((where) => ({ breaking: false, where, what: 'added' }))];
}

const byName = ({ methods }: Document): ReadonlyMap<string, OpenRpcMethod> =>
  new Map(methods.map((method) => [method.name, method]));

const breaking = (where: string, what: string): Change => ({ breaking: true, where, what });

function methodChanges(old: OpenRpcMethod, now: OpenRpcMethod, before: Document, after: Document): Change[] {
  const { name } = old;
  const [was, is] = [kindOf(old), kindOf(now)];
  if (was !== is) return [breaking(name, `was a ${was}, is a ${is}`)];
  return [...paramChanges(old, now, before, after), ...resultChanges(old, now, before, after)];
}

const kindOf = (method: OpenRpcMethod): string => method['x-callstream']?.kind ?? 'method without a contract';

function paramChanges(old: OpenRpcMethod, now: OpenRpcMethod, before: Document, after: Document): Change[] {
  const where = `${old.name}.params`;
  const [oldAll, nowAll] = [old['x-callstream']?.params, now['x-callstream']?.params];
  if (oldAll !== undefined && nowAll !== undefined)
    return narrowed(where, excess(oldAll, nowAll, before, after), excess(nowAll, oldAll, after, before));
  if (nowAll !== undefined) return [];
  if (oldAll !== undefined) return [breaking(where, 'took anything, are listed now')];
  const listed = old.params.length > 0 && now.params.length > 0;
  if (listed && old.paramStructure !== now.paramStructure)
    return [breaking(where, `went ${old.paramStructure}, go ${now.paramStructure}`)];
  const byName = (old.paramStructure ?? now.paramStructure) === 'by-name';
  const place = (i: number, name: string) => (byName ? `${where}.${name}` : `${where}[${i}]`);
  const other = (of: OpenRpcMethod, i: number, name: string) =>
    byName ? of.params.find((param) => param.name === name) : of.params[i];
  const kept = old.params.flatMap((param, i) => {
    const next = other(now, i, param.name);
    const at = place(i, param.name);
    // What goes by name and isn't known is ignored; what goes by position is one too many.
    if (next === undefined) return [{ breaking: !byName, where: at, what: 'removed' }];
    const must = next.required === true && param.required !== true;
    return [
      ...(must ? [breaking(at, 'was optional, is required')] : []),
      ...narrowed(
        at,
        excess(param.schema, next.schema, before, after),
        excess(next.schema, param.schema, after, before),
      ),
    ];
  });
  const added = now.params.flatMap((param, i) =>
    other(old, i, param.name) === undefined
      ? [
          {
            breaking: param.required === true,
            where: place(i, param.name),
            what: `added: ${paramText(param)}`,
          },
        ]
      : [],
  );
  return [...kept, ...added];
}

/** `lost`: what was taken and isn't any more; `gained`: the other way round. */
function narrowed(where: string, lost: readonly string[], gained: readonly string[]): Change[] {
  if (lost.length > 0) return lost.map((what) => breaking(where, `takes less: ${what}`));
  return gained.map((what) => ({ breaking: false, where, what: `takes more: ${what}` }));
}

function resultChanges(old: OpenRpcMethod, now: OpenRpcMethod, before: Document, after: Document): Change[] {
  const where = `${old.name}.result`;
  const [was, is] = [old.result?.schema, now.result?.schema];
  if (was === undefined || is === undefined) return [];
  const widened = excess(is, was, after, before);
  if (widened.length > 0) return widened.map((what) => breaking(where, `may be what it never was: ${what}`));
  return excess(was, is, before, after).map((what) => ({
    breaking: false,
    where,
    what: `is less than it was: ${what}`,
  }));
}
