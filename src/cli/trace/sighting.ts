/** A message of the traced call, where it was seen: what a record holds of it, and between whom it goes. */
import { header, type TopicRecord } from '../../index.js';
import { decoded, idOf, isMessage, type Message } from '../decoded.js';

/** A connection as the header `callstream-inbox` names it. */
export interface Peer {
  readonly topic: string;
  readonly instance: string;
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** In a batch, from 0. */
  readonly index: number | undefined;
}

export interface Sighting {
  readonly place: Place;
  /** Of the record, in milliseconds since the epoch. */
  readonly time: number;
  readonly message: Message;
  /** The connection that makes the call; empty where the record doesn't say. */
  readonly caller: string;
  readonly sender: Peer | undefined;
  /** Whose it is, by its topic's name, or by that of a broadcast; undefined where neither says. */
  readonly service: string | undefined;
  /** Where a request asks for its answers. */
  readonly replyTopic: string | undefined;
}

/** The messages of a record that belong to calls of this id; what isn't JSON-RPC holds none. */
export function sightingsOf(record: TopicRecord<Buffer, Buffer>, id: string): readonly Sighting[] {
  const { topic, partition, offset, headers } = record;
  if (record.value === null) return [];
  const { as, value } = decoded(record.value, headers);
  if (as !== 'json' && as !== 'msgpack') return [];
  const found: Sighting[] = [];
  const look = (entry: unknown, index: number | undefined) => {
    if (!isMessage(entry) || idOf(entry) !== id) return;
    const sender = peerOf(text(record, 'callstream-inbox'));
    const correlation = text(record, 'kafka_correlationId') ?? '';
    const callers = isCallers(entry);
    const broadcast = callers && sender !== undefined && !isControl(entry);
    found.push({
      place: { topic, partition, offset, index },
      time: record.timestamp,
      message: entry,
      caller: callers ? (sender?.instance ?? correlation) : correlation,
      sender,
      service: broadcast ? correlation : serviceOf(topic),
      replyTopic: text(record, 'kafka_replyTopic'),
    });
  };
  if (Array.isArray(value)) for (const [index, entry] of value.entries()) look(entry, index);
  else look(value, undefined);
  return found;
}

/** Whether the caller has sent it: then the correlation id of a control message, or of a broadcast, is another's. */
function isCallers({ method }: Message): boolean {
  return method !== undefined && method !== '$/open' && method !== '$/next';
}

export function isControl({ method }: Message): boolean {
  return typeof method === 'string' && ['$/open', '$/next', '$/request', '$/cancel'].includes(method);
}

/** By the names that callstream gives topics; undefined for others. */
export function serviceOf(topic: string): string | undefined {
  return /^(.+)\.(?:requests|replies)$/.exec(topic)?.[1];
}

function text({ headers }: TopicRecord<Buffer, Buffer>, name: string): string | undefined {
  return header(headers, name)?.toString();
}

function peerOf(value: string | undefined): Peer | undefined {
  const [topic, partition, instance] = value?.split('/') ?? [];
  return topic && partition && instance ? { topic, instance } : undefined;
}
