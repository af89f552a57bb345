/**
 * One subscription to a topic, or to several: opens a consumer, takes partitions over and hands them over, knows when
 * the end is reached, leaves. Above it stand records$ and the iterator; below it the outflow, the commits and the port.
 */
import { among } from './partition-map.js';
import {
  type Consumer,
  type ConsumerRecord,
  type Kafka,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from './port.js';
import { type RecordCommits, TopicCommits } from './topic-commits.js';
import type { ReadContext } from './topic-context.js';
import { Ends } from './topic-ends.js';
import { Following } from './topic-following.js';
import { Lag } from './topic-lag.js';
import type { ReadSettings } from './topic-options.js';
import { type Inflow, Outflow, type Reader } from './topic-outflow.js';
import { rangeOf } from './topic-range.js';

/** Who gets the records, and hears how the stream ended. */
export interface Subscriber<V, K> extends Reader<V, K> {
  error(error: unknown): void;
  complete(): void;
}

/** The part of `revokeTimeout` that is for the acks; the rest is for the commit. */
const ACKS = 0.8;

export class Reading<V, K> implements Inflow {
  readonly #context: ReadContext<V, K>;
  readonly #kafka: Kafka;
  readonly #settings: ReadSettings;
  readonly #subscriber: Subscriber<V, K>;
  readonly #commits: RecordCommits | undefined;
  readonly #outflow: Outflow<V, K>;
  readonly #lag: Lag;
  #consumer: Consumer | undefined;
  /** Undefined while a group hasn't assigned any. */
  #assigned: readonly TopicPartition[] | undefined;
  /** Undefined for a live stream. */
  #ends: Ends | undefined;
  #following: Following | undefined;
  #stopped = false;
  #unlisten: { unsubscribe(): void } | undefined;

  /** `commits`: who commits for the group; the stream itself where it isn't given. */
  constructor(
    context: ReadContext<V, K>,
    settings: ReadSettings,
    subscriber: Subscriber<V, K>,
    commits?: RecordCommits,
  ) {
    this.#context = context;
    this.#kafka = context.kafka;
    this.#settings = settings;
    this.#subscriber = subscriber;
    if (commits !== undefined) this.#commits = commits;
    else if (settings.group !== undefined)
      this.#commits = new TopicCommits(this.#kafka.clock, settings, (error) => this.#warn(error));
    this.#outflow = new Outflow(context, settings, subscriber, this.#commits, this);
    this.#lag = new Lag(context, settings, () => this.#assigned ?? []);
  }

  start(): void {
    this.#open().catch((error) => {
      const closed = error instanceof KafkaError && error.reason === 'closed';
      if (closed && this.#unlisten !== undefined) this.#onClosed();
      else this.fail(error);
    });
  }

  /** The subscriber has become ready for another record. */
  pump(): void {
    this.#outflow.pump();
  }

  /** Emits nothing any more; what is out may be acked for a while, then the group is left. Resolves when it is. */
  async stop(completed = false): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#outflow.stop();
    this.#lag.stop();
    this.#following?.stop();
    this.#unlisten?.unsubscribe();
    await this.#leave(completed);
  }

  passed(raw: ConsumerRecord): void {
    this.#lag.passed(raw);
  }

  hold(pause: boolean): void {
    if (pause) this.#consumer?.pause();
    else this.#consumer?.resume();
  }

  drained(): void {
    if (this.#consumer === undefined || this.#ends === undefined || this.#assigned === undefined) return;
    if (this.#ends.reached(this.#assigned)) this.#complete();
  }

  fail(error: unknown): void {
    if (this.#stopped) {
      if (error instanceof KafkaError && error.reason !== 'closed') this.#warn(error);
      return;
    }
    void this.stop();
    this.#subscriber.error(error);
  }

  #complete(): void {
    if (this.#stopped) return;
    void this.stop(true);
    this.#subscriber.complete();
  }

  async #leave(completed: boolean): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    // The work on what was emitted goes on behind a stream that has completed, for as long as it takes.
    if (completed) await this.#commits?.idle();
    await consumer.close().catch((error) => this.#warn(error));
    this.#commits?.close();
  }

  async #open(): Promise<void> {
    const { selection } = this.#context;
    const { group, isolation } = this.#settings;
    const topics = await selection.find(this.#kafka);
    const { begin, from, ends } = await rangeOf(this.#kafka, topics, this.#settings);
    if (this.#stopped) return;
    this.#ends = ends && new Ends(ends);
    this.#unlisten = this.#kafka.status$.subscribe(({ state }) => {
      if (state === 'closed') this.#onClosed();
    });
    this.#lag.start();
    const handlers = {
      onRecord: (record: ConsumerRecord) => this.#accept(record),
      onEnd: (at: TopicPartitionOffset) => this.#onEnd(at),
      onError: (error: KafkaError) => this.#onError(error),
    };
    if (group === undefined) {
      const assigned = begin.filter((at) => this.#ends?.before(at) !== false);
      this.#assigned = assigned;
      if (assigned.length === 0) this.#complete();
      else this.#opened(await this.#kafka.assign(assigned, handlers, { isolation }));
      return;
    }
    const options = { ...this.#settings, group, topics, from, begin };
    const consumer = await this.#kafka.subscribe(options, {
      ...handlers,
      onAssigned: (partitions) => this.#onAssigned(group, partitions),
      onRevoked: (partitions, lost) => this.#onRevoked(group, partitions, lost),
    });
    if (selection.open && ends === undefined && !this.#stopped) {
      this.#following = new Following(this.#context, this.#settings, consumer, topics);
      this.#following.start();
    }
    this.#opened(consumer);
  }

  #opened(consumer: Consumer): void {
    this.#consumer = consumer;
    if (this.#commits) this.#commits.consumer = consumer;
    if (this.#stopped) void this.#leave(false);
    else if (this.#outflow.holding) consumer.pause();
    else if (this.#outflow.empty) this.drained();
  }

  #accept(raw: ConsumerRecord): void {
    if (this.#stopped) return;
    if (this.#ends === undefined) {
      this.#outflow.accept(raw);
      return;
    }
    if (this.#ends.before(raw)) this.#outflow.accept(raw);
    if (this.#ends.isLast(raw)) this.#reach(this.#ends, raw);
  }

  #onEnd({ topic, partition, offset }: TopicPartitionOffset): void {
    if (this.#stopped) return;
    if (this.#outflow.empty) this.#lag.passed({ topic, partition, offset: offset - 1 });
    this.#context.tell({ type: 'end', group: this.#settings.group, topic, partition, offset });
    if (this.#ends?.before({ topic, partition, offset }) === false)
      this.#reach(this.#ends, { topic, partition });
  }

  #reach(ends: Ends, at: TopicPartition): void {
    ends.reach(at);
    if (this.#outflow.empty) this.drained();
  }

  #onAssigned(group: string, partitions: readonly TopicPartition[]): void {
    this.#assigned = [...(this.#assigned ?? []), ...partitions];
    this.#commits?.assign(partitions);
    this.#ends?.restart(partitions);
    this.#context.tell({ type: 'assigned', group, partitions });
    if (this.#outflow.empty) this.drained();
  }

  async #onRevoked(group: string, partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    const gone = among(partitions);
    const kept = this.#assigned?.filter((at) => !gone(at));
    this.#assigned = kept?.length ? kept : undefined;
    this.#outflow.drop(partitions);
    const wait = this.#settings.revokeTimeout * ACKS;
    const unfinished = (await this.#commits?.revoke(partitions, lost, wait)) ?? 0;
    this.#context.tell({ type: 'revoked', group, partitions, lost, unfinished });
  }

  #onError(error: KafkaError): void {
    // Nothing would ever come; everything else the consumer recovers from.
    if (error.reason === 'denied' || error.reason === 'fenced') this.fail(error);
    else this.#warn(error);
  }

  #onClosed(): void {
    if (this.#ends === undefined) this.#complete();
    else {
      const text = `The connection was closed before the end of ${this.#context.selection}`;
      this.fail(new KafkaError('closed', text));
    }
  }

  #warn(error: KafkaError): void {
    this.#context.tell({ type: 'error', group: this.#settings.group, error });
  }
}
