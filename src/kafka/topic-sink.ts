/**
 * Values into a topic: the `sink` operator for sources that push, `publishAll` for those that are pulled.
 * Above them stands the topic, below them the outlet.
 */
import { Observable, type OperatorFunction } from 'rxjs';
import { type Acknowledgeable, isAcknowledgeable } from '../acknowledgeable.js';
import { known } from '../known.js';
import { type DeliveryReport, type Headers, type Kafka, KafkaError, type ProducerRecord } from './port.js';
import { count, wrong } from './topic-options.js';
import { Outlet } from './topic-outlet.js';

/** What a record has beside its value. */
export interface PublishOptions {
  /** Records of one key go to one partition (murmur2, as Kafka's own clients), in order. @default none */
  readonly key?: string | Buffer | null;
  /** Names and values are ASCII. @default none */
  readonly headers?: Headers | Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, or a Date. @default now */
  readonly timestamp?: number | Date;
  /** @default the key's, a random one without a key */
  readonly partition?: number;
}

/** How `sink` and `publishAll` write; `I` is what they are given. */
export interface SinkOptions<V, I = V> {
  /**
   * Records without a delivery report, at most; as many more whose reports wait for their turn. Once there are so many,
   * further ones are sent when a quarter of them has its report. @default 10000
   */
  readonly maxInFlight?: number;
  /** Values that wait for one of those places; one more ends the sink with a KafkaError `queue full`. @default 100000 */
  readonly maxBuffered?: number;
  /** The key of each value's record. @default none */
  readonly key?: (input: I) => string | Buffer | null;
  /** What else its record has; `key` comes before it. @default nothing */
  readonly record?: (input: I) => PublishOptions;
  /**
   * What an input stands for: it is acked as soon as the input's record is delivered, and nacked where that fails or
   * isn't tried any more, also once the sink has ended. So a topic's record that was the cause of another is done, at
   * least once, when that is with Kafka. @default nothing
   */
  readonly ack?: (input: I) => Acknowledgeable;
}

/** How inputs are written that aren't values of the topic themselves. */
export interface SinkInputOptions<V, I> extends SinkOptions<V, I> {
  /** What is written for an input; `null` is a tombstone. */
  readonly value: (input: I) => V | null;
}

export interface SinkContext<V> {
  readonly topic: string;
  readonly kafka: Kafka;
  /** `key` instead of the options'. */
  toRecord(value: V | null, options: PublishOptions, key: PublishOptions['key']): ProducerRecord;
  /** An error that nobody waits for any more. */
  warn(error: unknown): void;
}

type AnyOptions<V> = SinkOptions<V, any> & Partial<SinkInputOptions<V, any>>;

const SINK: Readonly<Record<keyof AnyOptions<unknown>, true>> = {
  maxInFlight: true,
  maxBuffered: true,
  key: true,
  record: true,
  value: true,
  ack: true,
};

function plan<V>(context: SinkContext<V>, options: AnyOptions<V>) {
  known(options, SINK);
  const { key, record, value: toValue, ack } = options;
  for (const [name, given] of Object.entries({ key, record, value: toValue, ack }))
    if (given !== undefined && typeof given !== 'function') throw wrong(name, 'a function', given);
  const maxInFlight = count('maxInFlight', options.maxInFlight ?? 10_000);
  const maxBuffered = count('maxBuffered', options.maxBuffered ?? 100_000);
  const none: PublishOptions = {};
  const toRecord = (input: any): ProducerRecord => {
    const meta = record === undefined || input === null ? none : record(input);
    const value = toValue === undefined ? input : toValue(input);
    return context.toRecord(value, meta, key === undefined || input === null ? meta.key : key(input));
  };
  const ackOf =
    ack &&
    ((input: any): Acknowledgeable => {
      const acked = ack(input);
      if (!isAcknowledgeable(acked)) throw wrong('ack', 'what has ack() and nack()', acked);
      return acked;
    });
  return { toRecord, ackOf, maxInFlight, maxBuffered };
}

export function sink<V>(
  context: SinkContext<V>,
  options: AnyOptions<V>,
): OperatorFunction<any, DeliveryReport> {
  const { toRecord, ackOf, maxInFlight, maxBuffered } = plan(context, options);
  return (source) =>
    new Observable((subscriber) => {
      let ended = false;
      const check = (): void => {
        if (ended && outlet.empty) subscriber.complete();
      };
      const outlet = new Outlet<unknown>(context.kafka, toRecord, maxInFlight, {
        ackOf,
        report: (report) => subscriber.next(report),
        error: (error) => (subscriber.closed ? context.warn(error) : subscriber.error(error)),
        room: check,
      });
      return source.subscribe({
        next: (value) => {
          if (outlet.waiting < maxBuffered) outlet.push(value);
          else {
            outlet.giveUp(value);
            const text = `Writing to ${context.topic}: ${maxBuffered} values wait already`;
            subscriber.error(new KafkaError('queue full', text, { notSent: true }));
          }
        },
        error: (error) => subscriber.error(error),
        complete: () => {
          ended = true;
          check();
        },
      });
    });
}

export function publishAll<V>(
  context: SinkContext<V>,
  values: Iterable<unknown> | AsyncIterable<unknown>,
  options: AnyOptions<V>,
): Observable<DeliveryReport> {
  const { toRecord, ackOf, maxInFlight } = plan(context, options);
  return new Observable((subscriber) => {
    const iterator =
      Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
    let ended = false;
    let pulling = false;
    const take = (result: IteratorResult<unknown>): void => {
      if (result.done) ended = true;
      else if (subscriber.closed) outlet.giveUp(result.value);
      else outlet.push(result.value);
    };
    const fail = (error: unknown): void => {
      ended = true;
      subscriber.error(error);
    };
    const pull = (): void => {
      if (pulling) return;
      pulling = true;
      try {
        while (!ended && !subscriber.closed && outlet.hasRoom) {
          const result = iterator.next();
          // Not only a Promise: `for await` takes any.
          if (isPending(result)) {
            Promise.resolve(result)
              .then(take)
              .then(() => {
                pulling = false;
                pull();
              }, fail);
            return;
          }
          take(result);
        }
      } catch (error) {
        fail(error);
      }
      pulling = false;
      if (ended && outlet.empty) subscriber.complete();
    };
    const outlet = new Outlet<unknown>(context.kafka, toRecord, maxInFlight, {
      ackOf,
      report: (report) => subscriber.next(report),
      error: (error) => (subscriber.closed ? context.warn(error) : subscriber.error(error)),
      room: pull,
    });
    pull();
    return () => {
      if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
      ended = true;
    };
  });
}

const isPending = (
  result: IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>,
): result is PromiseLike<IteratorResult<unknown>> =>
  typeof (result as PromiseLike<unknown>).then === 'function';
