/**
 * Where records and messages meet: the headers of a record, read and written (design: the wire),
 * and the JSON-RPC extension member `meta`. Above it are correlation and server, below it the
 * codecs and Kafka.
 */
import type { Codec } from '../jsonrpc/codec.js';
import { isFailure, type Response } from '../jsonrpc/message.js';
import type { Headers, TopicPartition } from '../kafka/port.js';

/** A connection as others reach it: its inbox partition, and its name among those who share it. */
export interface Peer extends TopicPartition {
  readonly instance: string;
}

/** What a record's headers say; absent where they don't, or make no sense. */
export interface Envelope {
  replyTopic: string | undefined;
  replyPartition: number | null;
  /** `null`: there is one, but it isn't ASCII, so that it can't be echoed. */
  correlationId: string | null | undefined;
  contentType: string | undefined;
  /** The peer speaks callstream: streams, credit, replies of a batch as they finish. */
  callstream: boolean;
  /** The sender's own inbox. */
  sender: Peer | undefined;
  /** Of the record's value. */
  bytes: number;
}

const REPLY_TOPIC = 'kafka_replyTopic';
const REPLY_PARTITION = 'kafka_replyPartition';
const CORRELATION_ID = 'kafka_correlationId';
const CONTENT_TYPE = 'content-type';
const VERSION = 'callstream-version';
const INBOX = 'callstream-inbox';

/** Headers of a client's requests; they are the same for all of them. */
export function requestHeaders(from: Peer, codec: Codec): Headers {
  return [
    { [REPLY_TOPIC]: from.topic },
    { [REPLY_PARTITION]: String(from.partition) },
    { [CORRELATION_ID]: from.instance },
    { [CONTENT_TYPE]: codec.contentType },
    { [VERSION]: '1' },
  ];
}

/** Headers of a server's replies to one caller. */
export function replyHeaders(correlationId: string | undefined, codec: Codec, from: Peer): Headers {
  return [
    ...(correlationId === undefined ? [] : [{ [CORRELATION_ID]: correlationId }]),
    { [CONTENT_TYPE]: codec.contentType },
    { [INBOX]: `${from.topic}/${from.partition}/${from.instance}` },
  ];
}

/** Headers of a client's control messages to one server. */
export function controlHeaders(to: Peer, from: Peer, codec: Codec): Headers {
  return [
    { [CORRELATION_ID]: to.instance },
    { [CONTENT_TYPE]: codec.contentType },
    { [VERSION]: '1' },
    { [INBOX]: `${from.topic}/${from.partition}/${from.instance}` },
  ];
}

/** One pass over a record's headers; of headers with one name the last counts. */
export function readEnvelope(headers: Headers, bytes = 0): Envelope {
  const envelope: Envelope = {
    replyTopic: undefined,
    replyPartition: null,
    correlationId: undefined,
    contentType: undefined,
    callstream: false,
    sender: undefined,
    bytes,
  };
  for (const header of headers) {
    for (const name in header) {
      const value = header[name] as string | Buffer;
      switch (name) {
        case REPLY_TOPIC:
          envelope.replyTopic = text(value);
          break;
        case REPLY_PARTITION:
          envelope.replyPartition = partitionNumber(text(value)) ?? fourBytes(value);
          break;
        case CORRELATION_ID:
          envelope.correlationId = ascii(value);
          break;
        case CONTENT_TYPE:
          envelope.contentType = text(value);
          break;
        case VERSION:
          envelope.callstream = text(value) === '1';
          break;
        case INBOX:
          envelope.sender = peerOf(text(value));
          break;
      }
    }
  }
  return envelope;
}

/**
 * A broadcast's correlation id is the service that it is for, so its sender's inbox says whose it is
 * and where the answers go; undefined where that makes no sense.
 */
export function broadcastEnvelope(envelope: Envelope): Envelope | undefined {
  const { sender } = envelope;
  if (sender === undefined || ascii(sender.instance) === null) return undefined;
  const { topic, partition, instance } = sender;
  return { ...envelope, replyTopic: topic, replyPartition: partition, correlationId: instance };
}

function text(value: string | Buffer): string {
  return typeof value === 'string' ? value : value.toString('latin1');
}

/** librdkafka's binding sends UTF-8 up to the first NUL: anything else comes back changed. */
function ascii(value: string | Buffer): string | null {
  const id = text(value);
  for (let i = 0; i < id.length; i += 1) {
    const code = id.charCodeAt(i);
    if (code === 0 || code > 127) return null;
  }
  return id;
}

function partitionNumber(decimal: string): number | null {
  return /^\d{1,9}$/.test(decimal) ? Number(decimal) : null;
}

/** As Spring writes a partition: four bytes, the highest first. */
function fourBytes(value: string | Buffer): number | null {
  return typeof value !== 'string' && value.length === 4 ? value.readUInt32BE() : null;
}

/** One peer often sends many records in a row, most of all a server its answers. */
let lastText = '';
let lastPeer: Peer | undefined;

function peerOf(value: string): Peer | undefined {
  if (value !== lastText) {
    lastPeer = readPeer(value);
    lastText = value;
  }
  return lastPeer;
}

function readPeer(value: string): Peer | undefined {
  const [topic, decimal, instance, more] = value.split('/');
  const partition = partitionNumber(decimal ?? '');
  return topic && partition !== null && instance && more === undefined
    ? { topic, partition, instance }
    : undefined;
}

/** What belongs to one call: the member `meta` of a request, as a peer sent it. */
export interface Meta {
  /** Milliseconds after the record's timestamp. */
  readonly timeout?: number;
  /** Present when the caller may retry; the first is 1. */
  readonly attempt?: number;
  /** Calls of one key keep their order. */
  readonly key?: string;
  readonly idempotencyKey?: string;
  /** Items of a stream that may be sent, in all; asks for a stream. */
  readonly credit?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const NO_META: Meta = {};

/** Members of the wrong type count as absent: `meta` is an extension, never a reason to refuse a call. */
export function readMeta(meta: unknown): Meta {
  if (typeof meta !== 'object' || meta === null) return NO_META;
  const { timeout, attempt, key, idempotencyKey, credit, headers } = meta as Record<string, unknown>;
  // Most often it is as it should be.
  if (
    (timeout === undefined || isCount(timeout)) &&
    (attempt === undefined || isCount(attempt)) &&
    (key === undefined || typeof key === 'string') &&
    (idempotencyKey === undefined || typeof idempotencyKey === 'string') &&
    (credit === undefined || isCount(credit)) &&
    headers === undefined
  ) {
    return meta;
  }
  return {
    timeout: isCount(timeout) ? timeout : undefined,
    attempt: isCount(attempt) ? attempt : undefined,
    key: typeof key === 'string' ? key : undefined,
    idempotencyKey: typeof idempotencyKey === 'string' ? idempotencyKey : undefined,
    credit: isCount(credit) ? credit : undefined,
    headers: typeof headers === 'object' && headers !== null ? stringsOf(headers) : undefined,
  };
}

/** An answer to this attempt, if the request names one: it says so where it is an error, or to a later one than the first. */
export function withAttempt(answer: Response, attempt: number | undefined): Response {
  const says = attempt !== undefined && (attempt > 1 || isFailure(answer));
  return says ? { ...answer, meta: { attempt } } : answer;
}

/** Which attempt a message belongs to. */
export function attemptOf(message: unknown): number | undefined {
  const { attempt } = ((message as { readonly meta?: unknown }).meta ?? NO_META) as Meta;
  return isCount(attempt) ? attempt : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY;
}

function stringsOf(headers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => typeof value === 'string'));
}
