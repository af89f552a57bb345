/**
 * Policies as middleware. They choose how a call is made by setting its options; what the policy
 * does stays below, in the correlation, where also a late answer to an earlier attempt counts.
 */
import type { Observable } from 'rxjs';
import type { CallOptions } from '../call-options.js';
import { type HedgeOptions, hedgePolicy } from '../hedge-options.js';
import { milliseconds, texts } from '../options.js';
import { RetryBudget, type RetryOptions, retryPolicy } from '../retry.js';
import type { ClientMiddleware } from './client-middleware.js';

/**
 * Gives the calls that pass a timeout, in milliseconds, where they have none of their own. Nothing is
 * timed here: the call ends by its deadline as if its options had said so, and its server is told.
 *
 * @example
 * connection.client(prices, { middleware: [only(['report'], withTimeout(60_000))] });
 */
export function withTimeout(ms: number): ClientMiddleware {
  const timeout = milliseconds('timeout', ms);
  return (call, next) =>
    next(call.options.timeout === undefined ? { ...call, options: { ...call.options, timeout } } : call);
}

/**
 * Has the calls that pass tried again, where they say nothing of their own about it. Nothing is
 * resubscribed here: all attempts are one call with one id, so that its server runs it once and the
 * first answer wins, also a late one. RxJS's `retry` behind `next` makes whole new calls instead.
 *
 * @example
 * connection.client(prices, { middleware: [only(['quote'], withRetry({ attempts: 3 }))] });
 */
export function withRetry(retry: RetryOptions = {}): ClientMiddleware {
  retryPolicy(retry, new RetryBudget());
  return (call, next) =>
    next(decided(call.options) ? call : { ...call, options: { ...call.options, retry } });
}

/**
 * Has the requests that pass hedged (`CallOptions.hedge`), where they say nothing of their own about it and
 * have no retry and no key. Their handlers may run on several servers: name methods that may.
 *
 * @example
 * connection.client(prices, { middleware: [only(['quote'], withHedging({ delay: 50 }))] });
 */
export function withHedging(hedge: HedgeOptions): ClientMiddleware {
  hedgePolicy(hedge);
  return (call, next) =>
    next(
      call.kind !== 'request' || call.options.key !== undefined || decided(call.options)
        ? call
        : { ...call, options: { ...call.options, hedge } },
    );
}

const decided = ({ retry, hedge }: CallOptions): boolean => retry !== undefined || hedge !== undefined;

/**
 * A middleware, of either side, for some methods alone; the others pass by it.
 *
 * @example
 * connection.serve(prices, handlers, { middleware: [only(['audit'], authenticated)] });
 */
export function only<C extends { readonly method: string }>(
  methods: readonly string[],
  middleware: (call: C, next: (call: C) => Observable<unknown>) => Observable<unknown>,
): (call: C, next: (call: C) => Observable<unknown>) => Observable<unknown> {
  const names = new Set(texts('methods', methods));
  if (typeof middleware !== 'function')
    throw new TypeError(`middleware: expected a function, got ${typeof middleware}`);
  return (call, next) => (names.has(call.method) ? middleware(call, next) : next(call));
}
