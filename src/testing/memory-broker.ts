/**
 * A Kafka cluster in memory: topics, groups, clients by `connect()`, and what can go wrong with
 * them, at a test's command.
 */
import { type Clock, systemClock } from '../clock.js';
import { partitionOf } from '../kafka/murmur2.js';
import {
  type ConsumerRecord,
  type DeliveryReport,
  type Isolation,
  type Kafka,
  KafkaError,
  type ProducerRecord,
  type TopicPartition,
} from '../kafka/port.js';
import { type Fault, Faults } from './faults.js';
import { type ClientBroker, MemoryClient } from './memory-client.js';
import { MemoryGroup } from './memory-group.js';
import { MemoryLink } from './memory-link.js';
import { MemoryLog, stored } from './memory-log.js';
import { ProcessClock } from './process-clock.js';
import { type Random, seeded } from './random.js';
import { Coordinator } from './transaction-coordinator.js';
import { VirtualClock } from './virtual-clock.js';

/** How a MemoryBroker is set up. */
export interface MemoryBrokerOptions {
  /** @default the system's clock */
  readonly clock?: Clock;
  /** Milliseconds from a client to the broker or back. @default 1 on a VirtualClock, 0 (the next turn) on another */
  readonly latency?: number | (() => number);
  /** Draws partitions for records without a key, and faults. @default a seeded one: the same each time */
  readonly random?: Random;
  /** The largest record in bytes: value, key and headers. @default 1_000_000 */
  readonly maxRecordBytes?: number;
  /** Records that a client holds without a delivery report; more are refused. @default 100_000 */
  readonly maxQueued?: number;
  /** Milliseconds after which a client that is cut off gives a record up. @default 300_000 */
  readonly deliveryTimeout?: number;
  /** True for what isn't allowed. @default all is */
  readonly deny?: (action: 'create' | 'read' | 'write', topic: string) => boolean;
}

/** How one of its clients is set up. */
export interface MemoryConnectOptions {
  /** As `members` shows it. @default client-1, client-2, ... */
  readonly name?: string;
  /** Milliseconds that this client's clock is ahead of the broker's. @default 0 */
  readonly skew?: number;
}

/**
 * A broker for tests, with the delivery guarantees of a real one: order within a partition,
 * consumer groups with eager hand-over, whatever `assignor`, `protocol` and `groupInstanceId` say, committed offsets, delivery reports. Nothing fails unless
 * the test says so.
 *
 * @example
 * const clock = new VirtualClock();
 * const broker = new MemoryBroker({ clock });
 * broker.createTopic('orders', 4);
 * const kafka = broker.connect();
 * const report = await clock.until(kafka.send({ topic: 'orders', partition: 0, value: Buffer.from('1') }));
 */
export class MemoryBroker {
  readonly clock: Clock;
  readonly random: Random;
  readonly #may: (action: 'create' | 'read' | 'write', topic: string) => boolean;
  readonly #hop: () => number;
  readonly #topics = new Map<string, MemoryLog[]>();
  readonly #groups = new Map<string, MemoryGroup>();
  readonly #clients = new Set<MemoryClient>();
  readonly #faults: Faults;
  readonly #coordinator: Coordinator;
  readonly #inside: ClientBroker;
  #up = true;
  #lastClient = 0;

  constructor(options: MemoryBrokerOptions = {}) {
    const { clock = systemClock, random = seeded(1), deny = () => false } = options;
    const latency = options.latency ?? (clock instanceof VirtualClock ? 1 : 0);
    this.clock = clock;
    this.random = random;
    this.#may = (action, topic) => !deny(action, topic);
    this.#hop = typeof latency === 'function' ? latency : () => latency;
    this.#faults = new Faults(random);
    this.#coordinator = new Coordinator(clock);
    this.#inside = {
      maxRecordBytes: options.maxRecordBytes ?? 1_000_000,
      maxQueued: options.maxQueued ?? 100_000,
      deliveryTimeout: options.deliveryTimeout ?? 300_000,
      route: (record) => this.#route(record),
      mayRead: (topic) => this.#may('read', topic),
      mayWrite: (topic) => this.#may('write', topic),
      effectOn: (record, partition, client) => this.#faults.effectOn(record, partition, client),
      append: (log, record, extraDelay) => {
        const now = clock.now();
        return log.append(record, now, now + this.#hop() + extraDelay);
      },
      create: ({ topic, partitions }) => {
        if (this.#topics.has(topic)) return 'exists';
        if (!this.#may('create', topic)) {
          throw new KafkaError('denied', `not allowed to create the topic ${topic}`, { code: 29 });
        }
        this.createTopic(topic, partitions);
        return 'created';
      },
      topics: () => [...this.#topics.keys()].sort(),
      logs: (topic) => this.#topics.get(topic),
      transactions: this.#coordinator,
      group: (name) => this.#group(name),
    };
  }

  /** A new client. Connected at once, unless the broker is disconnected. */
  connect(options: MemoryConnectOptions = {}): Kafka {
    this.#lastClient += 1;
    const link = new MemoryLink(this.clock, new ProcessClock(this.clock), this.#hop, this.#up);
    const name = options.name ?? `client-${this.#lastClient}`;
    const client = new MemoryClient(name, this.#inside, link, options.skew ?? 0);
    this.#clients.add(client);
    client.status$.subscribe({ complete: () => this.#clients.delete(client) });
    return client;
  }

  /** Creates a topic, or adds partitions to it; never takes any away. Groups that read it rebalance. */
  createTopic(topic: string, partitions = 1): void {
    if (!(Number.isInteger(partitions) && partitions > 0)) {
      throw new KafkaError('failed', `${partitions} partitions: expected a positive integer`, { code: 37 });
    }
    const logs = this.#topics.get(topic) ?? [];
    const before = logs.length;
    while (logs.length < partitions) logs.push(new MemoryLog(topic, logs.length));
    this.#topics.set(topic, logs);
    if (logs.length === before) return;
    for (const group of this.#groups.values()) if (group.reads(topic)) group.rebalance();
  }

  /** Writes what some other Kafka client might send, at once and unchecked: any headers, no key, no value. */
  append(record: ProducerRecord): DeliveryReport {
    const log = this.#route(record);
    if (log === undefined) throw new KafkaError('no topic', `no topic or partition for ${record.topic}`);
    const offset = this.#inside.append(log, stored(record), 0);
    return { topic: log.topic, partition: log.partition, offset };
  }

  /** All that a topic holds for such a reader, partition by partition. */
  records(topic: string, isolation: Isolation = 'read_committed'): ConsumerRecord[] {
    return (this.#topics.get(topic) ?? []).flatMap((log) => {
      const found: ConsumerRecord[] = [];
      const end = log.end(isolation);
      for (let at = log.seek(log.low, isolation); at < end; at = log.seek(at + 1, isolation))
        found.push(log.read(at));
      return found;
    });
  }

  /** Deletes a partition's records before `offset`, as retention does. */
  trim({ topic, partition }: TopicPartition, offset: number): void {
    this.#topics.get(topic)?.[partition]?.trim(offset);
  }

  /** The next offset that the group would read, or undefined where it has committed none. */
  committed(group: string, at: TopicPartition): number | undefined {
    return this.#groups.get(group)?.committed(at);
  }

  /** A group's members and what each has been given. */
  members(group: string): { name: string; partitions: TopicPartition[] }[] {
    return this.#groups.get(group)?.members() ?? [];
  }

  /** Records without a delivery report, over all clients. */
  get pending(): number {
    let pending = 0;
    for (const client of this.#clients) pending += client.pending;
    return pending;
  }

  /** Begins a fault; the returned function ends it. */
  inject(fault: Fault): () => void {
    return this.#faults.inject(fault);
  }

  /** The next `times` commits of this transactional id fail at the client, though they happen, or because they don't. */
  failCommits(transactionalId: string, how: 'written' | 'unwritten', times = 1): void {
    this.#coordinator.failCommits(transactionalId, how, times);
  }

  /** Asks all members to hand over and to join again. */
  rebalance(group: string): void {
    this.#groups.get(group)?.rebalance();
  }

  /** SIGKILL: its callbacks, timers and promises stop for good; its sessions run out by themselves. */
  kill(client: Kafka): void {
    const killed = this.#clientOf(client);
    this.#clients.delete(killed);
    killed.link.process.kill();
    killed.link.changed();
  }

  /** SIGSTOP: nothing runs, nothing is answered; once the session has run out its partitions move. */
  freeze(client: Kafka): void {
    const { link } = this.#clientOf(client);
    link.process.freeze();
    link.changed();
  }

  /** SIGCONT: what was due runs; where its session ran out it learns so one hop later. */
  thaw(client: Kafka): void {
    const { link } = this.#clientOf(client);
    link.process.thaw();
    link.changed();
  }

  /** Cuts one client off, or, where none is given, all of them, those to come included. */
  disconnect(client?: Kafka): void {
    if (client === undefined) this.#up = false;
    for (const { link } of client === undefined ? this.#clients : [this.#clientOf(client)]) link.cut();
  }

  /** Undoes `disconnect`. */
  reconnect(client?: Kafka): void {
    if (client === undefined) this.#up = true;
    for (const { link } of client === undefined ? this.#clients : [this.#clientOf(client)]) link.restore();
  }

  #clientOf(client: Kafka): MemoryClient {
    if (!(client instanceof MemoryClient)) throw new TypeError('not a client of a MemoryBroker');
    return client;
  }

  #group(name: string): MemoryGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new MemoryGroup(name, (topic) => this.#topics.get(topic) ?? []);
      this.#groups.set(name, group);
    }
    return group;
  }

  #route({ topic, partition, key }: ProducerRecord): MemoryLog | undefined {
    const logs = this.#topics.get(topic);
    if (logs === undefined) return undefined;
    if (partition !== null) return logs[partition];
    if (key === null || key === undefined) return logs[Math.floor(this.random() * logs.length)];
    return logs[partitionOf(key, logs.length)];
  }
}
