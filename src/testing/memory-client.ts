/** A Kafka client whose broker is in memory: what `connect()` talks to in a test. */
import { ReplaySubject } from 'rxjs';
import type { Clock } from '../clock.js';
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
  sendOne,
  type TopicPartition,
  type TopicPartitionOffset,
  type TopicSpec,
  type TransactionalOptions,
  type TransactionalProducer,
} from '../kafka/port.js';
import { GroupConsumer } from './group-consumer.js';
import type { MemoryGroup } from './memory-group.js';
import type { MemoryLink } from './memory-link.js';
import type { MemoryLog } from './memory-log.js';
import { MemoryProducer, type ProducerBroker } from './memory-producer.js';
import { MemoryTransactions } from './memory-transactions.js';
import { ReaderSet } from './reader-set.js';
import type { Coordinator } from './transaction-coordinator.js';

/** Milliseconds that `close` waits for delivery reports. */
const CLOSE_TIMEOUT = 5_000;

/** What the broker gives a client. */
export interface ClientBroker extends ProducerBroker {
  create(spec: TopicSpec): 'created' | 'exists';
  topics(): readonly string[];
  logs(topic: string): readonly MemoryLog[] | undefined;
  mayRead(topic: string): boolean;
  group(name: string): MemoryGroup;
  readonly transactions: Coordinator;
}

export class MemoryClient implements Kafka {
  readonly name: string;
  readonly clock: Clock;
  readonly brokers = 'memory';
  readonly embedded = false;
  readonly maxRecordBytes: number;
  readonly status$ = new ReplaySubject<KafkaStatus>(1);
  readonly link: MemoryLink;
  readonly #broker: ClientBroker;
  readonly #producer: MemoryProducer;
  readonly #consumers = new Set<Consumer>();
  readonly #transactional = new Set<MemoryTransactions>();
  #closing: Promise<void> | undefined;
  #state: KafkaStatus['state'];

  /** `skew`: how far this process's idea of the time is ahead. */
  constructor(name: string, broker: ClientBroker, link: MemoryLink, skew: number) {
    const { process } = link;
    this.name = name;
    this.#broker = broker;
    this.link = link;
    this.clock =
      skew === 0
        ? process
        : {
            now: () => process.now() + skew,
            after: (ms, work) => process.after(ms, work),
            soon: (work) => process.soon(work),
          };
    this.maxRecordBytes = broker.maxRecordBytes;
    this.#producer = new MemoryProducer(this, broker, link);
    this.#state = link.up ? 'connected' : 'reconnecting';
    this.status$.next({ state: this.#state });
    link.onChange(() => process.soon(() => this.#tellStatus()));
  }

  /** Records without their delivery report. */
  get pending(): number {
    return this.#producer.pending;
  }

  send(record: ProducerRecord): Promise<DeliveryReport> {
    return sendOne(this, record);
  }

  produce(record: ProducerRecord, observer: DeliveryObserver, token: number): KafkaError | undefined {
    if (this.link.process.killed) return undefined;
    if (this.#closing !== undefined) return closed();
    const timestamp = record.timestamp ?? this.clock.now();
    return this.#producer.produce({ ...record, timestamp }, observer, token);
  }

  flush(timeout: number): Promise<void> {
    return this.#producer.flush(timeout);
  }

  createTopic(spec: TopicSpec): Promise<'created' | 'exists'> {
    return this.#request(() => this.#broker.create(spec));
  }

  partitions(topic: string): Promise<number | undefined> {
    return this.#request(() => this.#broker.logs(topic)?.length);
  }

  topics(): Promise<readonly string[]> {
    return this.#request(() => this.#broker.topics());
  }

  watermarks(at: TopicPartition): Promise<{ readonly low: number; readonly high: number }> {
    return this.#request(() => {
      const log = this.#readable(at);
      return { low: log.low, high: log.end('read_committed') };
    });
  }

  offsetsAt(topic: string, timestamp: number): Promise<TopicPartitionOffset[]> {
    return this.#request(() =>
      (this.#broker.logs(topic) ?? []).map((_, partition) => {
        const log = this.#readable({ topic, partition });
        let offset = log.low;
        while (offset < log.high && log.timestampAt(offset) < timestamp) offset += 1;
        return { topic, partition, offset };
      }),
    );
  }

  committed(group: string, topic: string): Promise<TopicPartitionOffset[]> {
    return this.#request(() =>
      (this.#broker.logs(topic) ?? []).flatMap((_, partition) => {
        const offset = this.#broker.group(group).committed({ topic, partition });
        return offset === undefined ? [] : [{ topic, partition, offset }];
      }),
    );
  }

  async assign(
    from: readonly TopicPartitionOffset[],
    handlers: ConsumerHandlers,
    { isolation }: ReadingOptions = {},
  ): Promise<Consumer> {
    const logs = await this.#request(() => from.map((at) => this.#readable(at)));
    if (this.#closing !== undefined) throw closed();
    const readers = new ReaderSet(this.link, handlers, isolation);
    logs.forEach((log, index) => {
      readers.add(log, from[index]?.offset ?? log.high);
    });
    const consumer: Consumer = {
      pause: () => {
        readers.paused = true;
      },
      resume: () => {
        readers.paused = false;
      },
      commit: () => Promise.reject(new KafkaError('failed', 'no group to commit for')),
      close: async () => {
        readers.close();
        this.#consumers.delete(consumer);
      },
    };
    this.#consumers.add(consumer);
    return consumer;
  }

  async subscribe(options: GroupOptions, handlers: GroupHandlers): Promise<GroupMember> {
    if (this.link.process.killed) return NEVER;
    if (this.#closing !== undefined) throw closed();
    for (const topic of options.topics) {
      if (!this.#broker.mayRead(topic)) throw denied(topic);
      if (this.#broker.logs(topic) === undefined) {
        this.clock.soon(() => handlers.onError(noTopic(topic)));
      }
    }
    const consumer = new GroupConsumer(
      this.link,
      this.#broker.group(options.group),
      this.name,
      options,
      handlers,
    );
    this.#consumers.add(consumer);
    consumer.left.then(() => this.#consumers.delete(consumer));
    await consumer.joined;
    return consumer;
  }

  async transactional(options: TransactionalOptions): Promise<TransactionalProducer> {
    if (this.#closing !== undefined) throw closed();
    const { transactions } = this.#broker;
    const epoch = await this.#request(() => transactions.open(options));
    const producer = new MemoryTransactions(this, this.#broker, this.link, { id: options.id, epoch }, () =>
      this.#transactional.delete(producer),
    );
    this.#transactional.add(producer);
    return producer;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.link.process.killed) {
      await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
      await Promise.all([...this.#transactional].map((producer) => producer.close()));
      await this.#producer.flush(CLOSE_TIMEOUT);
      this.#producer.close();
      this.link.close();
    }
    this.status$.next({ state: 'closed' });
    this.status$.complete();
  }

  #request<T>(answer: () => T): Promise<T> {
    return this.link.process.killed ? NEVER : this.link.request(answer);
  }

  #readable({ topic, partition }: TopicPartition): MemoryLog {
    if (!this.#broker.mayRead(topic)) throw denied(topic);
    const log = this.#broker.logs(topic)?.[partition];
    if (log === undefined) throw noTopic(`${topic} [${partition}]`);
    return log;
  }

  #tellStatus(): void {
    const state = this.link.up ? 'connected' : 'reconnecting';
    if (state === this.#state || this.#closing !== undefined) return;
    this.#state = state;
    this.status$.next(state === 'connected' ? { state } : { state, reason: 'no broker answers' });
  }
}

/** What a killed process waits for. */
const NEVER = new Promise<never>(() => {});

const closed = () => new KafkaError('closed', 'this Kafka client is closed', { notSent: true });
const denied = (topic: string) => new KafkaError('denied', `not allowed to read ${topic}`, { code: 29 });
const noTopic = (what: string) => new KafkaError('no topic', `no topic or partition ${what}`, { code: 3 });
