/**
 * The commits of one group's stream: contiguous, batched by time and by count; and the waits for what is still
 * out, at a hand-over and at the end. Reading notes here what it gives out and what comes back.
 */
import type { Clock } from '../clock.js';
import { Offsets } from './offsets.js';
import { type Consumer, type ConsumerRecord, KafkaError, type TopicPartition } from './port.js';

export interface CommitSettings {
  readonly commitInterval: number;
  readonly commitEvery: number;
}

/** Where a group's stream notes what it gives out and what comes back, and who hands its partitions over. */
export interface RecordCommits {
  consumer: Consumer | undefined;
  /** False for a record that is not to be given out. */
  take(record: ConsumerRecord): boolean;
  done(record: ConsumerRecord): void;
  /** Nobody works on it any more, and it isn't done. */
  release(record: ConsumerRecord): void;
  /** Whether the record's partition has not been handed over. */
  owns(record: ConsumerRecord): boolean;
  assign(partitions: readonly TopicPartition[]): void;
  /** Resolves with how many records were left, after `ms` at most. */
  revoke(partitions: readonly TopicPartition[], lost: boolean, ms: number): Promise<number>;
  /** Resolves when nobody works on a record any more. */
  idle(): Promise<void>;
  close(): void;
}

export class TopicCommits implements RecordCommits {
  readonly #offsets = new Offsets();
  readonly #clock: Clock;
  readonly #settings: CommitSettings;
  readonly #onError: (error: KafkaError) => void;
  readonly #waiters = new Set<() => void>();
  #done = 0;
  #timer: (() => void) | undefined;
  #flushing: Promise<void> | undefined;
  consumer: Consumer | undefined;

  constructor(clock: Clock, settings: CommitSettings, onError: (error: KafkaError) => void) {
    this.#clock = clock;
    this.#settings = settings;
    this.#onError = onError;
  }

  /** False for a record that was given out before: it is done, or still out. */
  take(record: ConsumerRecord): boolean {
    return this.#offsets.take(record);
  }

  done(record: ConsumerRecord): void {
    this.#offsets.done(record);
    this.#done += 1;
    if (this.#done === this.#settings.commitEvery) void this.flush();
    else this.#timer ??= this.#clock.after(this.#settings.commitInterval, () => void this.flush());
    if (this.#waiters.size > 0) for (const check of this.#waiters) check();
  }

  /** It stays undone, and is not waited for; where it is read again it is given out again. */
  release(record: ConsumerRecord): void {
    this.#offsets.release(record);
    for (const check of this.#waiters) check();
  }

  owns(record: ConsumerRecord): boolean {
    return this.#offsets.owns(record);
  }

  assign(partitions: readonly TopicPartition[]): void {
    this.#offsets.assign(partitions);
  }

  /**
   * Hands partitions over: waits for what is out, `ms` at most, and commits. Resolves with how many records were left.
   * Where they are `lost` there is nothing to wait for.
   */
  async revoke(partitions: readonly TopicPartition[], lost: boolean, ms: number): Promise<number> {
    const end = this.#offsets.handOver(partitions);
    if (!lost) {
      await this.idle(partitions, ms);
      await this.flush();
    }
    const unfinished = this.#offsets.open(partitions);
    end();
    return unfinished;
  }

  /** Resolves when nobody works on a record of these partitions, or of any, any more; or after `ms`, where given. */
  idle(partitions?: readonly TopicPartition[], ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        stop?.();
        this.#waiters.delete(check);
        resolve();
      };
      const check = (): void => {
        if (this.#offsets.worked(partitions) === 0) end();
      };
      const stop = ms === undefined ? undefined : this.#clock.after(ms, end);
      this.#waiters.add(check);
      check();
    });
  }

  /** Commits what is done now. One that fails is told, and tried again with the next. */
  async flush(): Promise<void> {
    this.#timer?.();
    this.#timer = undefined;
    this.#done = 0;
    await this.#flushing;
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    const offsets = this.#offsets.committable();
    if (offsets.length === 0 || this.consumer === undefined) return;
    try {
      await this.consumer.commit(offsets);
      this.#offsets.committed(offsets);
    } catch (error) {
      this.#onError(error instanceof KafkaError ? error : new KafkaError('failed', String(error)));
      this.#timer ??= this.#clock.after(this.#settings.commitInterval, () => void this.flush());
    }
  }

  /** No more commits: the group is left. */
  close(): void {
    this.consumer = undefined;
    this.#timer?.();
  }
}
