/** The topics that callstream owns: made where they are missing, with timestamps that its clients set. */
import type { Kafka } from '../kafka/port.js';
import { count, milliseconds } from './options.js';

/** `retention` in milliseconds. */
export async function createTopic(
  kafka: Kafka,
  topic: string,
  partitions: number,
  retention: number,
): Promise<void> {
  await kafka.createTopic({
    topic,
    partitions: count('partitions', partitions),
    config: {
      'retention.ms': String(milliseconds('retention', retention)),
      'message.timestamp.type': 'CreateTime',
    },
  });
}
