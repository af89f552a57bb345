/** What the two hand-written loops share: node-rdkafka's clients, set up as callstream sets up its own. */
import { createRequire } from 'node:module';
import type { KafkaConsumer, Producer } from 'node-rdkafka';

const rdkafka = createRequire(import.meta.url)('node-rdkafka') as typeof import('node-rdkafka');

export type Raw = { key: Buffer | null; value: Buffer; headers: Record<string, Buffer>[] };
type Headers = Record<string, string>[];

export interface Topics {
  readonly requests: string;
  readonly inbox: string;
  /** The same headers that callstream's requests and replies have. */
  readonly requestHeaders: Headers;
  readonly replyHeaders: Headers;
}

export function topicsOf(contender: string): Topics {
  const inbox = `bench-${contender}.inbox`;
  return {
    requests: `bench-${contender}.requests`,
    inbox,
    requestHeaders: [
      { kafka_replyTopic: inbox },
      { kafka_replyPartition: '0' },
      { kafka_correlationId: 'AAAAAAAAAAAA' },
      { 'content-type': 'application/json' },
      { 'callstream-version': '1' },
    ],
    replyHeaders: [
      { kafka_correlationId: 'AAAAAAAAAAAA' },
      { 'content-type': 'application/json' },
      { 'callstream-inbox': `${inbox}/0/BBBBBBBBBBBB` },
    ],
  };
}

export async function createTopics(brokers: string, { requests, inbox }: Topics): Promise<void> {
  const admin = rdkafka.AdminClient.create({ 'bootstrap.servers': brokers });
  for (const topic of [requests, inbox]) {
    await new Promise<void>((resolve) => {
      admin.createTopic({ topic, num_partitions: 4, replication_factor: 1 }, 10_000, () => resolve());
    });
  }
  admin.disconnect();
}

/** Idempotent, no linger, delivery reports: the producer that callstream has. */
export async function openProducer(
  brokers: string,
): Promise<(topic: string, partition: number, value: Buffer, headers: Headers, key?: string) => void> {
  const producer: Producer = new rdkafka.Producer({
    'bootstrap.servers': brokers,
    'enable.idempotence': true,
    'linger.ms': 0,
    'queue.buffering.max.messages': 1_000_000,
    dr_cb: true,
  });
  await new Promise((resolve, reject) =>
    producer.connect({}, (error, data) => (error ? reject(error) : resolve(data))),
  );
  producer.setPollInterval(10);
  producer.on('delivery-report', () => {});
  return (topic, partition, value, headers, key) => {
    producer.produce(topic, partition, value, key ?? null, Date.now(), undefined, headers);
  };
}

/** Flows from the end of the given partitions. */
export async function flow(
  brokers: string,
  topic: string,
  partitions: number,
  onRecord: (record: Raw) => void,
): Promise<void> {
  const consumer: KafkaConsumer = new rdkafka.KafkaConsumer(
    {
      'bootstrap.servers': brokers,
      'group.id': `bench-${process.pid}`,
      'enable.auto.commit': false,
    },
    {},
  );
  consumer.setDefaultConsumeTimeout(50);
  consumer.setDefaultConsumeLoopTimeoutDelay(0);
  await new Promise((resolve, reject) =>
    consumer.connect({}, (error, data) => (error ? reject(error) : resolve(data))),
  );
  const from = await Promise.all(
    Array.from(
      { length: partitions },
      (_, partition) =>
        new Promise<{ topic: string; partition: number; offset: number }>((resolve, reject) => {
          consumer.queryWatermarkOffsets(topic, partition, 10_000, (error, { highOffset }) => {
            if (error) reject(error);
            else resolve({ topic, partition, offset: highOffset });
          });
        }),
    ),
  );
  consumer.assign(from);
  consumer.consume((error, record) => {
    if (!error) onRecord(record as unknown as Raw);
  });
}
