/**
 * Who sent a record of requests, and where the answers go: to the inbox that its headers name, if
 * that topic is allowed, else to the service's own topic for replies.
 */
import type { Codec } from '../jsonrpc/codec.js';
import type { Id, Response } from '../jsonrpc/message.js';
import { Lane } from './coalesce.js';
import { type Envelope, type Peer, replyHeaders } from './envelope.js';

export interface Caller {
  /** Empty where the record has no correlation id. */
  readonly id: string;
  readonly callstream: boolean;
  /** The way of the answer to a request of this id; of some callers errors go another. */
  lane(id: Id, response?: Response): Lane;
  /** The way of one item of a stream, for callers to whom each is an answer of its own. */
  readonly item?: () => Lane;
}

/** Callers whose lanes are kept; the one seen first makes room. */
const MAX_CALLERS = 10_000;

/** Why a record can't be answered; undefined where it can. */
export function refusal(
  { replyTopic, correlationId }: Envelope,
  allowed: ReadonlySet<string>,
): string | undefined {
  if (correlationId === null) {
    return "its kafka_correlationId isn't ASCII, and node-rdkafka can't echo binary headers: on Spring's ReplyingKafkaTemplate call setBinaryCorrelation(false)";
  }
  if (replyTopic === undefined || allowed.has(replyTopic)) return undefined;
  return `its kafka_replyTopic ${JSON.stringify(replyTopic)} isn't one of replyTopics: ${[...allowed].join(', ')}`;
}

export class Callers {
  readonly #repliesTopic: string;
  readonly #allowed: ReadonlySet<string>;
  readonly #peer: Peer;
  readonly #known = new Map<string, Caller & { readonly to: Lane }>();

  constructor(repliesTopic: string, allowed: ReadonlySet<string>, peer: Peer) {
    this.#repliesTopic = repliesTopic;
    this.#allowed = allowed;
    this.#peer = peer;
  }

  /** The caller; or why it can't be answered. */
  of(envelope: Envelope, codec: Codec): Caller | string {
    const { replyTopic, replyPartition, correlationId, callstream } = envelope;
    const refused = refusal(envelope, this.#allowed);
    if (refused !== undefined) return refused;
    if (correlationId === null || replyTopic === undefined) {
      return this.#keyed(correlationId ?? undefined, callstream, codec);
    }
    const id = correlationId ?? '';
    const known = this.#known.get(id);
    if (
      known !== undefined &&
      known.to.topic === replyTopic &&
      known.to.partition === replyPartition &&
      known.to.codec === codec &&
      known.callstream === callstream
    ) {
      return known;
    }
    const to = new Lane(
      replyTopic,
      replyPartition,
      replyHeaders(correlationId, codec, this.#peer),
      codec,
      null,
      !callstream,
    );
    const caller = { id, callstream, to, lane: () => to };
    if (this.#known.size >= MAX_CALLERS) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(id, caller);
    return caller;
  }

  /** Without a reply topic the answer's key, the request's id, tells whose it is. */
  #keyed(correlationId: string | undefined, callstream: boolean, codec: Codec): Caller {
    const headers = replyHeaders(correlationId, codec, this.#peer);
    return {
      id: correlationId ?? '',
      callstream,
      lane: (id) => new Lane(this.#repliesTopic, null, headers, codec, id === null ? null : String(id)),
    };
  }
}
