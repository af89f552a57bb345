/**
 * Topics as topic-api.ts describes them: values to bytes and back, the parts put together. The connection hands
 * topics out; below them are reading, the sink and the port.
 */
import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { Observable, type OperatorFunction, Subject } from 'rxjs';
import {
  type ConsumerRecord,
  type DeliveryReport,
  type Headers,
  type Kafka,
  KafkaError,
  type ProducerRecord,
} from './port.js';
import type { CreateTopicOptions, PartitionPosition, Topic, TopicFormat, Topics } from './topic-api.js';
import { type Toolkit, valueCodec } from './topic-codec.js';
import type { ReadContext } from './topic-context.js';
import { deadLetterRecord } from './topic-dead-letter.js';
import { nameOf, type TopicEvent } from './topic-events.js';
import { iterateRecords } from './topic-iterator.js';
import { type ReadOptions, readSettings, wrong } from './topic-options.js';
import { positionsOf } from './topic-positions.js';
import { Reading } from './topic-reading.js';
import { originOf, TopicRecord } from './topic-record.js';
import { type PublishOptions, publishAll, type SinkContext, type SinkOptions, sink } from './topic-sink.js';
import { withSource } from './topic-source.js';

/** Told of what nobody observes on `events$`. */
type OnIssue = (issue: { kind: 'record' | 'kafka'; message: string; cause?: unknown }) => void;

const NAME = /^[A-Za-z0-9._-]{1,249}$/;
const CODECS: readonly unknown[] = ['raw', 'string', 'json', 'msgpack'];

/** The topics of a Kafka, with what stands above its rooms. */
export function topicsOf(kafka: Kafka, toolkit: Toolkit, onIssue: OnIssue): Topics['topic'] {
  return (name: string, format: TopicFormat = {}): any => {
    const { codec = 'json', value } = format;
    if (typeof name !== 'string' || !NAME.test(name) || name === '.' || name === '..')
      throw wrong('topic', '1 to 249 of the characters a-z A-Z 0-9 . _ -', name);
    if (!CODECS.includes(codec)) throw wrong('codec', "'raw', 'string', 'json' or 'msgpack'", codec);
    if (value !== undefined && typeof value?.decode !== 'function')
      throw wrong('value', 'an io-ts type', value);
    const key = format.key ?? (codec === 'raw' ? 'raw' : 'string');
    if (key !== 'raw' && key !== 'string') throw wrong('key', "'string' or 'raw'", key);
    const { read, write } = valueCodec(toolkit, codec, value);
    const readKey: (bytes: Buffer) => Either<string, unknown> =
      key === 'raw' ? right : valueCodec<string>(toolkit, 'string').read;
    return new KafkaTopic(kafka, name, { read, write, readKey }, onIssue);
  };
}

interface Format<V, K> {
  read(bytes: Buffer): Either<string, V>;
  write(value: V): Either<string, Buffer>;
  readKey(bytes: Buffer): Either<string, K>;
}

class KafkaTopic<V, K> implements Topic<V, K> {
  readonly name: string;
  readonly events$: Observable<TopicEvent>;
  readonly stats = { invalid: 0, errors: 0 };
  readonly #kafka: Kafka;
  readonly #format: Format<V, K>;
  readonly #events = new Subject<TopicEvent>();
  readonly #onIssue: OnIssue;
  readonly #context: ReadContext<V, K>;
  readonly #sinkContext: SinkContext<V>;

  constructor(kafka: Kafka, name: string, format: Format<V, K>, onIssue: OnIssue) {
    this.name = name;
    this.events$ = this.#events.asObservable();
    this.#kafka = kafka;
    this.#format = format;
    this.#onIssue = onIssue;
    const events = this.#events;
    this.#context = {
      kafka,
      topic: name,
      readValue: format.read,
      readKey: format.readKey,
      get observed() {
        return events.observed;
      },
      tell: (event) => this.#tell(event),
    };
    this.#sinkContext = {
      topic: name,
      kafka,
      toRecord: (value, options, key) => this.#record(value, options, key),
      warn: (error) => this.#warn(error),
    };
  }

  create({ partitions = 4, ...others }: CreateTopicOptions = {}): Promise<'created' | 'exists'> {
    return this.#kafka.createTopic({ topic: this.name, partitions, ...others });
  }

  positions(group?: string): Promise<readonly PartitionPosition[]> {
    return positionsOf(this.#kafka, this.name, group);
  }

  toRecord(value: V | null, options: PublishOptions = {}): ProducerRecord {
    return this.#record(value, options, options.key);
  }

  #record(value: V | null, options: PublishOptions, key: PublishOptions['key'] = null): ProducerRecord {
    const { headers, timestamp, partition = null } = options;
    if (partition !== null && !(Number.isInteger(partition) && partition >= 0))
      throw wrong('partition', 'an integer from 0', partition);
    if (timestamp !== undefined && !(Number(timestamp) >= 0))
      throw wrong('timestamp', 'milliseconds since the epoch or a Date', timestamp);
    let bytes: Buffer | null = null;
    if (value !== null) {
      const written = this.#format.write(value);
      if (isLeft(written))
        throw new KafkaError('failed', `Sending to ${this.name}: ${written.left}`, { notSent: true });
      bytes = written.right;
    }
    const record: ProducerRecord = { topic: this.name, partition, value: bytes, key };
    if (headers === undefined && timestamp === undefined) return record;
    return {
      ...record,
      ...(headers !== undefined && { headers: headerList(headers) }),
      ...(timestamp !== undefined && { timestamp: Number(timestamp) }),
    };
  }

  publish(value: V | null, options?: PublishOptions): Promise<DeliveryReport> {
    let record: ProducerRecord;
    try {
      record = this.toRecord(value, options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#kafka.send(record);
  }

  sink(options: SinkOptions<V, any> = {}): OperatorFunction<any, DeliveryReport> {
    return sink(this.#sinkContext, options);
  }

  publishAll(
    values: Iterable<unknown> | AsyncIterable<unknown>,
    options: SinkOptions<V, any> = {},
  ): Observable<DeliveryReport> {
    return publishAll(this.#sinkContext, values, options);
  }

  records$(options: ReadOptions = {}): Observable<TopicRecord<V, K>> {
    const settings = readSettings(options);
    const records$ = new Observable<TopicRecord<V, K>>((subscriber) => {
      const reading = new Reading<V, K>(this.#context, settings, {
        ready: true,
        next: (record) => subscriber.next(record),
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      reading.start();
      return () => void reading.stop();
    });
    return withSource(records$, { context: this.#context, settings });
  }

  records(options: ReadOptions = {}): AsyncIterable<TopicRecord<V, K>, undefined> {
    const settings = readSettings(options);
    return { [Symbol.asyncIterator]: () => iterateRecords(this.#context, settings) };
  }

  deadLetter(record: ConsumerRecord | TopicRecord<any, any>, reason: unknown): Promise<DeliveryReport> {
    const raw = record instanceof TopicRecord ? originOf(record) : record;
    return this.#kafka.send(deadLetterRecord(this.name, raw, reason));
  }

  #tell(event: TopicEvent): void {
    if (event.type === 'invalid') this.stats.invalid += 1;
    else if (event.type === 'error') this.stats.errors += 1;
    if (this.#events.observed) this.#events.next(event);
    else if (event.type === 'invalid')
      this.#onIssue({ kind: 'record', message: `${nameOf(event.record)}: ${event.reason}` });
    else if (event.type === 'error')
      this.#onIssue({ kind: 'kafka', message: event.error.message, cause: event.error });
  }

  #warn(error: unknown): void {
    const told = error instanceof KafkaError ? error : new KafkaError('failed', String(error));
    this.#tell({ type: 'error', group: undefined, error: told });
  }
}

function headerList(headers: Headers | Readonly<Record<string, string>>): Headers {
  return Array.isArray(headers)
    ? headers
    : Object.entries(headers).map(([name, value]) => ({ [name]: value }));
}
