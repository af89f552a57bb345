/**
 * One transactional producer and one reading of a topic, until one of them can't go on: batches of records, each in a
 * transaction with the group's offsets. Above it stands transact, which opens another; below it batches and the port.
 */
import type { Subscriber as RxSubscriber } from 'rxjs';
import { PartitionMap } from '../kafka/partition-map.js';
import {
  type Consumer,
  type ConsumerRecord,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
  type TransactionalProducer,
} from '../kafka/port.js';
import type { RecordCommits } from '../kafka/topic-commits.js';
import { deadLetterRecord } from '../kafka/topic-dead-letter.js';
import { nameOf } from '../kafka/topic-events.js';
import type { ReadSettings } from '../kafka/topic-options.js';
import { Reading, type Subscriber } from '../kafka/topic-reading.js';
import { originOf, type TopicRecord } from '../kafka/topic-record.js';
import type { RecordsSource } from '../kafka/topic-source.js';
import { type Item, ItemFailure, type OutputWork } from './transact-attempt.js';
import { Batch } from './transact-batch.js';
import type { Transaction, TransactSettings } from './transact-options.js';

/** How a session ends that another one must follow: only Kafka can tell how its last transaction ended. */
export class Unsettled {
  readonly cause: KafkaError;

  constructor(cause: KafkaError) {
    this.cause = cause;
  }
}

/** The part of a transaction's time that is for the work; the rest is for the commit. */
const WORK = 0.8;

export class Session<V, K> implements Subscriber<V, K>, RecordCommits {
  consumer: Consumer | undefined;
  readonly #source: RecordsSource<V, K>;
  readonly #work: OutputWork<V, K>;
  readonly #settings: TransactSettings;
  readonly #observer: RxSubscriber<Transaction>;
  /** The next offset of each partition of which anything was taken since it was committed. */
  readonly #positions = new PartitionMap<TopicPartitionOffset>();
  #producer: TransactionalProducer | undefined;
  #reading: Reading<V, K> | undefined;
  #batch: Batch<V, K> | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The offsets are on their way: the transaction is not interrupted any more. */
  #sealed = false;
  /** How it ends is for Kafka to decide. */
  #committing = false;
  #closed: Promise<void> | undefined;

  constructor(
    source: RecordsSource<V, K>,
    work: OutputWork<V, K>,
    settings: TransactSettings,
    observer: RxSubscriber<Transaction>,
  ) {
    this.#source = source;
    this.#work = work;
    this.#settings = settings;
    this.#observer = observer;
  }

  /** What an earlier producer of this id has left open is aborted before the group's offsets are asked for. */
  async open(): Promise<void> {
    const { context, settings } = this.#source;
    const { transactionalId, transactionTimeout } = this.#settings;
    this.#producer = await context.kafka.transactional({ id: transactionalId, timeout: transactionTimeout });
    if (this.#closed !== undefined) {
      await this.#producer.close();
      return;
    }
    const { deadLetter } = settings;
    const own: ReadSettings = {
      ...settings,
      isolation: 'read_committed',
      autoAck: true,
      maxUnacked: Number.MAX_SAFE_INTEGER,
      maxUnackedBytes: Number.MAX_SAFE_INTEGER,
      ...(deadLetter !== undefined && {
        deadLetter: { deadLetter: (raw, reason) => this.#bury(raw as ConsumerRecord, reason) },
      }),
    };
    this.#reading = new Reading(context, own, this, this);
    this.#reading.start();
  }

  /** Unsubscribes from the work and aborts the open transaction; one that is being committed is waited for. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  // What the reading is told.

  get ready(): boolean {
    return this.#batch?.closed !== true;
  }

  next(record: TopicRecord<V, K>): void {
    this.#add({ raw: originOf(record), record, failures: 0, letter: undefined });
  }

  error(error: unknown): void {
    this.#observer.error(error);
  }

  complete(): void {
    this.#batch?.close();
    void this.#running.then(() => this.#observer.complete());
  }

  // What it asks of whoever commits.

  take({ topic, partition, offset }: ConsumerRecord): boolean {
    const next = { topic, partition, offset: offset + 1 };
    this.#positions.set(next, next);
    return true;
  }

  done(): void {}

  release(): void {}

  owns(): boolean {
    return true;
  }

  assign(): void {}

  async revoke(partitions: readonly TopicPartition[], lost: boolean, ms: number): Promise<number> {
    const batch = this.#batch;
    let left = 0;
    if (batch !== undefined) {
      batch.close();
      if (!lost) await this.#within(ms);
      this.#forget(partitions);
      // A transaction that is on its way to Kafka stays whole; where it fails, these are not tried again here.
      const dropped = batch.drop(partitions);
      if (this.#batch === batch && !this.#sealed) {
        left = dropped;
        batch.interrupt(new KafkaError('failed', 'The partitions were handed over'));
      }
      await this.#within(ms);
    } else this.#forget(partitions);
    return left;
  }

  idle(): Promise<void> {
    return this.#running;
  }

  async #close(): Promise<void> {
    if (!this.#sealed) this.#batch?.interrupt(new KafkaError('closed', 'The stream has ended'));
    await this.#reading?.stop();
    await this.#running;
    await this.#producer?.close();
  }

  /** The dead letter of a record that doesn't decode is written in its transaction. */
  #bury(raw: ConsumerRecord, reason: unknown): Promise<never> {
    return new Promise((resolve) => {
      const letter = deadLetterRecord(this.#settings.invalidTo as string, raw, reason);
      this.#add({ raw, record: undefined, failures: 0, letter, done: resolve as () => void });
    });
  }

  #add(item: Item<V, K>): void {
    if (this.#batch === undefined) {
      this.#batch = new Batch(this.#settings.maxBatch, this.#source.settings.maxUnackedBytes);
      this.#running = this.#run(this.#batch);
    }
    this.#batch.push(item);
  }

  async #run(batch: Batch<V, K>): Promise<void> {
    const { clock } = this.#source.context.kafka;
    const stopWaiting = clock.after(this.#settings.maxWait, () => batch.close());
    for (let failures = 0; ; failures += 1) {
      const begin = clock.now();
      try {
        await this.#attempt(batch);
        break;
      } catch (failure) {
        batch.close();
        if (!(await this.#recover(batch, failure, clock.now() - begin))) break;
        const { delay, maxDelay } = this.#settings.policy;
        await batch.pause((work) => clock.after(Math.min(delay * 2 ** failures, maxDelay), work));
        if (this.#closed !== undefined || batch.items.length === 0) break;
      }
    }
    stopWaiting();
    this.#batch = undefined;
    if (this.#closed === undefined) this.#reading?.pump();
  }

  async #attempt(batch: Batch<V, K>): Promise<void> {
    const { clock } = this.#source.context.kafka;
    const { concurrency, transactionTimeout } = this.#settings;
    const producer = this.#producer as TransactionalProducer;
    await producer.begin();
    const limit = transactionTimeout * WORK;
    const produced = await batch.attempt({ clock, producer, work: this.#work, concurrency, limit });
    if (this.consumer === undefined) throw new KafkaError('failed', 'The group is not joined yet');
    const offsets = this.#positions.values();
    const { items } = batch;
    this.#sealed = true;
    await producer.sendOffsets(offsets, this.consumer);
    this.#committing = true;
    await producer.commit();
    this.#sealed = false;
    this.#committing = false;
    for (const at of offsets) if (this.#positions.get(at) === at) this.#positions.delete(at);
    for (const { done } of items) done?.();
    this.#observer.next({ records: items.length, produced, offsets });
  }

  /** False where this session doesn't try again. */
  async #recover(batch: Batch<V, K>, failure: unknown, elapsed: number): Promise<boolean> {
    // Whether a commit that failed has happened, only the group's offsets can tell, once the id is opened again.
    const unsettled = this.#committing
      ? toError(failure)
      : await this.#producer?.abort().then(() => undefined, toError);
    this.#sealed = false;
    this.#committing = false;
    if (this.#closed !== undefined) return false;
    if (unsettled !== undefined) {
      // The broker fences a producer, too, whose transaction it has aborted because it took too long.
      const fenced = unsettled.reason === 'fenced' && elapsed < this.#settings.transactionTimeout;
      if (!fenced) this.#tell(unsettled);
      this.#observer.error(fenced || unsettled.reason === 'denied' ? unsettled : new Unsettled(unsettled));
      return false;
    }
    if (!(failure instanceof ItemFailure)) {
      const error = toError(failure);
      this.#tell(error);
      if (error.reason === 'denied') this.#observer.error(error);
      return error.reason !== 'denied';
    }
    const { item, cause } = failure;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#tell(new KafkaError('failed', `A transaction was aborted for ${nameOf(item.raw)}: ${why}`));
    const { attempts, deadLetter } = this.#settings.policy;
    item.failures += 1;
    if (item.failures > attempts) {
      if (deadLetter === undefined || item.letter !== undefined) {
        this.#observer.error(cause);
        return false;
      }
      item.letter = deadLetterRecord(deadLetter.name, item.raw, cause);
    }
    return batch.items.length > 0;
  }

  #forget(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#positions.delete(at);
  }

  #tell(error: KafkaError): void {
    const { context, settings } = this.#source;
    context.tell({ type: 'error', group: settings.group, error });
  }

  /** Resolves when the batch under way is settled, or after `ms`. */
  async #within(ms: number): Promise<void> {
    let cancel: (() => void) | undefined;
    const time = new Promise<void>((resolve) => {
      cancel = this.#source.context.kafka.clock.after(ms, resolve);
    });
    await Promise.race([this.#running, time]);
    cancel?.();
  }
}

const toError = (failure: unknown): KafkaError =>
  failure instanceof KafkaError ? failure : new KafkaError('failed', String(failure));
