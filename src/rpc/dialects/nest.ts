/**
 * The dialect of NestJS microservices: the topic is the pattern, an answer may be several records, of
 * which the last has kafka_nest-is-disposed or kafka_nest-err. Strings are raw, objects JSON, numbers
 * text. Serves ClientKafka's send and emit, calls @MessagePattern and @EventPattern.
 */
import { type Either, right } from 'fp-ts/lib/Either.js';
import { codecs } from '../../jsonrpc/codec.js';
import type { RpcError } from '../../jsonrpc/error.js';
import { isFailure, type Notification, type Request, type Response } from '../../jsonrpc/message.js';
import type { Headers } from '../../kafka/port.js';
import { Lane, NOTHING } from '../coalesce.js';
import type { Envelope, Peer } from '../envelope.js';
import { asked } from './asked.js';
import {
  bodyOf,
  errorFrom,
  errorHeader,
  ownHeaders,
  readText,
  sentHeaders,
  textOf,
  writer,
} from './bodies.js';
import type { ClientDialect, Dialect, Reply, ServerDialect } from './dialect.js';
import { type Names, namesOf } from './names.js';

/** How ClientKafka is served. */
export interface NestServeOptions {
  /** A pattern to its method; in an array, SERVICE.METHOD or METHOD. @default SERVICE.METHOD for each method */
  readonly patterns?: Names;
}

/** How NestJS microservices are called. */
export interface NestClientOptions {
  /** The pattern of each method that has another. @default SERVICE.METHOD */
  readonly patterns?: Readonly<Record<string, string>>;
}

export const nest: Dialect<NestServeOptions, NestClientOptions> = {
  serve: ({ name, methods }, { patterns = methods.map((method) => `${name}.${method}`) }) =>
    served(namesOf('interop.nest.patterns', patterns, name)),
  call: (service, { patterns = {} }, connection) => called(service, patterns, connection),
};

const ID = 'kafka_correlationId';
const LAST = 'kafka_nest-is-disposed';
const ERROR = 'kafka_nest-err';

function served(patterns: ReadonlyMap<string, string>): ServerDialect {
  const topics = [...patterns.keys()];
  return {
    requests: topics.map((topic) => ({ topic })),
    // Its clients read these from the start on: what isn't there they can't.
    replies: topics.map((topic) => ({ topic: `${topic}.reply`, create: true })),
    read(record, envelope) {
      const method = patterns.get(record.topic);
      if (method === undefined) return undefined;
      const { replyTopic, correlationId } = envelope;
      const wanted = replyTopic !== undefined && correlationId !== undefined;
      const value = record.value === null ? undefined : readText(record.value);
      // JSON-RPC on this topic is understood as such.
      if ((value as { jsonrpc?: unknown } | undefined)?.jsonrpc === '2.0') return undefined;
      const id = wanted ? (correlationId ?? '') : undefined;
      return {
        message: right(asked(method, value, id, ownHeaders(record.headers))),
        caller: callerOf(envelope),
      };
    },
  };
}

function callerOf({ replyTopic = '', replyPartition, correlationId }: Envelope) {
  const id = correlationId ?? '';
  const lane = (codec: typeof answer, ...headers: Headers) =>
    new Lane(replyTopic, replyPartition, [{ [ID]: id }, ...headers], codec);
  return {
    id,
    callstream: false,
    lane: (_id: unknown, response?: Response) =>
      response !== undefined && isFailure(response)
        ? lane(answer, { [ERROR]: errorHeader(response.error, { status: 'error' }) }, { [LAST]: '1' })
        : lane(answer, { [LAST]: '1' }),
    item: () => lane(item),
  };
}

/** Its parser reads JSON only where it begins like an object or an array. */
function encode(value: unknown): Either<RpcError, Buffer> {
  if (value === null || value === undefined) return right(NOTHING);
  return typeof value === 'object' ? codecs.json.encode(value) : right(Buffer.from(String(value)));
}

const item = writer(encode);
const answer = writer((it: Response) => (isFailure(it) ? right(NOTHING) : encode(it.result)));

/** A value that is null would hand its handlers the whole record. */
const request = writer(({ params = {} }: Request | Notification) => {
  const value = bodyOf(params);
  return value === null || value === undefined ? right(Buffer.from('null')) : encode(value);
});

function called(
  service: string,
  patterns: Readonly<Record<string, string>>,
  { topic, partition }: Peer,
): ClientDialect {
  const named = new Map(Object.entries(patterns));
  const topicOf = (method: string) => named.get(method) ?? `${service}.${method}`;
  const address: Headers = [{ kafka_replyTopic: topic }, { kafka_replyPartition: String(partition) }];
  return {
    // The connection's own inbox: its partition is a decimal string there as here.
    replies: { topic, partition, partitions: 1 },
    topicOf,
    lane(message, id, key) {
      const answer: Headers = id === undefined ? [] : [{ [ID]: id }, ...address];
      return new Lane(topicOf(message.method), null, [...answer, ...sentHeaders(message.meta)], request, key);
    },
    idOf: (record) => textOf(record, ID),
    read(record): Reply {
      const error = textOf(record, ERROR);
      if (error !== undefined) return { kind: 'answer', error: errorFrom(error).toObject() };
      const value = record.value === null ? null : readText(record.value);
      return { kind: textOf(record, LAST) === undefined ? 'item' : 'last', item: value };
    },
  };
}
