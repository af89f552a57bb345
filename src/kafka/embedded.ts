/**
 * The embedded cluster: librdkafka's mock, in this process, in some 5 ms. Other clients and processes can connect to
 * it; it lives until it is closed. Above it stand librdkafka.ts and `callstream broker`.
 */
import { loadBinding } from './librdkafka-binding.js';
import { connect, disconnect } from './librdkafka-client.js';
import { toKafkaError } from './librdkafka-error.js';

/** A mock cluster of one broker that runs in this process. */
export interface EmbeddedCluster {
  /** The bootstrap list that clients connect to. */
  readonly brokers: string;
  close(): Promise<void>;
}

const READY = 10_000;

/** Starts a mock cluster of one broker: 4 partitions a topic, the newest 5 MiB of each, a group's first join in 3 s. */
export async function startEmbedded(): Promise<EmbeddedCluster> {
  const binding = loadBinding();
  const producer = new binding.Producer({ 'test.mock.num.brokers': 1 } as never);
  producer.on('event.error', () => {});
  const { brokers } = await connect(producer, READY).catch((error) => {
    throw toKafkaError(error, 'Starting the embedded cluster');
  });
  let closed: Promise<unknown> | undefined;
  return {
    brokers: brokers.map(({ host, port }) => `${host}:${port}`).join(','),
    close: async () => {
      closed ??= disconnect(producer);
      await closed;
    },
  };
}
