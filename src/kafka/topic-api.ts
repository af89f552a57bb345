/**
 * A topic as Observables: records in and out, with demand, by a codec and an io-ts type; and several topics read as
 * one. What users see of them; topic.ts is behind it.
 */
import type * as t from 'io-ts';
import type { Observable, OperatorFunction } from 'rxjs';
import type { DeliveryReport, ProducerRecord } from './port.js';
import type { CodecName } from './topic-codec.js';
import type { DeadLetters } from './topic-dead-letter.js';
import type { TopicEvent } from './topic-events.js';
import type { Offsets, OffsetsByTopic, ReadOptions } from './topic-options.js';
import type { TopicRecord } from './topic-record.js';
import type { PublishOptions, SinkInputOptions, SinkOptions } from './topic-sink.js';

/** How a topic is made; what isn't given is the broker's default. */
export interface CreateTopicOptions {
  /** @default 4 */
  readonly partitions?: number;
  readonly replicationFactor?: number;
  /** Topic configuration by Kafka's names, as `retention.ms`. */
  readonly config?: Readonly<Record<string, string>>;
}

/** How a topic's keys and values are written. */
export interface TopicFormat<V = any> {
  /** How a value becomes bytes; what is below `value`, where there is one. @default 'json' */
  readonly codec?: CodecName;
  /** Checked in both directions; its encoded side is what the codec writes. @default anything that the codec takes */
  readonly value?: t.Type<V, any, unknown>;
  /** How keys are read. @default 'raw' with the raw codec, else 'string' */
  readonly key?: 'string' | 'raw';
}

/** Where one partition begins and ends, and how far a group has come in it. */
export interface PartitionPosition {
  readonly partition: number;
  /** The oldest record that is left. */
  readonly low: number;
  /** Where the next record will be. */
  readonly high: number;
  /** The next record that the group will read; undefined where it has committed nothing, or no group was asked for. */
  readonly committed: number | undefined;
  /** Records between what is committed, or else the oldest, and the end; undefined where no group was asked for. */
  readonly lag: number | undefined;
}

/**
 * What one topic, or several, are read by. Nothing is opened until something subscribes; every method may be used any
 * number of times, at the same time. `O` is how explicit offsets are given.
 */
export interface TopicReader<V, K = string, O = OffsetsByTopic> {
  /** What happens around this object's streams: rebalances, lag, ends, errors, invalid records. Hot, never ends. */
  readonly events$: Observable<TopicEvent>;
  /** Records that didn't decode, and what was told of on `events$` as an error. */
  readonly stats: { readonly invalid: number; readonly errors: number };

  /**
   * The records: cold, each subscription with a consumer of its own; in order within a partition. At least
   * once: what isn't acked when a subscription ends is read again by the next of its group. Completes at `to`, a live
   * stream when the connection is closed. Errors with a KafkaError where a topic isn't there (`no topic`), may not be
   * read (`denied`), another member has its `groupInstanceId` (`fenced`), or the connection is closed before the end
   * (`closed`); everything else is recovered from and told on `events$`. Unsubscribing waits, in the background, for the
   * acks of what is out (`revokeTimeout` at most), commits, and leaves the group.
   *
   * A topic that comes to be there later: `orders.records$().pipe(retry({ delay: 1_000 }))`.
   *
   * @example
   * orders.records$({ group: 'billing' }).pipe(processEach((record) => charge(record.value))).subscribe();
   */
  records$(options?: ReadOptions<O>): Observable<TopicRecord<V, K>>;

  /**
   * The same records for `for await`: one is read out for each turn of the loop, with `autoAck` acked when the loop
   * comes back for the next. Leaving the loop ends the subscription.
   *
   * @example
   * for await (const { value } of orders.records({ to: 'now' })) console.log(value);
   */
  records(options?: ReadOptions<O>): AsyncIterable<TopicRecord<V, K>, undefined>;
}

/**
 * A topic of Kafka, by its name. Nothing is opened until something is published or subscribed to; every method may be
 * used any number of times, at the same time.
 */
export interface Topic<V, K = string> extends DeadLetters, TopicReader<V, K, Offsets> {
  readonly name: string;

  /**
   * Creates the topic where it is missing. Rejects with a KafkaError, `denied` where that isn't allowed.
   *
   * @example await orders.create({ partitions: 12, config: { 'retention.ms': '86400000' } });
   */
  create(options?: CreateTopicOptions): Promise<'created' | 'exists'>;

  /**
   * Where its partitions begin and end now, by number, and how far a group has come, without joining it. Rejects with
   * a KafkaError, `no topic` where it isn't there.
   *
   * @example const lag = (await orders.positions('billing')).reduce((sum, { lag = 0 }) => sum + lag, 0);
   */
  positions(group?: string): Promise<readonly PartitionPosition[]>;

  /**
   * Writes one record; `null` is a tombstone. Resolves with the broker's delivery report, idempotent producer and all
   * replicas in sync by default. Rejects with a KafkaError; where the value isn't of the topic's type or the queue is
   * full, `notSent` is true.
   *
   * @example await orders.publish(order, { key: order.id });
   */
  publish(value: V | null, options?: PublishOptions): Promise<DeliveryReport>;

  /**
   * The record that `publish` would write, for `transact`, which writes it in a transaction. Throws a KafkaError with
   * `notSent` where the value isn't of the topic's type.
   *
   * @example orders.toRecord(order, { key: order.id });
   */
  toRecord(value: V | null, options?: PublishOptions): ProducerRecord;

  /**
   * An operator that writes each value and emits its delivery report, in the order of the values. Completes when the
   * source has and all is reported; errors, behind the reports before it, where a record fails, and with it the source
   * ends. Unsubscribing drops reports, never values: what was taken is sent.
   *
   * An Observable can't be asked to wait. What it pushes beyond `maxInFlight` waits, `maxBuffered` values at most; one
   * more is an error. For demand, read with `processEach(record => out.publish(...))`, whose acks let the next records
   * come, or give an iterable to `publishAll`.
   *
   * From topic to topic, `ack` says what is done when a record is delivered, `value` what is written for an input.
   *
   * @example
   * quotes$.pipe(quotes.sink({ key: (quote) => quote.symbol })).subscribe();
   * orders.records$({ group: 'billing' }).pipe(
   *   invoices.sink({ value: (order) => invoiceOf(order.value), key: (order) => order.key, ack: (order) => order }),
   * ).subscribe();
   */
  sink<I>(options: SinkInputOptions<V, I>): OperatorFunction<I, DeliveryReport>;
  sink(options?: SinkOptions<V>): OperatorFunction<V | null, DeliveryReport>;

  /**
   * Writes the values of an iterable, asked for one by one while fewer than `maxInFlight` are without a report. Emits
   * their reports in order, completes after the last; cold. Unsubscribing ends the iteration.
   *
   * @example await lastValueFrom(lines.publishAll(readline.createInterface(file)));
   */
  publishAll<I>(
    inputs: Iterable<I> | AsyncIterable<I>,
    options: SinkInputOptions<V, I>,
  ): Observable<DeliveryReport>;
  publishAll(
    values: Iterable<V | null> | AsyncIterable<V | null>,
    options?: SinkOptions<V>,
  ): Observable<DeliveryReport>;
}

/** Hands topics out. */
export interface Topics {
  /** The names of all topics that may be seen, sorted, without Kafka's internal ones. Rejects with a KafkaError. */
  topicNames(): Promise<readonly string[]>;
  /**
   * A topic by its name, its values by a codec and, on top, an io-ts type. Creates nothing.
   *
   * @example const orders = connection.topic('orders', { value: Order, codec: 'json' });
   */
  topic<V>(
    name: string,
    format: TopicFormat<V> & { readonly value: t.Type<V, any, unknown>; readonly key: 'raw' },
  ): Topic<V, Buffer>;
  topic<V>(
    name: string,
    format: TopicFormat<V> & {
      readonly value: t.Type<V, any, unknown>;
      readonly codec: 'raw';
      readonly key?: undefined;
    },
  ): Topic<V, Buffer>;
  topic<V>(name: string, format: TopicFormat<V> & { readonly value: t.Type<V, any, unknown> }): Topic<V>;
  topic(name: string, format: { readonly codec: 'raw'; readonly key?: 'raw' }): Topic<Buffer, Buffer>;
  topic(name: string, format: { readonly codec: 'raw'; readonly key: 'string' }): Topic<Buffer>;
  topic(name: string, format: { readonly codec: 'string'; readonly key: 'raw' }): Topic<string, Buffer>;
  topic(name: string, format: { readonly codec: 'string'; readonly key?: 'string' }): Topic<string>;
  topic(
    name: string,
    format: { readonly codec?: 'json' | 'msgpack'; readonly key: 'raw' },
  ): Topic<unknown, Buffer>;
  topic(
    name: string,
    format?: { readonly codec?: 'json' | 'msgpack'; readonly key?: 'string' },
  ): Topic<unknown>;

  /**
   * Several topics read as one, by their names or by a pattern; each record carries its `topic`, and commits, order and
   * lag are kept by topic and partition. A pattern matches anywhere in a name unless it is anchored, and none of Kafka's
   * own (`__…`). With a group a live stream takes topics in that come to match, and leaves those that are deleted, within
   * `metadataInterval`; everything else reads what matches at the start. Errors as one topic does, with `no topic` where
   * one isn't there or none matches.
   *
   * @example
   * connection.topics(/^orders-/, { value: Order }).records$({ group: 'billing' }).pipe(
   *   processEach(({ topic, value }) => charge(topic, value)),
   * ).subscribe();
   */
  topics<F extends TopicFormat = Record<never, never>>(
    topics: readonly string[] | RegExp,
    format?: F,
  ): TopicReader<ValueOf<F>, KeyOf<F>>;
}

/** What the values of such a format are. */
export type ValueOf<F extends TopicFormat> = F extends { readonly value: t.Type<infer V, any, unknown> }
  ? V
  : F extends { readonly codec: 'raw' }
    ? Buffer
    : F extends { readonly codec: 'string' }
      ? string
      : unknown;

/** What its keys are. */
export type KeyOf<F extends TopicFormat> = F extends { readonly key: 'string' }
  ? string
  : F extends { readonly key: 'raw' } | { readonly codec: 'raw' }
    ? Buffer
    : string;
