/** What passes a server's middleware: a call whose turn has come, before its params are checked. */
import type { Observable } from 'rxjs';
import type { Method } from '../../contract.js';
import type { CallContext } from '../dispatch.js';

/** One call that came in: a request, a stream, a notification, or an entry of a batch. */
export interface ServerCall {
  readonly service: string;
  readonly method: string;
  /** Undefined for what is served by name. */
  readonly kind: Method['kind'] | undefined;
  /** As they came; checked against the contract after the last middleware. */
  readonly params: unknown;
  /** Passed on as it is: a copy, as `{ ...context }`, has nothing of it and is refused. */
  readonly context: CallContext;
}

/**
 * Stands between the wire and a handler. `next(call)` is the rest of the way: subscribing runs the
 * handler; it emits the value or the items that the handler gives and errors with what it throws.
 * A caller that cancels, and the deadline, unsubscribe it.
 *
 * What the middleware emits is checked as the handler's would be, its last item is a request's
 * result; what it throws or errors with is the answer: an RpcError as it is, anything else as -32603.
 * The items of an AsyncIterable are still read as the client asks for them.
 *
 * @example
 * const authenticated: ServerMiddleware = (call, next) =>
 *   call.context.headers.token === 'secret'
 *     ? next(call)
 *     : throwError(() => new RpcError(-32004, 'Unauthorized'));
 * await connection.serve(prices, handlers, { middleware: [authenticated] });
 */
export type ServerMiddleware = (
  call: ServerCall,
  next: (call: ServerCall) => Observable<unknown>,
) => Observable<unknown>;
