/**
 * Values by topic and partition, found without a key that would have to be built: a look-up happens for each record.
 * Offsets, topics and operators stand on it.
 */
import type { TopicPartition } from './port.js';

export class PartitionMap<T> {
  readonly #rows = new Map<string, (T | undefined)[]>();
  /** The row that was asked for last: records of one topic come one after the other. */
  #topic: string | undefined;
  #row: (T | undefined)[] | undefined;

  get({ topic, partition }: TopicPartition): T | undefined {
    if (topic !== this.#topic) {
      this.#row = this.#rows.get(topic);
      this.#topic = topic;
    }
    return this.#row?.[partition];
  }

  set(at: TopicPartition, value: T): void {
    this.get(at);
    if (this.#row === undefined) {
      this.#row = [];
      this.#rows.set(at.topic, this.#row);
    }
    this.#row[at.partition] = value;
  }

  delete(at: TopicPartition): void {
    if (this.get(at) !== undefined && this.#row !== undefined) this.#row[at.partition] = undefined;
  }

  values(): T[] {
    const found: T[] = [];
    for (const row of this.#rows.values())
      for (const value of row) if (value !== undefined) found.push(value);
    return found;
  }
}

/** Whether a partition is one of these. */
export function among(partitions: readonly TopicPartition[]): (at: TopicPartition) => boolean {
  const all = new PartitionMap<true>();
  for (const at of partitions) all.set(at, true);
  return (at) => all.get(at) === true;
}
