/** What passes a client's middleware: the call as its caller made it, before contract and wire. */
import type { Observable } from 'rxjs';
import type { CallOptions } from '../call-options.js';

/** One call on its way out: a request, a stream, a notification, or an entry of a batch. */
export interface ClientCall {
  readonly service: string;
  readonly method: string;
  /** Of a `call$` without a contract: `stream`, whatever the method turns out to be; of a `gather$`: `gather`. */
  readonly kind: 'request' | 'stream' | 'notification' | 'gather';
  /** As the caller gave them; checked and encoded after the last middleware. */
  readonly params: unknown;
  /** The call's own: for what is absent the client's defaults apply. */
  readonly options: CallOptions;
  /** What has become of it on the wire, as far as it was made; undefined in a call that a middleware has made up. */
  readonly progress?: CallProgress;
}

/** A call on the wire, read when it is asked for: the latest that was made for one that passes. */
export interface CallProgress {
  /** Of its request; undefined before it is made, and for a `gather$`. */
  readonly id: number | undefined;
  /** Times that it was sent, retries and copies included. */
  readonly attempt: number | undefined;
}

/**
 * Stands between a caller and the wire. `next(call)` is the rest of the way, cold: each subscription
 * makes a call of its own, with its own id, deadline and attempts; unsubscribing cancels it. It emits
 * the checked result, a stream's items, what each instance answers (`Gathered`), or for a notification
 * nothing; errors are CallErrors. With `ack` the items are `StreamItem`s: who drops one settles it.
 *
 * The last item is what `call` resolves with; what the middleware throws or errors with is how the
 * call ends. A call's timeout counts for each `next`; and a middleware may hold the call as long, neither
 * a `next` under way nor, of a stream, an item emitted: then it ends as one that wasn't sent, or as unknown
 * where there has been a `next`.
 *
 * @example
 * const token: ClientMiddleware = (call, next) => {
 *   const headers = { ...call.options.headers, token: 'secret' };
 *   return next({ ...call, options: { ...call.options, headers } });
 * };
 * const client = connection.client(prices, { middleware: [token] });
 */
export type ClientMiddleware = (
  call: ClientCall,
  next: (call: ClientCall) => Observable<unknown>,
) => Observable<unknown>;
