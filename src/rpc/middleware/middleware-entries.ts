/**
 * A server's handlers behind middleware: each call runs the chain in the place of its handler, and
 * what comes out is answered as if the handler had given it.
 */
import { isLeft, right } from 'fp-ts/lib/Either.js';
import { defer, from, isObservable, mergeMap, type Observable, of, throwError } from 'rxjs';
import type { Params } from '../../jsonrpc/message.js';
import { deadlineOf } from '../call-settings.js';
import type { Entry } from '../dispatch.js';
import { type Items, iterate } from '../iterate.js';
import { chain, checked } from './chain.js';
import type { ServerCall, ServerMiddleware } from './server-middleware.js';
import { shaped } from './shaped.js';

export function middlewareEntries(
  service: string,
  entries: Map<string, Entry>,
  middleware: readonly ServerMiddleware[] | undefined,
): Map<string, Entry> {
  if (middleware === undefined) return entries;
  const links = checked(middleware);
  return new Map([...entries].map(([method, entry]) => [method, behind(links, service, method, entry)]));
}

function behind(
  middleware: readonly ServerMiddleware[],
  service: string,
  method: string,
  entry: Entry,
): Entry {
  const { kind } = entry;
  // A request's last item is its result, whatever the handler gives.
  const answered = chain(middleware, (call: ServerCall) => handled(entry, call, iterate));
  return {
    kind,
    invoke(params, context) {
      const call: ServerCall = { service, method, kind, params, context };
      if (kind === 'request') return right(answered(call));
      const run = (items: (source: Items) => Observable<unknown>) =>
        chain(middleware, (inner: ServerCall) => handled(entry, inner, items))(call);
      return right(shaped(kind === 'stream', context.signal, run));
    },
    answer: entry.answer,
    recall: entry.recall,
  };
}

/** Runs the handler; `items` makes an Observable of what has many. */
function handled(
  entry: Entry,
  { params, context }: ServerCall,
  items: (source: Items) => Observable<unknown>,
): Observable<unknown> {
  const given = (value: unknown): Observable<unknown> => {
    if (typeof value !== 'object' || value === null) return of(value);
    if (isObservable(value)) return items(value);
    if (typeof (value as PromiseLike<unknown>).then === 'function') {
      return from(value as PromiseLike<unknown>).pipe(mergeMap(given));
    }
    return Symbol.asyncIterator in value ? items(value as AsyncIterable<unknown>) : of(value);
  };
  return defer(() => {
    // Without its key a call would run again that the store knows; without its deadline those made for it would have none.
    deadlineOf(context);
    const invoked = entry.invoke(params as Params | undefined, context);
    return isLeft(invoked) ? throwError(() => invoked.left) : given(invoked.right);
  });
}
