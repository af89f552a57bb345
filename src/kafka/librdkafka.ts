/**
 * The port on a real or embedded cluster, by librdkafka: opens a connection and hands out its parts. All that is
 * particular to node-rdkafka and librdkafka is in this folder's librdkafka*.ts. Above it stands connection.ts.
 */
import type { Observable } from 'rxjs';
import { type Clock, systemClock } from '../clock.js';
import { type EmbeddedCluster, startEmbedded } from './embedded.js';
import { type Binding, loadBinding, type NativeError } from './librdkafka-binding.js';
import { Code, codeOf, toKafkaError } from './librdkafka-error.js';
import { Member } from './librdkafka-member.js';
import { LibrdkafkaProducer } from './librdkafka-producer.js';
import { type Base, checkProperties, type UserProperties } from './librdkafka-properties.js';
import { type ConsumerSettings, Reader } from './librdkafka-reader.js';
import { Status } from './librdkafka-status.js';
import { isMock, Topics } from './librdkafka-topics.js';
import { LibrdkafkaTransactions } from './librdkafka-transactions.js';
import {
  type Consumer,
  type ConsumerHandlers,
  type DeliveryObserver,
  type DeliveryReport,
  type GroupHandlers,
  type GroupMember,
  type GroupOptions,
  type Kafka,
  KafkaError,
  type KafkaStatus,
  type ProducerRecord,
  type ReadingOptions,
  type TopicPartition,
  type TopicPartitionOffset,
  type TopicSpec,
  type TransactionalOptions,
  type TransactionalProducer,
} from './port.js';

export interface OpenOptions {
  /** The bootstrap list; undefined starts an embedded cluster that ends with this connection. */
  readonly brokers: string | undefined;
  /** librdkafka's own properties, for all handles: TLS, SASL, tuning. Checked by name, never printed. */
  readonly properties?: UserProperties;
  /** Milliseconds within which a broker must answer. @default 10_000 */
  readonly connectTimeout?: number;
  /** The name that brokers log. @default 'callstream' */
  readonly clientId?: string;
}

/** Milliseconds that a close waits for reports, with brokers that answer and with none. */
const FLUSH = 3_000;
const FLUSH_UNREACHABLE = 250;

/**
 * Connects to a cluster. Rejects with a KafkaError: `unreachable` where no broker answers in time, `denied` where one
 * refuses the credentials, `failed` where a property or the installation is wrong.
 */
export async function openKafka(options: OpenOptions): Promise<Kafka> {
  const { properties = {}, connectTimeout = 10_000, clientId = 'callstream' } = options;
  if (options.brokers?.trim() === '') throw new KafkaError('failed', 'The list of brokers is empty.');
  const binding = loadBinding();
  const user = checkProperties(binding, properties);
  const embedded = options.brokers === undefined ? await startEmbedded() : undefined;
  const brokers = embedded?.brokers ?? (options.brokers as string);
  const own: Base = { brokers, clientId, user, embedded: embedded !== undefined };
  try {
    return await open(binding, own, connectTimeout, embedded);
  } catch (error) {
    await embedded?.close();
    throw error;
  }
}

async function open(
  binding: Binding,
  own: Base,
  connectTimeout: number,
  embedded?: EmbeddedCluster,
): Promise<Kafka> {
  // Without what somebody may have put before an @.
  const shown = own.brokers.replace(/[^,\s]*@/g, '');
  let status: Status | undefined;
  let refused: NativeError | undefined;
  let lastError: NativeError | undefined;
  const producer = new LibrdkafkaProducer(binding, own, (error) => {
    status?.onError(error);
    if (codeOf(error) === Code.authentication) refused = error;
    else if (codeOf(error) !== Code.allBrokersDown) lastError = error;
  });
  const found = await producer.connect(connectTimeout).catch((error) => {
    if (refused) throw toKafkaError(refused, `The brokers ${shown} refuse the credentials`);
    // librdkafka didn't begin: a file that isn't there, a mechanism that this build hasn't.
    if (codeOf(error) === Code.state)
      throw new KafkaError('failed', `librdkafka refuses the configuration: ${error.message}`);
    const why = toKafkaError(lastError ?? error, `No broker answers at ${shown} within ${connectTimeout} ms`);
    throw new KafkaError('unreachable', why.message, why.code === undefined ? {} : { code: why.code });
  });
  try {
    const mock = own.embedded || (await isMock(binding, own, found));
    status = new Status(producer.handle);
    const base = { ...own, embedded: mock };
    return new LibrdkafkaKafka({ binding, base, connectTimeout }, producer, status, embedded);
  } catch (error) {
    await producer.close();
    throw toKafkaError(error as Error, `Asking the brokers ${shown}`);
  }
}

class LibrdkafkaKafka implements Kafka {
  readonly clock: Clock = systemClock;
  readonly brokers: string;
  readonly embedded: boolean;
  readonly maxRecordBytes: number;
  readonly status$: Observable<KafkaStatus>;
  // Private fields, because node's inspect would print the properties, passwords included.
  readonly #settings: ConsumerSettings;
  readonly #producer: LibrdkafkaProducer;
  readonly #topics: Topics;
  readonly #status: Status;
  readonly #cluster: EmbeddedCluster | undefined;
  readonly #consumers = new Set<Consumer>();
  readonly #transactional = new Set<TransactionalProducer>();
  #closed: Promise<void> | undefined;

  constructor(
    settings: Pick<ConsumerSettings, 'binding' | 'base' | 'connectTimeout'>,
    producer: LibrdkafkaProducer,
    status: Status,
    cluster: EmbeddedCluster | undefined,
  ) {
    this.#producer = producer;
    this.#topics = new Topics(settings.binding, settings.base, producer.handle);
    this.#settings = {
      ...settings,
      watermarks: (at) => this.#topics.watermarks(at),
      onClosed: (consumer) => this.#consumers.delete(consumer),
    };
    this.#status = status;
    this.#cluster = cluster;
    this.brokers = settings.base.brokers;
    this.embedded = settings.base.embedded;
    this.maxRecordBytes = producer.maxRecordBytes;
    this.status$ = status.status$;
  }

  send(record: ProducerRecord): Promise<DeliveryReport> {
    return this.#producer.send(record);
  }

  produce(record: ProducerRecord, observer: DeliveryObserver, token: number): KafkaError | undefined {
    return this.#producer.produce(record, observer, token);
  }

  flush(timeout: number): Promise<void> {
    return this.#producer.flush(timeout);
  }

  async createTopic(spec: TopicSpec): Promise<'created' | 'exists'> {
    this.#assertOpen();
    return this.#topics.create(spec);
  }

  async partitions(topic: string): Promise<number | undefined> {
    this.#assertOpen();
    return this.#topics.partitions(topic);
  }

  async topics(): Promise<readonly string[]> {
    this.#assertOpen();
    return this.#topics.names();
  }

  async watermarks(at: TopicPartition): Promise<{ low: number; high: number }> {
    this.#assertOpen();
    return this.#topics.watermarks(at);
  }

  async offsetsAt(topic: string, timestamp: number): Promise<TopicPartitionOffset[]> {
    this.#assertOpen();
    return this.#topics.offsetsAt(topic, timestamp);
  }

  async committed(group: string, topic: string): Promise<TopicPartitionOffset[]> {
    this.#assertOpen();
    return this.#topics.committed(group, topic);
  }

  async assign(
    from: readonly TopicPartitionOffset[],
    handlers: ConsumerHandlers,
    options: ReadingOptions = {},
  ): Promise<Consumer> {
    await this.#assertTopics(from.map(({ topic }) => topic));
    return this.#start(new Reader(this.#settings, from, handlers, options));
  }

  async subscribe(options: GroupOptions, handlers: GroupHandlers): Promise<GroupMember> {
    await this.#assertTopics(options.topics);
    return this.#start(new Member(this.#settings, options, handlers));
  }

  async transactional(options: TransactionalOptions): Promise<TransactionalProducer> {
    this.#assertOpen();
    const { binding, base, connectTimeout } = this.#settings;
    const producer = new LibrdkafkaTransactions(binding, base, options, () =>
      this.#transactional.delete(producer),
    );
    this.#transactional.add(producer);
    await producer.open(connectTimeout);
    return producer;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await Promise.all([...this.#transactional].map((producer) => producer.close()));
    await this.#producer.flush(this.#status.reachable ? FLUSH : FLUSH_UNREACHABLE);
    await this.#producer.close();
    await this.#cluster?.close();
    this.#status.close();
  }

  async #start<C extends Reader | Member>(consumer: C): Promise<C> {
    this.#assertOpen();
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  /** librdkafka would wait for a missing topic to appear, for as long as it takes. */
  async #assertTopics(topics: readonly string[]): Promise<void> {
    this.#assertOpen();
    for (const topic of new Set(topics))
      if ((await this.#topics.partitions(topic)) === undefined)
        throw new KafkaError('no topic', `There is no topic ${topic}, or no right to see it`);
  }

  #assertOpen(): void {
    if (this.#closed) throw new KafkaError('closed', 'The connection is closed', { notSent: true });
  }
}
