/**
 * Waiting with a bound, for the group member.
 */
import { type Deferred, deferred } from '../deferred.js';
import type { GroupOptions } from './port.js';

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

/**
 * Milliseconds that a hand-over may take. Members that keep partitions join again with work to commit, and the broker
 * answers a connection's requests in turn: a commit waits for the join, and so for the session of one that died.
 */
export const handOverTime = ({ assignor, protocol, revokeTimeout, sessionTimeout }: GroupOptions) =>
  revokeTimeout + (assignor === 'cooperative' && protocol !== 'consumer' ? sessionTimeout : 0);
