/**
 * Topics as topic-api.ts describes them: values to bytes and back, the parts put together. The connection hands
 * topics out; below them are the records that are read, the sink and the port.
 */
import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import type { Observable, OperatorFunction } from 'rxjs';
import { known } from '../known.js';
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
import { deadLetterRecord } from './topic-dead-letter.js';
import { type Offsets, wrong } from './topic-options.js';
import { positionsOf } from './topic-positions.js';
import { originOf, TopicRecord } from './topic-record.js';
import { type OnIssue, type RecordFormat, TopicRecords } from './topic-records.js';
import { TopicSelection } from './topic-selection.js';
import { type PublishOptions, publishAll, type SinkContext, type SinkOptions, sink } from './topic-sink.js';

const FORMAT: Readonly<Record<keyof TopicFormat, true>> = {
  codec: true,
  value: true,
  key: true,
};
const CREATE: Readonly<Record<keyof CreateTopicOptions, true>> = {
  partitions: true,
  replicationFactor: true,
  config: true,
};
const CODECS: readonly unknown[] = ['raw', 'string', 'json', 'msgpack'];

/** The topics of a Kafka, with what stands above its rooms. */
export function topicsOf(kafka: Kafka, toolkit: Toolkit, onIssue: OnIssue): Topics {
  return {
    topic: (name: string, format?: TopicFormat): any =>
      new KafkaTopic(kafka, name, formatOf(toolkit, format), onIssue),
    topics: (topics: readonly string[] | RegExp, format?: TopicFormat): any =>
      new TopicRecords(kafka, TopicSelection.several(topics), formatOf(toolkit, format), onIssue),
    topicNames: () => kafka.topics(),
  };
}

interface Format<V, K> extends RecordFormat<V, K> {
  write(value: V): Either<string, Buffer>;
}

function formatOf(toolkit: Toolkit, format: TopicFormat = {}): Format<any, any> {
  known(format, FORMAT);
  const { codec = 'json', value } = format;
  if (!CODECS.includes(codec)) throw wrong('codec', "'raw', 'string', 'json' or 'msgpack'", codec);
  if (value !== undefined && typeof value?.decode !== 'function')
    throw wrong('value', 'an io-ts type', value);
  const key = format.key ?? (codec === 'raw' ? 'raw' : 'string');
  if (key !== 'raw' && key !== 'string') throw wrong('key', "'string' or 'raw'", key);
  const { read, write } = valueCodec(toolkit, codec, value);
  return { readValue: read, write, readKey: key === 'raw' ? right : valueCodec(toolkit, 'string').read };
}

class KafkaTopic<V, K> extends TopicRecords<V, K, Offsets> implements Topic<V, K> {
  readonly name: string;
  readonly #kafka: Kafka;
  readonly #format: Format<V, K>;
  readonly #sinkContext: SinkContext<V>;

  constructor(kafka: Kafka, name: string, format: Format<V, K>, onIssue: OnIssue) {
    super(kafka, TopicSelection.one(name), format, onIssue);
    this.name = name;
    this.#kafka = kafka;
    this.#format = format;
    this.#sinkContext = {
      topic: name,
      kafka,
      toRecord: (value, options, key) => this.#record(value, options, key),
      warn: (error) => this.#warn(error),
    };
  }

  async create(options: CreateTopicOptions = {}): Promise<'created' | 'exists'> {
    known(options, CREATE);
    const { partitions = 4, ...others } = options;
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

  deadLetter(record: ConsumerRecord | TopicRecord<any, any>, reason: unknown): Promise<DeliveryReport> {
    const raw = record instanceof TopicRecord ? originOf(record) : record;
    return this.#kafka.send(deadLetterRecord(this.name, raw, reason));
  }

  #warn(error: unknown): void {
    const told = error instanceof KafkaError ? error : new KafkaError('failed', String(error));
    this.tell({ type: 'error', group: undefined, error: told });
  }
}

function headerList(headers: Headers | Readonly<Record<string, string>>): Headers {
  return Array.isArray(headers)
    ? headers
    : Object.entries(headers).map(([name, value]) => ({ [name]: value }));
}
