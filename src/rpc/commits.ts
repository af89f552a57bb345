/**
 * Commits of a service's done records, batched by time, and the waits for what is still open: at a
 * rebalance and at the end.
 */
import type { Clock } from '../clock.js';
import { Offsets } from '../kafka/offsets.js';
import {
  type Consumer,
  type ConsumerRecord,
  type Kafka,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../kafka/port.js';

/** A record that waits for its commit before it is worked on. */
interface First {
  readonly record: ConsumerRecord;
  readonly assignment: number;
  /** Whether its commit was made: only then may it be worked on. */
  readonly then: (committed: boolean) => void;
}

/** Milliseconds between commits. */
const COMMIT_INTERVAL = 200;
/** Milliseconds that the reports of the last answers are waited for, once the time to finish is over. */
const LAST_REPORTS = 500;

export class Commits {
  readonly offsets: Offsets;
  consumer: Consumer | undefined;
  readonly #clock: Clock;
  readonly #maxFirsts: number;
  readonly #onError: (error: KafkaError) => void;
  readonly #waiters = new Set<() => void>();
  #stopTimer: (() => void) | undefined;
  #firsts: First[] = [];
  #committing = false;
  #closed = false;
  #flooded = false;
  #paused = false;
  /** Open records of no partition of the group's. */
  #aside = 0;

  /** `maxFirsts`: records that wait for their commit before they are worked on; beyond it reading stops. */
  constructor(clock: Clock, maxFirsts: number, atMostOnce: boolean, onError: (error: KafkaError) => void) {
    this.offsets = new Offsets(atMostOnce);
    this.#clock = clock;
    this.#maxFirsts = maxFirsts;
    this.#onError = onError;
  }

  /** False for a record that was taken before; one that was done while others had its partition is committed now. */
  take(record: ConsumerRecord): boolean {
    const taken = this.offsets.take(record);
    if (!taken) this.#schedule();
    return taken;
  }

  done(record: TopicPartitionOffset): void {
    this.offsets.done(record);
    this.#schedule();
    for (const check of this.#waiters) check();
  }

  /** A record that came another way is waited for at the end, and never committed; the function says that it is done. */
  aside(): () => void {
    this.#aside += 1;
    return () => {
      this.#aside -= 1;
      for (const check of this.#waiters) check();
    };
  }

  /** Reading stops while its server says so, and while too many records wait for their commit. */
  pause(flooded = this.#flooded): void {
    this.#flooded = flooded;
    const paused = flooded || this.#firsts.length > this.#maxFirsts;
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.consumer?.pause();
    else this.consumer?.resume();
  }

  /** Commits a record that was taken, with those of the same turn, before it is worked on. */
  first(record: ConsumerRecord, then: (committed: boolean) => void): void {
    this.#firsts.push({ record, assignment: this.offsets.assignment(record), then });
    this.pause();
    if (this.#committing) return;
    this.#committing = true;
    this.#clock.soon(() => void this.#commitFirsts());
  }

  /** A commit that fails is tried again, as long as the partition is this member's. */
  async #commitFirsts(): Promise<void> {
    while (this.#firsts.length > 0) {
      let waiting = this.#firsts;
      this.#firsts = [];
      this.pause();
      for (const { record } of waiting) this.offsets.done(record);
      while (waiting.length > 0) {
        if (!this.#closed) await this.flush();
        waiting = waiting.filter((first) => !this.#settle(first));
        if (waiting.length > 0) {
          await new Promise<void>((resolve) => this.#clock.after(COMMIT_INTERVAL, resolve));
        }
      }
    }
    this.#committing = false;
  }

  #settle({ record, assignment, then }: First): boolean {
    if (!this.#closed && this.offsets.due(record, assignment)) return false;
    then(this.offsets.reached(record, assignment));
    return true;
  }

  /** Resolves when none of these partitions' records is open, or after `ms`; at the end none of all. */
  idle(ms: number, partitions?: readonly TopicPartition[]): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.offsets.open(partitions) === 0 && (partitions !== undefined || this.#aside === 0)) end();
      };
      const end = () => {
        stop();
        this.#waiters.delete(check);
        resolve();
      };
      const stop = this.#clock.after(ms, end);
      this.#waiters.add(check);
      check();
    });
  }

  /** Commits what is done now. A commit that fails is tried again with the next. */
  async flush(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const offsets = this.offsets.committable();
    if (offsets.length === 0) return;
    try {
      await this.consumer?.commit(offsets);
      this.offsets.committed(offsets);
    } catch (error) {
      this.#onError(error instanceof KafkaError ? error : new KafkaError('failed', String(error)));
      this.#schedule();
    }
  }

  /** Leaves the group. What is done after this is not committed: another instance has the partitions. */
  async leave(kafka: Kafka): Promise<void> {
    // What was answered at the last moment is done with its report, and needs no other instance.
    if (this.offsets.open() > 0) await kafka.flush(LAST_REPORTS);
    await this.consumer?.close();
    this.#closed = true;
    this.#stopTimer?.();
    this.#stopTimer = () => {};
  }

  #schedule(): void {
    this.#stopTimer ??= this.#clock.after(COMMIT_INTERVAL, () => void this.flush());
  }
}
