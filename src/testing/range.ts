/** Kafka's default assignment: each topic's partitions in ranges, the first members take one more. */
import type { MemoryLog } from './memory-log.js';

export interface Subscriber {
  readonly id: number;
  readonly topics: readonly string[];
}

/** The partitions of each subscriber by its id; every subscriber has an entry. */
export function rangeAssignment(
  subscribers: readonly Subscriber[],
  logsOf: (topic: string) => readonly MemoryLog[],
): Map<number, MemoryLog[]> {
  const sorted = [...subscribers].sort((a, b) => a.id - b.id);
  const assignment = new Map<number, MemoryLog[]>(sorted.map(({ id }) => [id, []]));
  for (const topic of new Set(sorted.flatMap(({ topics }) => topics))) {
    const takers = sorted.filter(({ topics }) => topics.includes(topic));
    const logs = logsOf(topic);
    const each = Math.floor(logs.length / takers.length);
    const extra = logs.length % takers.length;
    takers.forEach(({ id }, index) => {
      const first = index * each + Math.min(index, extra);
      assignment.get(id)?.push(...logs.slice(first, first + each + (index < extra ? 1 : 0)));
    });
  }
  return assignment;
}
