/**
 * The dialect of Spring Kafka: plain bodies, the method told by the topic or a header, answers by
 * kafka_replyTopic and kafka_correlationId. Serves a ReplyingKafkaTemplate, calls a @KafkaListener
 * with @SendTo.
 */
import { type Either, isRight, map, right } from 'fp-ts/lib/Either.js';
import { type Codec, codecs } from '../../jsonrpc/codec.js';
import type { RpcError } from '../../jsonrpc/error.js';
import { isFailure, type Notification, type Request, type Response } from '../../jsonrpc/message.js';
import type { Headers } from '../../kafka/port.js';
import { Lane } from '../coalesce.js';
import type { Envelope } from '../envelope.js';
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
  writeText,
} from './bodies.js';
import type { Asked, ClientDialect, Dialect, Reply, ServerDialect } from './dialect.js';
import { type Names, namesOf, strings } from './names.js';

const { json } = codecs;

interface SpringBodies {
  /**
   * `json`: values are JSON. `text`: strings are raw, all else is JSON. `auto`: a body that isn't JSON
   * is a string, and its answer is written as `text`.
   * @default 'auto'
   */
  readonly body?: 'auto' | 'json' | 'text';
  /** The header that names the method, where the topic doesn't. @default 'callstream-method' */
  readonly methodHeader?: string;
  /** The header of an answer that is an error: a JSON error object. @default 'callstream-error' */
  readonly errorHeader?: string;
}

/** How ReplyingKafkaTemplates are served. */
export interface SpringServeOptions extends SpringBodies {
  /** Topics of one method each: the topic's name to the method's; in an array, SERVICE.METHOD or METHOD. @default none */
  readonly topics?: Names;
  /** Reply topics of the templates: answers go nowhere else. @default the service's replies topic */
  readonly replyTopics?: readonly string[];
}

/** How @KafkaListeners are called. */
export interface SpringClientOptions extends SpringBodies {
  /** The topic of the requests: of all methods, or each method's. @default the service's name */
  readonly topic?: string | Readonly<Record<string, string>>;
  /** The topic of the answers, created where it is missing. @default the service's name with `.replies` */
  readonly replyTopic?: string;
}

export const spring: Dialect<SpringServeOptions, SpringClientOptions> = {
  serve: ({ name }, options) => served(name, options),
  call: (service, options) => called(service, options),
};

const METHOD = 'callstream-method';
const ERROR = 'callstream-error';
const ID = 'kafka_correlationId';

function served(service: string, options: SpringServeOptions): ServerDialect {
  const mode = modeOf(options);
  const methodHeader = options.methodHeader ?? METHOD;
  const methods = namesOf('interop.spring.topics', options.topics ?? [], service);
  const replies = strings('interop.spring.replyTopics', options.replyTopics ?? []);
  return {
    requests: [...methods.keys()].map((topic) => ({ topic })),
    replies: replies.map((topic) => ({ topic })),
    read(record, envelope): Asked | undefined {
      const method = textOf(record, methodHeader) ?? methods.get(record.topic);
      if (method === undefined) return undefined;
      const body = record.value === null ? NONE : read(record.value, mode);
      // What can't be read and names no address is nobody's.
      if (isRight(body) ? isMessage(body.right.value) : envelope.replyTopic === undefined) return undefined;
      const text = isRight(body) && body.right.text;
      const caller = callerOf(envelope, text ? textAnswer : jsonAnswer, options.errorHeader ?? ERROR);
      const id = envelope.replyTopic === undefined ? undefined : caller.id;
      const headers = ownHeaders(record.headers);
      const message = map(({ value }: Body) => asked(method, value, id, headers))(body);
      return { message, caller };
    },
  };
}

function callerOf(
  { replyTopic = '', replyPartition, correlationId }: Envelope,
  codec: Codec,
  errorName: string,
) {
  const id = correlationId ?? '';
  const echo: Headers = id === '' ? [] : [{ [ID]: id }];
  return {
    id,
    callstream: false,
    lane(_id: unknown, response?: Response) {
      const failed = response !== undefined && isFailure(response);
      const headers = failed ? [...echo, { [errorName]: errorHeader(response.error) }] : echo;
      return new Lane(replyTopic, replyPartition, headers, codec);
    },
  };
}

/** Somebody who speaks JSON-RPC on one of these topics is understood as such. */
const isMessage = (value: unknown): boolean =>
  (value as { jsonrpc?: unknown } | null | undefined)?.jsonrpc === '2.0';

interface Body {
  /** Undefined: none. */
  readonly value: unknown;
  /** Strings are raw in the answer too. */
  readonly text: boolean;
}

const NONE: Either<RpcError, Body> = right({ value: undefined, text: false });

function read(bytes: Buffer, mode: Mode): Either<RpcError, Body> {
  if (mode === 'text') return right({ value: readText(bytes), text: true });
  const decoded = json.decode(bytes);
  if (isRight(decoded)) return right({ value: decoded.right, text: false });
  return mode === 'auto' ? right({ value: String(bytes), text: true }) : decoded;
}

/** What every reader takes, whatever type it expects: the error is in the header. */
const NULL = right(Buffer.from('null'));
const jsonAnswer = writer((it: Response) => (isFailure(it) ? NULL : json.encode(it.result)));
const textAnswer = writer((it: Response) => (isFailure(it) ? NULL : writeText(it.result)));

const jsonRequest = writer(({ params }: Request | Notification) => json.encode(bodyOf(params) ?? null));
const textRequest = writer(({ params }: Request | Notification) => writeText(bodyOf(params) ?? null));

function called(service: string, options: SpringClientOptions): ClientDialect {
  const mode = modeOf(options);
  const { methodHeader = METHOD, errorHeader: errorName = ERROR, topic = service } = options;
  const replyTopic = options.replyTopic ?? `${service}.replies`;
  const topics = new Map(typeof topic === 'string' ? [] : Object.entries(topic));
  const topicOf = (method: string) => topics.get(method) ?? (typeof topic === 'string' ? topic : method);
  return {
    replies: { topic: replyTopic, partitions: 1 },
    topicOf,
    lane(message, id, key) {
      // No kafka_replyPartition: it is four bytes there, which node-rdkafka can't send.
      const answer: Headers = id === undefined ? [] : [{ kafka_replyTopic: replyTopic }, { [ID]: id }];
      const headers = [...answer, { [methodHeader]: message.method }, ...sentHeaders(message.meta)];
      return new Lane(
        topicOf(message.method),
        null,
        headers,
        mode === 'text' ? textRequest : jsonRequest,
        key,
      );
    },
    idOf: (record) => textOf(record, ID),
    read(record): Reply {
      const error = textOf(record, errorName);
      if (error !== undefined) return { kind: 'answer', error: errorFrom(error).toObject() };
      if (record.value === null) return { kind: 'answer', result: null };
      const body = read(record.value, mode);
      return isRight(body)
        ? { kind: 'answer', result: body.right.value }
        : { kind: 'answer', error: body.left.toObject() };
    },
  };
}

const MODES = ['auto', 'json', 'text'] as const;
type Mode = (typeof MODES)[number];

function modeOf({ body = 'auto' }: SpringBodies): Mode {
  if (MODES.includes(body)) return body;
  throw new TypeError(
    `interop.spring.body: expected one of ${MODES.join(', ')}, got ${JSON.stringify(body)}`,
  );
}
