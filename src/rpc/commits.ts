/**
 * Commits of a service's done records, batched by time, and the waits for what is still open: at a
 * rebalance and at the end.
 */
import type { Clock } from '../clock.js';
import { Offsets } from '../kafka/offsets.js';
import {
  type Consumer,
  type ConsumerRecord,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../kafka/port.js';

/** Milliseconds between commits. */
const COMMIT_INTERVAL = 200;

export class Commits {
  readonly offsets = new Offsets();
  consumer: Consumer | undefined;
  readonly #clock: Clock;
  readonly #onError: (error: KafkaError) => void;
  readonly #waiters = new Set<() => void>();
  #stopTimer: (() => void) | undefined;
  /** Open records of no partition of the group's. */
  #aside = 0;

  constructor(clock: Clock, onError: (error: KafkaError) => void) {
    this.#clock = clock;
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

  /** What is done after this is not committed: another instance has the partitions. */
  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = () => {};
  }

  #schedule(): void {
    this.#stopTimer ??= this.#clock.after(COMMIT_INTERVAL, () => void this.flush());
  }
}
