/**
 * Waiting with a bound, for the group member.
 */
import { type Deferred, deferred } from '../deferred.js';

/** A rejection that nobody awaits is nobody's. */
export function quietly(): Deferred<void> {
  const made = deferred<void>();
  made.promise.catch(() => {});
  return made;
}

/** Waits for the work, or for `ms` milliseconds; the work goes on by itself then. */
export async function withinTime(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, end]);
  clearTimeout(timer);
}
