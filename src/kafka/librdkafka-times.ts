/**
 * Offsets by time. The binding lets only consumers ask for them, so a consumer is opened for the question and
 * closed behind it. Used by topics.
 */
import type { Binding, NativeError } from './librdkafka-binding.js';
import { connect, disconnect } from './librdkafka-client.js';
import { toKafkaError } from './librdkafka-error.js';
import { type Base, consumerProperties } from './librdkafka-properties.js';
import type { TopicPartition, TopicPartitionOffset } from './port.js';

/** Milliseconds within which a broker must answer. */
const ANSWER = 5_000;

/** The first record of `timestamp` or younger in each partition; an offset below zero where there is none. */
export async function offsetsAt(
  binding: Binding,
  base: Base,
  partitions: readonly TopicPartition[],
  timestamp: number,
): Promise<TopicPartitionOffset[]> {
  if (partitions.length === 0) return [];
  const { global, topic } = consumerProperties(base, { group: 'callstream.reader', from: 'earliest' });
  const handle = new binding.KafkaConsumer(global as never, topic);
  handle.on('event.error', () => {});
  try {
    await connect(handle, ANSWER);
  } catch (error) {
    throw toKafkaError(error as NativeError, 'Asking for offsets by time');
  }
  try {
    // librdkafka takes the time in the place of the offset and puts the offset there.
    const asked = partitions.map((at) => ({ ...at, offset: timestamp }));
    return await new Promise<TopicPartitionOffset[]>((resolve, reject) => {
      handle.offsetsForTimes(asked, ANSWER, (error: NativeError | null, found) => {
        if (error) reject(toKafkaError(error, 'Asking for offsets by time'));
        else
          resolve(found.map((at) => ({ topic: at.topic, partition: at.partition, offset: at.offset ?? -1 })));
      });
    });
  } finally {
    await disconnect(handle);
  }
}
