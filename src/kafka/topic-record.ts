/**
 * A record as a subscriber gets it: decoded, with its acknowledgement. Made by reading (topic-reading.ts),
 * settled by the subscriber or by an operator.
 */
import { CLOCK, type Clock } from '../clock.js';
import type { ConsumerRecord, Headers } from './port.js';

/** Who gave a record out, and is told what became of it. */
export interface RecordOwner {
  readonly clock: Clock;
  ack(raw: ConsumerRecord): void;
  nack(raw: ConsumerRecord): void;
}

let origin: (record: TopicRecord<any, any>) => ConsumerRecord;

/** A record of a topic, decoded. It counts as unacked until `ack()`, unless its stream has `autoAck`. */
export class TopicRecord<V, K = string> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: K | null;
  /** `null` is a tombstone: Kafka's mark for a deleted key. */
  readonly value: V | null;
  /** In order, names may repeat; `header(record.headers, name)` finds one. */
  readonly headers: Headers;
  readonly #raw: ConsumerRecord;
  readonly #owner: RecordOwner;
  #settled = false;

  static {
    origin = (record) => record.#raw;
  }

  constructor(raw: ConsumerRecord, key: K | null, value: V | null, owner: RecordOwner) {
    this.topic = raw.topic;
    this.partition = raw.partition;
    this.offset = raw.offset;
    this.timestamp = raw.timestamp;
    this.key = key;
    this.value = value;
    this.headers = raw.headers;
    this.#raw = raw;
    this.#owner = owner;
  }

  get [CLOCK](): Clock {
    return this.#owner.clock;
  }

  /**
   * Done with it: makes room for another record, and lets the group's commit pass it once all records before it are
   * done too. In any order, at any time; more than once, or after its partition has moved to somebody else, it does
   * nothing.
   */
  ack(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.ack(this.#raw);
  }

  /**
   * Not done: the record is emitted again after the stream's `nackDelay`, behind what was emitted meanwhile, and the
   * commit waits for it. Once the stream has ended it does nothing but say that nobody works on the record.
   */
  nack(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.nack(this.#raw);
  }
}

/** The bytes that a record was read as. */
export const originOf = (record: TopicRecord<any, any>): ConsumerRecord => origin(record);
