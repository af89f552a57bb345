/**
 * Values into a topic: the `sink` operator for sources that push, `publishAll` for those that are pulled.
 * Above them stands the topic, below them the outlet.
 */
import { Observable, type OperatorFunction } from 'rxjs';
import { type DeliveryReport, type Headers, type Kafka, KafkaError, type ProducerRecord } from './port.js';
import { count } from './topic-options.js';
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

/** How `sink` and `publishAll` write. */
export interface SinkOptions<V> {
  /** Records without a delivery report, at most. @default 10000 */
  readonly maxInFlight?: number;
  /** Values that wait for one of those places; one more ends the sink with a KafkaError `queue full`. @default 100000 */
  readonly maxBuffered?: number;
  /** The key of each value's record. @default none */
  readonly key?: (value: V) => string | Buffer | null;
  /** What else its record has; `key` comes before it. @default nothing */
  readonly record?: (value: V) => PublishOptions;
}

export interface SinkContext<V> {
  readonly topic: string;
  readonly kafka: Kafka;
  /** `key` instead of the options'. */
  toRecord(value: V | null, options: PublishOptions, key: PublishOptions['key']): ProducerRecord;
  /** An error that nobody waits for any more. */
  warn(error: unknown): void;
}

function plan<V>(context: SinkContext<V>, options: SinkOptions<V>) {
  const { key, record } = options;
  const maxInFlight = count('maxInFlight', options.maxInFlight ?? 10_000);
  const maxBuffered = count('maxBuffered', options.maxBuffered ?? 100_000);
  const none: PublishOptions = {};
  const toRecord = (value: V | null): ProducerRecord => {
    const meta = record === undefined || value === null ? none : record(value);
    return context.toRecord(value, meta, key === undefined || value === null ? meta.key : key(value));
  };
  return { toRecord, maxInFlight, maxBuffered };
}

export function sink<V>(
  context: SinkContext<V>,
  options: SinkOptions<V>,
): OperatorFunction<V | null, DeliveryReport> {
  const { toRecord, maxInFlight, maxBuffered } = plan(context, options);
  return (source) =>
    new Observable((subscriber) => {
      let ended = false;
      const check = (): void => {
        if (ended && outlet.empty) subscriber.complete();
      };
      const outlet = new Outlet<V | null>(context.kafka, toRecord, maxInFlight, {
        report: (report) => subscriber.next(report),
        error: (error) => (subscriber.closed ? context.warn(error) : subscriber.error(error)),
        room: check,
      });
      return source.subscribe({
        next: (value) => {
          if (outlet.waiting < maxBuffered) outlet.push(value);
          else
            subscriber.error(
              new KafkaError(
                'queue full',
                `Writing to ${context.topic}: ${maxBuffered} values wait already`,
                {
                  notSent: true,
                },
              ),
            );
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
  values: Iterable<V | null> | AsyncIterable<V | null>,
  options: SinkOptions<V>,
): Observable<DeliveryReport> {
  const { toRecord, maxInFlight } = plan(context, options);
  return new Observable((subscriber) => {
    const iterator =
      Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
    let ended = false;
    let pulling = false;
    const take = (result: IteratorResult<V | null>): void => {
      if (result.done) ended = true;
      else if (!subscriber.closed) outlet.push(result.value);
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
          if (result instanceof Promise) {
            result.then(take).then(() => {
              pulling = false;
              pull();
            }, fail);
            return;
          }
          take(result as IteratorResult<V | null>);
        }
      } catch (error) {
        fail(error);
      }
      pulling = false;
      if (ended && outlet.empty) subscriber.complete();
    };
    const outlet = new Outlet<V | null>(context.kafka, toRecord, maxInFlight, {
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
