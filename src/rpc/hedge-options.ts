/** When copies of a call are sent: call-options.ts offers it, hedge.ts does it. */
import { count, milliseconds } from './options.js';

/** How a request is hedged against a slow server. */
export interface HedgeOptions {
  /** Milliseconds without an answer after which a copy goes to another server; and after that the next. */
  readonly delay: number;
  /** Times that a call is sent, at most, the first included. @default 2 */
  readonly attempts?: number;
}

/** The options with their defaults, checked; a TypeError tells what they can't be together with. */
export function hedgePolicy(
  { delay, attempts = 2 }: HedgeOptions,
  { key, retry }: { readonly key?: string; readonly retry?: unknown } = {},
): Required<HedgeOptions> {
  if (retry !== undefined)
    throw new TypeError('hedge: expected no retry beside it: a copy after an error is part of it');
  if (key !== undefined)
    throw new TypeError('hedge: expected no key beside it: copies go to other partitions, out of order');
  return { delay: milliseconds('hedge.delay', delay), attempts: count('hedge.attempts', attempts, 2) };
}
