/**
 * The records of one transaction: they come one by one until it is closed, and stay for another attempt where one
 * fails. Above it stands the session, below it the attempts.
 */
import { among } from '../kafka/partition-map.js';
import type { TopicPartition } from '../kafka/port.js';
import { sizeOf } from '../kafka/topic-backlog.js';
import { Attempt, type AttemptSettings, type Item } from './transact-attempt.js';

export class Batch<V, K> {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #items: Item<V, K>[] = [];
  #bytes = 0;
  #closed = false;
  #attempt: Attempt<V, K> | undefined;
  #wake: (() => void) | undefined;
  #interrupted: { readonly failure: unknown } | undefined;

  constructor(maxRecords: number, maxBytes: number) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  get items(): readonly Item<V, K>[] {
    return this.#items;
  }

  get closed(): boolean {
    return this.#closed;
  }

  push(item: Item<V, K>): void {
    this.#items.push(item);
    this.#bytes += sizeOf(item.raw);
    this.#attempt?.push(item);
    if (this.#items.length >= this.#maxRecords || this.#bytes >= this.#maxBytes) this.close();
  }

  /** Takes no more records. */
  close(): void {
    this.#closed = true;
    this.#attempt?.end();
  }

  /** Works on the records; resolves, once closed, with how many outputs were written. */
  async attempt(settings: AttemptSettings<V, K>): Promise<number> {
    const attempt = new Attempt(settings);
    this.#attempt = attempt;
    for (const item of this.#items) attempt.push(item);
    if (this.#closed) attempt.end();
    if (this.#interrupted !== undefined) attempt.fail(this.#interrupted.failure);
    try {
      await attempt.result;
      if (this.#interrupted !== undefined) throw this.#interrupted.failure;
      return attempt.produced;
    } finally {
      this.#attempt = undefined;
      this.#interrupted = undefined;
    }
  }

  /** Ends the attempt under way, or the next as it begins, or the wait for it. */
  interrupt(failure: unknown): void {
    this.#interrupted = { failure };
    this.#attempt?.fail(failure);
    this.#wake?.();
  }

  /** These are somebody else's now; returns how many. */
  drop(partitions: readonly TopicPartition[]): number {
    const before = this.#items.length;
    const gone = among(partitions);
    this.#items = this.#items.filter(({ raw }) => !gone(raw));
    return before - this.#items.length;
  }

  /** Resolves when `after` calls back, or when interrupted. */
  async pause(after: (work: () => void) => () => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = after(resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
