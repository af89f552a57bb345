/**
 * The dialect of kafka-python pipelines: JSON-RPC 2.0 in MessagePack without headers. Requests are on
 * `TOPIC_method_requests`, without a key, and read from partition 0; answers on `method_results`,
 * partition 0, with the id, a string of digits, as the key.
 */
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { codecs } from '../../jsonrpc/codec.js';
import type { Notification, Request } from '../../jsonrpc/message.js';
import { Lane } from '../coalesce.js';
import { writer } from './bodies.js';
import type { ClientDialect, Dialect, Reply, ServerDialect } from './dialect.js';

/** How kafka-python pipelines are served and called. */
export interface PipelineOptions {
  /** The topic of the requests. @default the service's name with `_method_requests` */
  readonly requests?: string;
  /** The topic of the answers. @default 'method_results' */
  readonly replies?: string;
}

const { msgpack } = codecs;

/** Its servers and clients read this one only. */
const PARTITION = 0;

export const pipeline: Dialect<PipelineOptions, PipelineOptions> = {
  serve: ({ name }, options) => served(name, options),
  call: (service, options) => called(service, options),
};

const requestsOf = (service: string, options: PipelineOptions) =>
  options.requests ?? `${service}_method_requests`;
const repliesOf = (options: PipelineOptions) => options.replies ?? 'method_results';

function served(service: string, options: PipelineOptions): ServerDialect {
  const requests = requestsOf(service, options);
  const replies = repliesOf(options);
  const caller = {
    id: '',
    callstream: false,
    lane: (id: unknown) => new Lane(replies, PARTITION, [], msgpack, id === null ? null : String(id)),
  };
  return {
    requests: [{ topic: requests, partitions: 1 }],
    replies: [{ topic: replies, partitions: 1, create: true }],
    read(record, { replyTopic }) {
      if (record.topic !== requests || replyTopic !== undefined) return undefined;
      const message = msgpack.decode(record.value ?? Buffer.alloc(0));
      return { message: isRight(message) ? { ...message, right: unasked(message.right) } : message, caller };
    },
  };
}

/** A request that wants no answer: without an id, as the specification says, or with an empty one. */
function unasked(message: unknown): unknown {
  const { id, ...rest } = (message ?? {}) as { readonly id?: unknown };
  return id === null || id === '' ? rest : message;
}

function called(service: string, options: PipelineOptions): ClientDialect {
  const requests = requestsOf(service, options);
  return {
    replies: { topic: repliesOf(options), partition: PARTITION, partitions: 1 },
    topicOf: () => requests,
    lane: (_message, id) => new Lane(requests, PARTITION, [], request(id), null),
    idOf: ({ key }) => key?.toString('latin1'),
    read({ value }): Reply {
      const decoded = msgpack.decode(value ?? Buffer.alloc(0));
      if (isLeft(decoded)) return { kind: 'answer', error: decoded.left.toObject() };
      // An unknown method's answer may have a result besides its error: what was given, returned.
      const { result, error } = (decoded.right ?? {}) as { result?: unknown; error?: unknown };
      return { kind: 'answer', result, error };
    },
  };
}

/** Its servers need params and an id: they end at a request without, and answer none whose id is nil. */
const request = (id: string | undefined) =>
  writer(({ method, params }: Request | Notification) =>
    msgpack.encode({ jsonrpc: '2.0', method, params: params ?? [], id: id ?? null }),
  );
