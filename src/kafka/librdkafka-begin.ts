/**
 * Where a group member begins to read the partitions that it was given. Used by the group member.
 */
import type { NativeConsumer, NativeError } from './librdkafka-binding.js';
import { toKafkaError } from './librdkafka-error.js';
import type { GroupOptions, TopicPartition, TopicPartitionOffset } from './port.js';

/** Milliseconds that a question to the group's coordinator may take. */
const ANSWER = 5_000;

/**
 * The committed offsets, and the first or the latest where nothing is committed. Fixed at the assignment, because
 * librdkafka waits 100 ms before it asks for the first or the latest itself: a group from `latest` wouldn't read what
 * is sent meanwhile, by a caller that has joined already.
 */
export async function beginAt(
  native: NativeConsumer,
  partitions: readonly TopicPartition[],
  { from, begin = [] }: Pick<GroupOptions, 'from' | 'begin'>,
  watermarks: (at: TopicPartition) => Promise<{ readonly low: number; readonly high: number }>,
): Promise<readonly TopicPartitionOffset[]> {
  if (partitions.length === 0) return [];
  const committed = await new Promise<(TopicPartition & { offset?: number })[]>((resolve, reject) => {
    native.committed([...partitions], ANSWER, (error: NativeError | null, found) => {
      if (error) reject(toKafkaError(error, 'Finding the committed offsets'));
      else resolve(found);
    });
  });
  return Promise.all(
    committed.map(async ({ topic, partition, offset }) => {
      if (offset !== undefined && offset >= 0) return { topic, partition, offset };
      const named = begin.find((at) => at.topic === topic && at.partition === partition);
      if (named !== undefined) return named;
      const { low, high } = await watermarks({ topic, partition });
      return { topic, partition, offset: from === 'latest' ? high : low };
    }),
  );
}
