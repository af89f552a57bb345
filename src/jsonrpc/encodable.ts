/**
 * The guard between a handler and its Response: a result that JSON would leave out must not become a Response
 * without one. Above: the dispatcher, before it makes a Success. Below: failures.ts.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { RpcError } from './error.js';
import { unwritable } from './failures.js';

/**
 * The result to send, or the error to answer with instead. `undefined` is `null`; a function, a symbol, a
 * BigInt and an object whose toJSON gives nothing are Left. It looks at the value itself only: what is inside
 * is the codec's to refuse.
 */
export const encodable = (result: unknown): Either<RpcError, unknown> => {
  switch (typeof result) {
    case 'undefined':
      return right(null);
    case 'function':
    case 'symbol':
    case 'bigint':
      return left(unwritable(`a ${typeof result} can't be sent as a result`));
    case 'object':
      return result === null || result instanceof Date || ArrayBuffer.isView(result)
        ? right(result)
        : withJson(result);
    default:
      return right(result);
  }
};

const withJson = (result: object): Either<RpcError, unknown> => {
  try {
    const { toJSON } = result as { toJSON?: unknown };
    if (typeof toJSON !== 'function') return right(result);
    const kind = typeof toJSON.call(result, 'result');
    if (kind !== 'undefined' && kind !== 'function' && kind !== 'symbol') return right(result);
    return left(unwritable(`the result's toJSON gives ${kind}: it can't be sent`));
  } catch (error) {
    return left(unwritable("the result's toJSON threw", error));
  }
};
