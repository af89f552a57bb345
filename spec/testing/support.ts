/** Consumers that write down what happens to them. */
import type {
  Consumer,
  ConsumerRecord,
  GroupOptions,
  Kafka,
  KafkaError,
  TopicPartition,
} from '../../src/kafka/port.js';

/** The text of the error, with its reason; fails where there is none. */
export async function rejection(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { reason, notSent, message } = error as KafkaError;
    return [reason, notSent ? 'not sent' : undefined, message].filter(Boolean).join(': ');
  }
  throw new Error('expected a rejection');
}

export const send = (kafka: Kafka, topic: string, partition: number, text: string) =>
  kafka.send({ topic, partition, value: Buffer.from(text) });

const list = (partitions: readonly TopicPartition[]) => partitions.map((at) => at.partition).join(' ');

/** What one consumer has seen. */
export class Witness {
  /** `assigned 0 1`, `revoked 0 1`, `lost 0 1`, and the values of records, in order. */
  readonly events: string[] = [];
  readonly records: ConsumerRecord[] = [];
  readonly errors: KafkaError[] = [];
  /** What `onRevoked` waits for. */
  beforeRevoked: (partitions: readonly TopicPartition[], lost: boolean) => Promise<void> = async () => {};

  readonly handlers = {
    onRecord: (record: ConsumerRecord) => {
      this.records.push(record);
      this.events.push(String(record.value));
    },
    onError: (error: KafkaError) => {
      this.errors.push(error);
    },
    onAssigned: (partitions: readonly TopicPartition[]) => {
      this.events.push(`assigned ${list(partitions)}`.trim());
    },
    onRevoked: async (partitions: readonly TopicPartition[], lost: boolean) => {
      this.events.push(`${lost ? 'lost' : 'revoked'} ${list(partitions)}`.trim());
      await this.beforeRevoked(partitions, lost);
    },
  };

  get values(): string[] {
    return this.records.map(({ value }) => String(value));
  }

  subscribe(kafka: Kafka, topic: string, options: Partial<GroupOptions> = {}): Promise<Consumer> {
    const defaults = { group: 'g', topics: [topic], from: 'earliest' as const };
    const times = { sessionTimeout: 6_000, revokeTimeout: 1_000 };
    return kafka.subscribe({ ...defaults, ...times, ...options }, this.handlers);
  }

  /** Forgets what it has seen. */
  reset(): void {
    for (const seen of [this.events, this.records, this.errors]) seen.length = 0;
  }
}
