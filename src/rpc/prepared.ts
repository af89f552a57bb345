/** What operators ask a client for: to make many calls of one method with the same options. */
import type { Either } from 'fp-ts/lib/Either.js';
import type { CallOptions } from './call-options.js';
import type { CallError } from './error.js';

/** Where a client has its way to prepare calls: operators are given one as its users see it. */
export const PREPARE: unique symbol = Symbol('callstream.prepare');

/** Checks the options once; throws a TypeError that names the one that is wrong. */
export interface Prepares {
  [PREPARE](kind: 'request' | 'notification', method: string, options: CallOptions): Prepared;
}

export function isPreparing(client: unknown): client is Prepares {
  return typeof (client as Partial<Prepares> | null | undefined)?.[PREPARE] === 'function';
}

/** Makes one call, with what is its own; `settle` hears its end, at once where it can't be sent. */
export type Prepared = (
  params: unknown,
  own: Pick<CallOptions, 'key' | 'idempotencyKey'> | undefined,
  settle: (result: Either<CallError, unknown>) => void,
) => Made;

/** A call that was made. */
export interface Made {
  /** Ends it without a word; nothing, once it has ended. */
  drop(): void;
}

/** There was nothing to make. */
export const NOT_MADE: Made = { drop: () => {} };
