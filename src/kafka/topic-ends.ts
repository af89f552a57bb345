/**
 * Where a stream ends that doesn't live on, and which partitions have come so far. Used by reading.
 */
import { PartitionMap } from './partition-map.js';
import type { ConsumerRecord, TopicPartition, TopicPartitionOffset } from './port.js';

export class Ends {
  readonly #ends: PartitionMap<number>;
  /** Partitions of which everything up to the end has arrived; some of it may wait in line still. */
  readonly #reached = new PartitionMap<true>();

  /** The end of each partition; those without one are not read. */
  constructor(ends: PartitionMap<number>) {
    this.#ends = ends;
  }

  /** Whether a record, or where reading begins, is before the end. */
  before(at: TopicPartitionOffset): boolean {
    return at.offset < (this.#ends.get(at) ?? 0);
  }

  /** Whether nothing before the end can follow the record. */
  isLast(record: ConsumerRecord): boolean {
    return record.offset >= (this.#ends.get(record) ?? 0) - 1;
  }

  reach(at: TopicPartition): void {
    this.#reached.set(at, true);
  }

  /** They are read anew. */
  restart(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#reached.delete(at);
  }

  /** Whether all of these have been reached. */
  reached(partitions: readonly TopicPartition[]): boolean {
    return partitions.every((at) => this.#reached.get(at) === true);
  }
}
