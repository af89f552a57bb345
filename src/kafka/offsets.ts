/**
 * What a consumer may commit: for each partition the offset before which everything is done.
 * Records finish in any order; one that isn't finished holds the commit back, never the partition.
 */
import type { ConsumerRecord, TopicPartition, TopicPartitionOffset } from './port.js';

interface Progress {
  readonly topic: string;
  readonly partition: number;
  /** After the last record taken. */
  next: number;
  /** The newest timestamp taken: an old offset that is newer means that the topic was made anew. */
  newest: number;
  /** Taken and not done, in order of offset: a Set iterates as it was filled. */
  readonly open: Set<number>;
  /** Where the group stood when the partition was last handed over; undefined until its first record tells. */
  from: number | undefined;
  committed: number;
  assigned: boolean;
}

export class Offsets {
  /** By topic, then partition. */
  readonly #topics = new Map<string, Progress[]>();

  /** Begins with what the group hands over. Others may have gone on meanwhile: the first record tells how far. */
  assign(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const progress = this.#progress(topic, partition);
      progress.assigned = true;
      progress.from = undefined;
    }
  }

  /** From here on nothing is committed for these partitions. What is open or done stays known. */
  revoke(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#progress(topic, partition).assigned = false;
  }

  /** Notes that a record is being worked on; false where it was taken before, and is done or still open. */
  take({ topic, partition, offset, timestamp }: ConsumerRecord): boolean {
    const progress = this.#progress(topic, partition);
    if (progress.from === undefined) resume(progress, offset);
    if (offset < progress.next) {
      if (timestamp <= progress.newest) return false;
      progress.open.clear();
      resume(progress, offset);
    }
    progress.next = offset + 1;
    if (timestamp > progress.newest) progress.newest = timestamp;
    progress.open.add(offset);
    return true;
  }

  done({ topic, partition, offset }: TopicPartitionOffset): void {
    this.#progress(topic, partition).open.delete(offset);
  }

  /** Records taken and not done. */
  open(partitions?: readonly TopicPartition[]): number {
    let open = 0;
    if (partitions === undefined) for (const progress of this.#all()) open += progress.open.size;
    else for (const { topic, partition } of partitions) open += this.#progress(topic, partition).open.size;
    return open;
  }

  /** What can be committed now and was not yet. */
  committable(): TopicPartitionOffset[] {
    const found: TopicPartitionOffset[] = [];
    for (const progress of this.#all()) {
      if (!progress.assigned || progress.from === undefined) continue;
      const { topic, partition } = progress;
      const offset = position(progress);
      if (offset > progress.committed) found.push({ topic, partition, offset });
    }
    return found;
  }

  /** Notes what a commit has reached. */
  committed(offsets: readonly TopicPartitionOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const progress = this.#progress(topic, partition);
      progress.committed = Math.max(progress.committed, offset);
    }
  }

  /** Whether a commit has reached the record, done or not. */
  reached({ topic, partition, offset }: TopicPartitionOffset): boolean {
    return this.#progress(topic, partition).committed > offset;
  }

  /** Whether no commit has reached the record, and one still may. */
  due(record: TopicPartitionOffset): boolean {
    return this.#progress(record.topic, record.partition).assigned && !this.reached(record);
  }

  #all(): Progress[] {
    // flat() skips the holes.
    return [...this.#topics.values()].flat();
  }

  #progress(topic: string, partition: number): Progress {
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) {
      partitions = [];
      this.#topics.set(topic, partitions);
    }
    let progress = partitions[partition];
    if (progress === undefined) {
      progress = {
        topic,
        partition,
        next: 0,
        newest: -1,
        open: new Set(),
        from: undefined,
        committed: 0,
        assigned: false,
      };
      partitions[partition] = progress;
    }
    return progress;
  }
}

/** The group stands at `offset`: what is open before it was done by somebody else. */
function resume(progress: Progress, offset: number): void {
  for (const open of progress.open) {
    if (open < offset) progress.open.delete(open);
  }
  progress.from = offset;
  progress.committed = offset;
}

function position({ open, next }: Progress): number {
  for (const first of open) return first;
  return next;
}
