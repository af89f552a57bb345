/**
 * Packs the messages that one turn of the event loop sends to one destination into one record:
 * one codec pass, one produce, one delivery report for all of them. Above it stand the calls
 * (client) and replies (server), below it Kafka. A lone message leaves at the end of its turn.
 */
import { isLeft } from 'fp-ts/lib/Either.js';
import type { Codec } from '../jsonrpc/codec.js';
import type { RpcError } from '../jsonrpc/error.js';
import type { Message } from '../jsonrpc/message.js';
import { type DeliveryObserver, type Headers, type Kafka, KafkaError } from '../kafka/port.js';

/** Told what became of a message; the call itself, so that a batch needs no closure per call. */
export interface Outcome {
  /** Nobody waits for `delivered`. */
  readonly patient?: boolean;
  /** Kafka has the record. */
  delivered(): void;
  /** It can't be encoded (RpcError), or the record wasn't delivered (KafkaError). */
  undelivered(error: RpcError | KafkaError, message: unknown): void;
  /** The message is larger than Kafka takes: the smaller ones to send instead, where it has some. */
  split?(message: unknown): readonly unknown[] | undefined;
}

export interface Limits {
  /** Messages in one record, at most. @default 200 */
  readonly maxCount: number;
  /** Bytes of one record that holds several messages, at most (a lone one may be larger). @default 262144 */
  readonly maxBytes: number;
}

export const DEFAULT_LIMITS: Limits = { maxCount: 200, maxBytes: 262_144 };

/** The bytes of a record without a value, where a codec has nothing to write. */
export const NOTHING: Buffer = Buffer.alloc(0);

/** One destination, and what waits for it in this turn. */
export class Lane {
  messages: unknown[] = [];
  outcomes: (Outcome | undefined)[] = [];
  /** Bytes of one message, by what was last sent: sizes the next batch without encoding it twice. */
  bytesEach = 0;
  /** Bytes of a record besides its value. */
  readonly overhead: number;

  constructor(
    readonly topic: string,
    readonly partition: number | null,
    readonly headers: Headers,
    readonly codec: Codec,
    readonly key: string | null = null,
    /** Each message gets a record of its own: a batch is one message to a peer that isn't callstream. */
    readonly alone = false,
  ) {
    this.overhead = (key?.length ?? 0) + headerBytes(headers);
  }
}

function headerBytes(headers: Headers): number {
  let bytes = 0;
  for (const header of headers) {
    for (const name in header) bytes += name.length + (header[name]?.length ?? 0) + 4;
  }
  return bytes;
}

/** The messages of one record, told together what becomes of it. */
class Batch implements DeliveryObserver {
  constructor(
    readonly coalescer: Coalescer,
    readonly lane: Lane,
    readonly messages: readonly unknown[],
    readonly outcomes: readonly (Outcome | undefined)[],
  ) {}

  get patient(): boolean {
    return this.outcomes.every((outcome) => outcome === undefined || outcome.patient === true);
  }

  delivered(): void {
    for (const outcome of this.outcomes) outcome?.delivered();
  }

  undelivered(failure: KafkaError): void {
    const { lane, messages, outcomes } = this;
    if (failure.reason === 'too large' && messages.length > 1) this.coalescer.split(lane, messages, outcomes);
    else for (const [i, outcome] of outcomes.entries()) outcome?.undelivered(failure, messages[i]);
  }
}

export class Coalescer {
  readonly #kafka: Kafka;
  readonly #limits: Limits;
  #waiting: Lane[] = [];

  constructor(kafka: Kafka, limits: Limits) {
    this.#kafka = kafka;
    this.#limits = limits;
  }

  /** Sends a message by the end of this turn, with what else goes that way. */
  send(lane: Lane, message: unknown, outcome?: Outcome): void {
    if (lane.messages.length === 0) {
      if (this.#waiting.length === 0) this.#kafka.clock.soon(this.flush);
      this.#waiting.push(lane);
    }
    lane.messages.push(message);
    lane.outcomes.push(outcome);
  }

  /** Hands everything that waits to the producer. */
  readonly flush = (): void => {
    const lanes = this.#waiting;
    this.#waiting = [];
    for (const lane of lanes) {
      const { messages, outcomes } = lane;
      lane.messages = [];
      lane.outcomes = [];
      let step = this.#batchSize(lane);
      if (messages.length <= step) this.#produce(lane, messages, outcomes);
      else {
        for (let i = 0; i < messages.length; i += step) {
          step = this.#batchSize(lane);
          this.#produce(lane, messages.slice(i, i + step), outcomes.slice(i, i + step));
        }
      }
    }
  };

  #batchSize(lane: Lane): number {
    const { maxCount, maxBytes } = this.#limits;
    if (lane.alone) return 1;
    return lane.bytesEach * maxCount <= maxBytes
      ? maxCount
      : Math.max(1, Math.floor(maxBytes / lane.bytesEach));
  }

  #produce(lane: Lane, messages: readonly unknown[], outcomes: readonly (Outcome | undefined)[]): void {
    const lone = messages.length === 1;
    const encoded = lane.codec.encodeMessages(messages as readonly Message[]);
    if (isLeft(encoded)) {
      if (lone) outcomes[0]?.undelivered(encoded.left, messages[0]);
      else this.split(lane, messages, outcomes);
      return;
    }
    const value = encoded.right;
    // A lone message says nothing of those that come many at a time, unless it is smaller.
    lane.bytesEach = lone ? Math.min(lane.bytesEach, value.length) : value.length / messages.length;
    if (!lone && value.length > Math.min(this.#limits.maxBytes, this.#kafka.maxRecordBytes)) {
      this.split(lane, messages, outcomes);
      return;
    }
    if (lone && value.length + lane.overhead > this.#kafka.maxRecordBytes) {
      this.#tooLarge(lane, messages[0], outcomes[0], value.length + lane.overhead);
      return;
    }
    const { topic, partition, headers, key } = lane;
    const timestamp = this.#kafka.clock.now();
    const content = value === NOTHING ? null : value;
    const batch = new Batch(this, lane, messages, outcomes);
    const record = { topic, partition, value: content, key, headers, timestamp };
    const refusal = this.#kafka.produce(record, batch, 0);
    if (refusal !== undefined) batch.undelivered(refusal);
  }

  #tooLarge(lane: Lane, message: unknown, outcome: Outcome | undefined, bytes: number): void {
    const parts = outcome?.split?.(message);
    if (parts !== undefined) for (const part of parts) this.#produce(lane, [part], [outcome]);
    else {
      const text = `${bytes} bytes for ${lane.topic} are more than the ${this.#kafka.maxRecordBytes} that a record may have`;
      outcome?.undelivered(new KafkaError('too large', text, { notSent: true }), message);
    }
  }

  /** Sends in two records what one can't hold: halves find a message that can't be encoded, too, in few passes. */
  split(lane: Lane, messages: readonly unknown[], outcomes: readonly (Outcome | undefined)[]): void {
    const half = messages.length >> 1;
    this.#produce(lane, messages.slice(0, half), outcomes.slice(0, half));
    this.#produce(lane, messages.slice(half), outcomes.slice(half));
  }
}
