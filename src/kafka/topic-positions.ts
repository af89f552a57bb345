/** Where the partitions of a topic begin and end, and how far a group has come: asked once, without joining it. Used by topic.ts. */
import type { Kafka } from './port.js';
import type { PartitionPosition } from './topic-api.js';
import { wrong } from './topic-options.js';
import { partitionsOf } from './topic-range.js';

export async function positionsOf(kafka: Kafka, topic: string, group?: string): Promise<PartitionPosition[]> {
  if (group !== undefined && (typeof group !== 'string' || group === ''))
    throw wrong('group', 'a name', group);
  const partitions = await partitionsOf(kafka, [topic]);
  const [committed, ...marks] = await Promise.all([
    group === undefined ? [] : kafka.committed(group, topic),
    ...partitions.map((at) => kafka.watermarks(at)),
  ]);
  return marks.map(({ low, high }, partition) => {
    const next = committed.find((at) => at.partition === partition)?.offset;
    // What retention has deleted is nothing to catch up with.
    const lag = group === undefined ? undefined : Math.max(0, high - Math.max(next ?? low, low));
    return { partition, low, high, committed: next, lag };
  });
}
