/** The options of one call: the client and its middleware read them, client-api.ts builds the client's defaults on them. */
import type { CallContext } from './dispatch.js';
import type { HedgeOptions } from './hedge-options.js';
import type { RetryOptions } from './retry.js';

/** How one call is made; a client's options are the defaults of its calls. */
export interface CallOptions {
  /** Milliseconds until the call ends without an answer; for a stream, until it opens. @default 10000 */
  readonly timeout?: number;
  /** Ends the call when it aborts, and the handler with it. */
  readonly signal?: AbortSignal;
  /** Calls of one key keep their order: they take the same partition. */
  readonly key?: string;
  /** Sends the call again where that is worth it; the server knows a repeat and runs it once. @default never */
  readonly retry?: RetryOptions;
  /**
   * Sends copies of a request to other servers while the first takes its time; the first answer wins. Its
   * handler may run once on each, so it is for methods that may run more than once. Not together with
   * `retry` or `key`; of the client's own, a call's `retry` or `key` turns it off. @default never
   */
  readonly hedge?: HedgeOptions;
  /** Names what is asked for: a server that remembers the key answers as it did before. */
  readonly idempotencyKey?: string;
  /** The call of a handler that this one is made for: it inherits its deadline, its signal and its trace. */
  readonly context?: CallContext;
  /** Strings that travel with the call: tokens, trace context; `context.headers` in the handler. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Items of a stream asked for ahead of its subscriber. @default 1024, which grows to 8192 as the stream goes on
   * while so many of its items are no more than 1 MiB; with `ack: true` it stays
   */
  readonly window?: number;
}

/** How a stream is called whose items are acknowledged. */
export interface AckedCallOptions extends CallOptions {
  /**
   * Emits each item as a `StreamItem`, which holds one of the `window` places until it is settled: a subscriber that
   * takes its time slows the handler down with it. @default absent: items count as taken when they are emitted
   */
  readonly ack: true;
}
