/** What a handler gives as many items, for a caller that takes one answer. */
import { isLeft } from 'fp-ts/lib/Either.js';
import { defaultIfEmpty, map, type Observable, take, takeLast, toArray } from 'rxjs';
import { errors, RpcError } from '../jsonrpc/error.js';
import type { Entry } from './dispatch.js';
import { type Items, iterate } from './iterate.js';

/**
 * Everything a source of items gives, as one answer: its last item where the contract has a
 * request, all of them in an array, up to a bound, where the caller asked for no stream.
 */
export function oneAnswer(
  items: Items,
  kind: Entry['kind'],
  encode: Entry['answer'],
  maxItems: number,
): Observable<unknown> {
  const source = iterate(items);
  const answer = (item: unknown) => {
    const encoded = encode(item);
    if (isLeft(encoded)) throw encoded.left;
    return encoded.right;
  };
  if (kind === 'request') return source.pipe(takeLast(1), defaultIfEmpty(undefined), map(answer));
  return source.pipe(
    map(answer),
    take(maxItems + 1),
    toArray(),
    map((all) => {
      if (all.length <= maxItems) return all;
      throw new RpcError(
        errors.serverError.code,
        `more than ${maxItems} items: ask for a stream (meta.credit)`,
      );
    }),
  );
}
