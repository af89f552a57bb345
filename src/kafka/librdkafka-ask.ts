/**
 * Questions that the binding lets only consumers ask: one is opened for the question, which joins nothing and reads
 * nothing, and closed behind it. Used by topics.
 */
import type { Binding, NativeConsumer, NativeError } from './librdkafka-binding.js';
import { connect, disconnect } from './librdkafka-client.js';
import { toKafkaError } from './librdkafka-error.js';
import { type Base, consumerProperties } from './librdkafka-properties.js';
import type { TopicPartition, TopicPartitionOffset } from './port.js';

/** Milliseconds within which a broker must answer. */
const ANSWER = 5_000;

type Answered = (
  error: NativeError | null,
  found: { topic: string; partition: number; offset?: number }[],
) => void;

async function ask(
  binding: Binding,
  base: Base,
  group: string,
  doing: string,
  question: (handle: NativeConsumer, answered: Answered) => void,
): Promise<TopicPartitionOffset[]> {
  const { global, topic } = consumerProperties(base, { group, from: 'earliest' });
  const handle = new binding.KafkaConsumer(global as never, topic);
  handle.on('event.error', () => {});
  try {
    await connect(handle, ANSWER);
  } catch (error) {
    throw toKafkaError(error as NativeError, doing);
  }
  try {
    return await new Promise<TopicPartitionOffset[]>((resolve, reject) => {
      question(handle, (error, found) => {
        if (error) reject(toKafkaError(error, doing));
        else
          resolve(found.map((at) => ({ topic: at.topic, partition: at.partition, offset: at.offset ?? -1 })));
      });
    });
  } finally {
    await disconnect(handle);
  }
}

/** The first record of `timestamp` or younger in each partition; an offset below zero where there is none. */
export async function offsetsAt(
  binding: Binding,
  base: Base,
  partitions: readonly TopicPartition[],
  timestamp: number,
): Promise<TopicPartitionOffset[]> {
  if (partitions.length === 0) return [];
  // librdkafka takes the time in the place of the offset and puts the offset there.
  const asked = partitions.map((at) => ({ ...at, offset: timestamp }));
  return ask(binding, base, 'callstream.reader', 'Asking for offsets by time', (handle, answered) =>
    handle.offsetsForTimes(asked, ANSWER, answered as never),
  );
}

/** What the group has committed of these partitions: its next record in each; an offset below zero where it has nothing. */
export async function committedBy(
  binding: Binding,
  base: Base,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<TopicPartitionOffset[]> {
  if (partitions.length === 0) return [];
  return ask(binding, base, group, `Asking for the offsets of the group ${group}`, (handle, answered) =>
    handle.committed([...partitions], ANSWER, answered as never),
  );
}
