/**
 * The one partition on which a connection hears from others: replies and stream items for its
 * client calls, control messages and broadcasts for its servers. Many connections may share a
 * partition; what isn't for this one is skipped by its correlation id, undecoded.
 */
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { codecFor } from '../jsonrpc/codec.js';
import {
  type Failure,
  isResponse,
  type Notification,
  type Request,
  type Response,
} from '../jsonrpc/message.js';
import { validate } from '../jsonrpc/validate.js';
import type { Consumer, ConsumerRecord, Kafka, KafkaError } from '../kafka/port.js';
import { type Envelope, type Peer, readEnvelope } from './envelope.js';

/** Gets the messages for a client's calls. */
export interface ReplyListener {
  onResponse(response: Response, envelope: Envelope): void;
  /** `$/open` and `$/next`. */
  onStreamMessage(message: Notification | Request, envelope: Envelope): void;
}

/** Gets the control messages, `$/request` and `$/cancel`, for a server's calls. */
export interface ControlListener {
  onControl(caller: string | undefined, message: Notification | Request): void;
  /** True for callers whose calls run here: their control messages may carry their own correlation id. */
  knows(caller: string): boolean;
}

/** Gets the records sent to every instance of a service. */
export type BroadcastListener = (record: ConsumerRecord, envelope: Envelope) => void;

/** What arrived and could not be used. */
export interface InboxStats {
  /** Records for others who share the partition. */
  foreign: number;
  /** Records or messages that aren't JSON-RPC. */
  malformed: number;
}

export class Inbox {
  readonly peer: Peer;
  readonly stats: InboxStats = { foreign: 0, malformed: 0 };
  replies: ReplyListener | undefined;
  control: ControlListener | undefined;
  readonly broadcasts = new Map<string, BroadcastListener>();
  readonly #onError: (error: KafkaError) => void;
  #consumer: Consumer | undefined;

  /** Resolves in position: whatever is sent to the partition from now on arrives. */
  static async open(kafka: Kafka, peer: Peer, onError: (error: KafkaError) => void): Promise<Inbox> {
    const inbox = new Inbox(peer, onError);
    const { high } = await kafka.watermarks(peer);
    const from = { topic: peer.topic, partition: peer.partition, offset: high };
    inbox.#consumer = await kafka.assign([from], {
      onRecord: (record) => inbox.#onRecord(record),
      onError: (error) => inbox.#onError(error),
    });
    return inbox;
  }

  private constructor(peer: Peer, onError: (error: KafkaError) => void) {
    this.peer = peer;
    this.#onError = onError;
  }

  async close(): Promise<void> {
    await this.#consumer?.close();
  }

  #onRecord(record: ConsumerRecord): void {
    if (record.value === null) return;
    const envelope = readEnvelope(record.headers, record.value.length);
    const to = envelope.correlationId ?? undefined;
    const own = to === this.peer.instance;
    if (to !== undefined && !own) {
      const broadcast = this.broadcasts.get(to);
      if (broadcast !== undefined) {
        broadcast(record, envelope);
        return;
      }
      // Its own answers to others who share the partition come back to it, too.
      if (this.control?.knows(to) !== true || envelope.sender?.instance === this.peer.instance) {
        this.stats.foreign += 1;
        return;
      }
    }
    const decoded = codecFor(envelope.contentType, record.value).decode(record.value);
    if (isLeft(decoded)) {
      this.stats.malformed += 1;
      return;
    }
    const payload = decoded.right;
    if (Array.isArray(payload)) for (const entry of payload) this.#onMessage(entry, envelope, own);
    else this.#onMessage(payload, envelope, own);
  }

  /** Ids are a connection's own: an answer counts only where its record names this one. */
  #onMessage(entry: unknown, envelope: Envelope, own: boolean): void {
    const message = validate(entry);
    if (!own) {
      if (isRight(message) && !isResponse(message.right)) {
        this.control?.onControl(envelope.correlationId ?? undefined, message.right);
      } else this.stats.foreign += 1;
      return;
    }
    if (isLeft(message)) {
      this.stats.malformed += 1;
      // An answer that is none still ends the call whose id it carries.
      this.replies?.onResponse(invalidResponse(message.left), envelope);
    } else if (isResponse(message.right)) {
      this.replies?.onResponse(message.right, envelope);
    } else if (message.right.method === '$/next' || message.right.method === '$/open') {
      this.replies?.onStreamMessage(message.right, envelope);
    } else this.control?.onControl(envelope.sender?.instance, message.right);
  }
}

function invalidResponse({ id }: Failure): Failure {
  return {
    jsonrpc: '2.0',
    id,
    error: { code: -32603, message: 'Internal error', data: 'not a valid JSON-RPC response' },
  };
}
