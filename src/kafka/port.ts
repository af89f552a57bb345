/**
 * The narrow interface between callstream and a Kafka client: librdkafka.ts implements it on a
 * real or embedded cluster, testing/ in memory with virtual time. Nothing above this line knows
 * which one it talks to.
 */
import type { Observable } from 'rxjs';
import type { Clock } from '../clock.js';

/** One header an entry, in order, names may repeat. Sent values are ASCII strings; received ones exact bytes. */
export type Headers = readonly Readonly<Record<string, string | Buffer>>[];

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A place in a partition. */
export interface TopicPartitionOffset extends TopicPartition {
  /** The next record to read. */
  readonly offset: number;
}

/** A record to send. */
export interface ProducerRecord {
  readonly topic: string;
  /** `null`: the key's partition (murmur2, as Kafka's own clients), a random one where there is no key. */
  readonly partition: number | null;
  readonly value: Buffer | null;
  readonly key?: Buffer | string | null;
  readonly headers?: Headers;
  /** Milliseconds since the epoch; the broker's or client's own clock where absent. */
  readonly timestamp?: number;
}

/** What Kafka says of a record that it has. */
export interface DeliveryReport extends TopicPartition {
  /** The offset that the broker gave the record. */
  readonly offset: number;
}

/** Told what became of records that were sent: one for many of them, each known by its token. It must not throw. */
export interface DeliveryObserver {
  /** Nobody waits for the reports: they may come some milliseconds later, where that saves work. @default false */
  readonly patient?: boolean;
  delivered(report: DeliveryReport, token: number): void;
  undelivered(error: KafkaError, token: number): void;
}

/** A record that was read. */
export interface ConsumerRecord extends TopicPartition {
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** `null` is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Headers;
}

/** A topic to create. */
export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor?: number;
  /** Topic configuration by Kafka's names, as `retention.ms`. */
  readonly config?: Readonly<Record<string, string>>;
}

/** What a failure means to the caller, whatever librdkafka's code for it. */
export type KafkaErrorReason =
  | 'unreachable' // no broker answers
  | 'denied' // authorization or authentication
  | 'no topic' // unknown topic or partition
  | 'too large' // over message.max.bytes, here or at the broker
  | 'queue full' // the local bound on unsent records
  | 'closed' // this client was closed
  | 'fenced' // another took this one's transactional id, or its place in a group, over
  | 'failed'; // anything else

/** A failure of Kafka or of the way to it. Its message never holds a credential. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly reason: KafkaErrorReason;
  /** librdkafka's or Kafka's numeric code, where one is known. */
  readonly code: number | undefined;
  /** True where a record was refused before it was handed over: it surely was not sent. */
  readonly notSent: boolean;

  constructor(reason: KafkaErrorReason, message: string, details: { code?: number; notSent?: boolean } = {}) {
    super(message);
    this.reason = reason;
    this.code = details.code;
    this.notSent = details.notSent ?? false;
  }
}

/** `connected` once a broker answers, `reconnecting` while none does, `closed` once and last. */
export interface KafkaStatus {
  readonly state: 'connected' | 'reconnecting' | 'closed';
  readonly reason?: string;
}

/** Who gets what a consumer reads. */
export interface ConsumerHandlers {
  /** Called for each record, in order within a partition. It must not throw. */
  onRecord(record: ConsumerRecord): void;
  /** Told of errors; the consumer recovers from them by itself. */
  onError(error: KafkaError): void;
  /**
   * Where given: told, behind the records before it, each time that a partition has nothing more to read. `offset` is
   * where its next record will be, which may be beyond the last one: markers of transactions take offsets too.
   */
  onEnd?(at: TopicPartitionOffset): void;
}

/** Who gets what a member of a consumer group reads, and hears of its rebalances. */
export interface GroupHandlers extends ConsumerHandlers {
  /** Partitions that come on top of those that the member has, which is none with the eager hand-over. */
  onAssigned(partitions: readonly TopicPartition[]): void;
  /**
   * Called before partitions are handed over: finish, commit, resolve. The hand-over waits for it,
   * at most `revokeTimeout`. No record of these partitions arrives after the call.
   * `lost`: the group has already given them to somebody else, a commit would be refused.
   */
  onRevoked(partitions: readonly TopicPartition[], lost: boolean): Promise<void>;
}

/** Which records of transactions are read: those of committed ones, in their place once they are, or all at once. */
export type Isolation = 'read_committed' | 'read_uncommitted';

/** How records are read, with a group or without. */
export interface ReadingOptions {
  /** @default the connection's `isolation.level`, which is read_committed unless set */
  readonly isolation?: Isolation | undefined;
}

/** `eager`: range, then round robin; `cooperative`: Kafka's cooperative-sticky. */
export type Assignor = 'eager' | 'cooperative';

/** `consumer` is that of KIP-848, which needs Kafka 4. */
export type GroupProtocol = 'classic' | 'consumer';

/** How a consumer group is joined. */
export interface GroupOptions extends ReadingOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group without committed offsets begins. */
  readonly from: 'earliest' | 'latest';
  /** Where partitions begin of which nothing is committed; `from` tells of those not named. @default none */
  readonly begin?: readonly TopicPartitionOffset[];
  /** Milliseconds after which the broker gives a silent member's partitions away; its own with the new protocol. */
  readonly sessionTimeout: number;
  /** How partitions change hands: all of them at each change, or those alone that move. @default 'eager' */
  readonly assignor?: Assignor | undefined;
  /** The group's protocol. With `consumer` the broker assigns, and only what moves changes hands. @default 'classic' */
  readonly protocol?: GroupProtocol | undefined;
  /** Kafka's `group.instance.id`: the member keeps its partitions over a restart within its session. @default none */
  readonly groupInstanceId?: string | undefined;
  /**
   * Milliseconds that a hand-over waits for `onRevoked`, at most; with the cooperative assignor `sessionTimeout` more,
   * for which a member that died keeps commits back.
   */
  readonly revokeTimeout: number;
}

/** A consumer that reads, until it is closed. */
export interface Consumer {
  /** Stops and restarts delivery of all assigned partitions. Costly (what was prefetched is fetched again): use wide marks. */
  pause(): void;
  resume(): void;
  /**
   * Commits for the group; resolves when the broker has answered. Rejects for what isn't assigned, or whose hand-over
   * has ended: Kafka would take it from any member.
   */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void>;
  /** Stops delivery at once, runs `onRevoked`, leaves the group. Idempotent. */
  close(): Promise<void>;
}

/** A member of a consumer group. */
export interface GroupMember extends Consumer {
  /**
   * Reads these topics from here on, one at least: the group rebalances. `begin`: where partitions begin of which nothing
   * is committed, on top of those that were named before.
   */
  resubscribe(topics: readonly string[], begin: readonly TopicPartitionOffset[]): void;
}

/** Who writes in transactions. */
export interface TransactionalOptions {
  /** Kafka's `transactional.id`: whoever opens one last has it, and fences those before. */
  readonly id: string;
  /** Milliseconds after which the broker aborts a transaction that has not ended. */
  readonly timeout: number;
}

/**
 * A producer that writes in transactions, one after the other. Each method rejects with a KafkaError; `fenced` is final.
 * After any other, `abort` says whether it can go on: where that rejects, another must be opened.
 */
export interface TransactionalProducer {
  begin(): Promise<void>;
  /** As `Kafka.send`, into the open transaction. */
  send(record: ProducerRecord): Promise<DeliveryReport>;
  /**
   * Commits the group's offsets with the open transaction. `consumer` is the group's, of the same Kafka: they are refused
   * as its `commit` refuses them, and by the broker where it has left, or speaks for an earlier generation.
   */
  sendOffsets(offsets: readonly TopicPartitionOffset[], consumer: Consumer): Promise<void>;
  /** Where it rejects, whether the transaction was committed is not known. */
  commit(): Promise<void>;
  abort(): Promise<void>;
  /** What is open then is aborted by the broker: after its timeout, or when the id is opened again. Idempotent. */
  close(): Promise<void>;
}

/** A way to one Kafka cluster: a producer, consumers, topics. */
export interface Kafka {
  readonly clock: Clock;
  /** The bootstrap list in use. */
  readonly brokers: string;
  /** True on a mock cluster, which auto-creates topics, forgets old data and knows no CreateTopics. */
  readonly embedded: boolean;
  /** The largest record in bytes (value, key and headers) that `send` accepts. */
  readonly maxRecordBytes: number;
  /** Replays the latest status to a new subscriber; completes after `closed`. */
  readonly status$: Observable<KafkaStatus>;

  /**
   * Hands a record to the producer before it returns; resolves with the delivery report.
   * Rejects with a KafkaError; one with `notSent: true` was refused before it was handed over.
   * A full queue is waited for within a named bound, then refused.
   */
  send(record: ProducerRecord): Promise<DeliveryReport>;
  /**
   * As `send`, without a Promise a record. Returns the error of a record that is refused at once; of any other the
   * observer is told, once, never before this returns.
   */
  produce(record: ProducerRecord, observer: DeliveryObserver, token: number): KafkaError | undefined;
  /** Resolves when nothing sent is without its report, or after `timeout` ms. */
  flush(timeout: number): Promise<void>;

  /** Rejects with reason `denied` where it isn't allowed and the topic isn't there. */
  createTopic(spec: TopicSpec): Promise<'created' | 'exists'>;
  /** The number of partitions, or undefined where there is no such topic. Never creates one. */
  partitions(topic: string): Promise<number | undefined>;
  /** The names of all topics that may be seen, sorted; Kafka's internal ones (`__…`) are left out. */
  topics(): Promise<readonly string[]>;
  watermarks(at: TopicPartition): Promise<{ readonly low: number; readonly high: number }>;
  /**
   * The first offset of each partition whose record is of `timestamp` (milliseconds since the epoch) or younger; the
   * end of a partition that has none. Rejects on librdkafka's mock, which doesn't know.
   */
  offsetsAt(topic: string, timestamp: number): Promise<TopicPartitionOffset[]>;

  /** What a group has committed of a topic: the next record of each partition; none where it has committed nothing. */
  committed(group: string, topic: string): Promise<TopicPartitionOffset[]>;

  /** Reads from explicit offsets without a group; resolves when reading has begun. */
  assign(
    from: readonly TopicPartitionOffset[],
    handlers: ConsumerHandlers,
    options?: ReadingOptions,
  ): Promise<Consumer>;
  /** Joins a group; resolves at the first assignment, be it empty. */
  subscribe(options: GroupOptions, handlers: GroupHandlers): Promise<GroupMember>;

  /**
   * Opens a producer of transactions: what an earlier one with its id has left open is aborted first. Rejects on
   * librdkafka's mock, whose transactions neither hide nor undo anything.
   */
  transactional(options: TransactionalOptions): Promise<TransactionalProducer>;

  /** Closes consumers, then transactional producers, flushes, disconnects. Idempotent. */
  close(): Promise<void>;
}

/** The last header of that name, as Kafka's own clients take it; undefined where there is none. */
export function header(headers: Headers, name: string): string | Buffer | undefined {
  for (let i = headers.length - 1; i >= 0; i -= 1) {
    const value = headers[i]?.[name];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A Promise for one record's report, on top of a producer that tells an observer. */
export function sendOne(producer: Pick<Kafka, 'produce'>, record: ProducerRecord): Promise<DeliveryReport> {
  return new Promise((resolve, reject) => {
    const refusal = producer.produce(record, { delivered: resolve, undelivered: reject }, 0);
    if (refusal !== undefined) reject(refusal);
  });
}
