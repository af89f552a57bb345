/** What a caller of every instance says and gets: client-api.ts offers it, gather.ts does it. */
import type { Either } from 'fp-ts/lib/Either.js';
import type { CallOptions } from './call-options.js';
import type { CallError } from './error.js';

/** How every instance of a service is asked; what a call itself may say, and when the answers are enough. */
export interface GatherOptions extends Pick<CallOptions, 'timeout' | 'signal' | 'context' | 'headers'> {
  /** Answers after which it completes: the bound on what it holds. @default 1000 */
  readonly count?: number;
  /** Milliseconds without a further answer, after one, after which it completes. @default none: the timeout alone */
  readonly stall?: number;
}

/** What one instance has answered. */
export interface Gathered<R> {
  /** The connection's name on the wire, as its `instance`. */
  readonly instance: string;
  /** Its result, or its error: one instance's error ends nothing. */
  readonly result: Either<CallError, R>;
}
