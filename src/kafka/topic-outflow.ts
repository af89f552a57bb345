/**
 * What goes out to a subscriber and comes back from it: emits while there is room, keeps the rest in line, takes
 * acks and nacks. Above it stands reading, which fills it; below it the backlog and the commits.
 */
import { isLeft, type Right } from 'fp-ts/lib/Either.js';
import type { Clock } from '../clock.js';
import { among } from './partition-map.js';
import type { ConsumerRecord, TopicPartition } from './port.js';
import { Backlog, sizeOf } from './topic-backlog.js';
import type { RecordCommits } from './topic-commits.js';
import type { ReadContext } from './topic-context.js';
import { InvalidRecordError } from './topic-events.js';
import { Filling } from './topic-filling.js';
import type { ReadSettings } from './topic-options.js';
import { type RecordOwner, TopicRecord } from './topic-record.js';

/** Who gets the records. */
export interface Reader<V, K> {
  /** Whether it takes another record now; where that becomes true, `pump` is called. */
  readonly ready: boolean;
  next(record: TopicRecord<V, K>): void;
}

/** Where the records come from. */
export interface Inflow {
  hold(pause: boolean): void;
  /** The record has left the line. */
  passed(raw: ConsumerRecord): void;
  /** Nothing waits in line any more. */
  drained(): void;
  fail(error: unknown): void;
}

/**
 * Milliseconds of its subscriber after which a slice of records lets other work of the event loop go first; records from
 * one look to the next, and milliseconds of them that aren't the subscriber's: Kafka's client takes longer to bring a
 * record than many a subscriber has for it, and has as much to do with one that waits in line.
 */
const SLICE = 50;
const LOOK = 64;
const BRINGING = 1;

export class Outflow<V, K> implements RecordOwner {
  readonly clock: Clock;
  readonly #context: ReadContext<V, K>;
  readonly #settings: ReadSettings;
  readonly #reader: Reader<V, K>;
  readonly #commits: RecordCommits | undefined;
  readonly #inflow: Inflow;
  readonly #backlog = new Backlog();
  readonly #filling: Filling;
  /** Nacked, by the timer that brings each back; and those that it brought. */
  readonly #nacked = new Map<ConsumerRecord, () => void>();
  #again: ConsumerRecord[] = [];
  #out = 0;
  #outBytes = 0;
  #emitted = 0;
  /** When the slice was last looked at, and the milliseconds that its subscriber has taken by then. */
  #looked = 0;
  #taken = 0;
  #spent = false;
  #begun = false;
  #scheduled = false;
  #pumping = false;
  #holding = false;
  #stopped = false;

  constructor(
    context: ReadContext<V, K>,
    settings: ReadSettings,
    reader: Reader<V, K>,
    commits: RecordCommits | undefined,
    inflow: Inflow,
  ) {
    this.#context = context;
    this.#settings = settings;
    this.#reader = reader;
    this.#commits = commits;
    this.#inflow = inflow;
    this.clock = context.kafka.clock;
    this.#filling = new Filling(
      this.clock,
      () => this.#backlog.length,
      () => this.#schedule(),
    );
  }

  /** Nothing waits to be emitted. */
  get empty(): boolean {
    return this.#backlog.length === 0 && this.#again.length === 0 && this.#nacked.size === 0;
  }

  /** Whether the consumer is to be paused. */
  get holding(): boolean {
    return this.#holding;
  }

  accept(raw: ConsumerRecord): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#filling.begin(() => {});
    }
    if (this.#backlog.length === 0 && this.#again.length === 0 && !this.#pumping && this.#room) {
      this.#deliver(raw);
      return;
    }
    this.#backlog.push(raw);
    if (this.#holding || !this.#backlog.high) return;
    this.#holding = true;
    this.#filling.end();
    this.#inflow.hold(true);
  }

  /** Emits what waits, as far as there is room. */
  pump(): void {
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    try {
      while (this.#again.length > 0 && this.#room) this.#emit(this.#again.shift() as ConsumerRecord);
      while (this.#backlog.length > 0 && this.#room) this.#deliver(this.#backlog.shift() as ConsumerRecord);
    } finally {
      this.#pumping = false;
    }
    this.#relieve();
    if (!this.#stopped && this.empty) this.#inflow.drained();
  }

  /** What is in line of these partitions is somebody else's now. */
  drop(partitions: readonly TopicPartition[]): void {
    this.#backlog.remove(partitions);
    const gone = among(partitions);
    for (const raw of [...this.#nacked.keys()].filter(gone)) {
      this.#nacked.get(raw)?.();
      this.#nacked.delete(raw);
      this.#back(raw);
      this.#commits?.release(raw);
    }
    for (const raw of this.#again.filter(gone)) this.#commits?.release(raw);
    this.#again = this.#again.filter((raw) => !gone(raw));
    this.#relieve();
  }

  stop(): void {
    this.#stopped = true;
    this.#filling.stop();
    this.#backlog.clear();
    for (const [raw, cancel] of this.#nacked) {
      cancel();
      this.#commits?.release(raw);
    }
    for (const raw of this.#again) this.#commits?.release(raw);
    this.#nacked.clear();
    this.#again = [];
  }

  ack(raw: ConsumerRecord): void {
    if (this.#settings.autoAck) return;
    this.#back(raw);
    this.#commits?.done(raw);
    if (!this.empty) this.#schedule();
  }

  nack(raw: ConsumerRecord): void {
    if (this.#settings.autoAck) return;
    if (this.#stopped || this.#commits?.owns(raw) === false) {
      this.#back(raw);
      this.#commits?.release(raw);
      if (!this.empty) this.#schedule();
      return;
    }
    const cancel = this.clock.after(this.#settings.nackDelay, () => {
      this.#nacked.delete(raw);
      this.#back(raw);
      this.#again.push(raw);
      this.pump();
    });
    this.#nacked.set(raw, cancel);
  }

  get #room(): boolean {
    const { maxUnacked, maxUnackedBytes } = this.#settings;
    return (
      !this.#spent &&
      !this.#stopped &&
      !this.#filling.active &&
      this.#out < maxUnacked &&
      this.#outBytes < maxUnackedBytes &&
      this.#reader.ready
    );
  }

  #deliver(raw: ConsumerRecord): void {
    this.#inflow.passed(raw);
    if (this.#commits === undefined || this.#commits.take(raw)) this.#emit(raw);
  }

  #emit(raw: ConsumerRecord): void {
    this.#count();
    const key = raw.key === null ? null : this.#context.readKey(raw.key);
    const value = raw.value === null ? null : this.#context.readValue(raw.value);
    if (key !== null && isLeft(key)) this.#invalid(raw, key.left);
    else if (value !== null && isLeft(value)) this.#invalid(raw, value.left);
    else this.#give(raw, new TopicRecord(raw, rightOf(key), rightOf(value), this));
  }

  #give(raw: ConsumerRecord, record: TopicRecord<V, K>): void {
    if (!this.#settings.autoAck) {
      this.#out += 1;
      this.#outBytes += sizeOf(raw);
      this.#reader.next(record);
      return;
    }
    this.#reader.next(record);
    this.#commits?.done(raw);
  }

  #invalid(raw: ConsumerRecord, reason: string): void {
    const { onInvalid, deadLetter, group } = this.#settings;
    this.#context.tell({ type: 'invalid', group, record: raw, reason });
    if (onInvalid === 'skip') this.#commits?.done(raw);
    else if (onInvalid === 'stop' || deadLetter === undefined)
      this.#inflow.fail(new InvalidRecordError(raw, reason));
    else {
      this.#out += 1;
      this.#outBytes += sizeOf(raw);
      const kept = (): void => {
        this.#back(raw);
        this.#commits?.done(raw);
        if (!this.empty) this.#schedule();
      };
      deadLetter.deadLetter(raw, reason).then(kept, (error) => {
        this.#commits?.release(raw);
        this.#inflow.fail(error);
      });
    }
  }

  #back(raw: ConsumerRecord): void {
    this.#out -= 1;
    this.#outBytes -= sizeOf(raw);
  }

  #relieve(): void {
    if (!this.#holding || !this.#backlog.low || this.#stopped) return;
    this.#holding = false;
    this.#filling.begin(() => this.#inflow.hold(false));
  }

  /** A slice that takes long ends, so that timers, acks and other streams get their turn. */
  #count(): void {
    if (this.#emitted === 0) {
      this.#looked = this.clock.now();
      this.#taken = 0;
      this.#schedule();
    }
    this.#emitted += 1;
    if (this.#emitted % LOOK !== 0) return;
    const now = this.clock.now();
    this.#taken += Math.max(0, now - this.#looked - BRINGING);
    this.#looked = now;
    if (this.#taken > SLICE) this.#spent = true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.soon(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#scheduled = false;
    this.#filling.pace(this.#emitted, this.#spent);
    this.#spent = false;
    this.#emitted = 0;
    this.pump();
  };
}

const rightOf = <T>(either: Right<T> | null): T | null => (either === null ? null : either.right);
