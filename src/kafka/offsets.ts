/**
 * What a consumer may commit: for each partition the offset before which everything is done.
 * Records finish in any order; one that isn't finished holds the commit back, never the partition.
 */
import { PartitionMap } from './partition-map.js';
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
  /** Of those, the ones that nobody works on: each is taken again when it is read again. */
  readonly released: Set<number>;
  /** Where the group stood when the partition was last handed over; undefined until its first record tells. */
  from: number | undefined;
  committed: number;
  assigned: boolean;
  /** Which assignment it came with last. */
  assignment: number;
}

export class Offsets {
  readonly #partitions = new PartitionMap<Progress>();
  readonly #afresh: boolean;
  #assignments = 0;
  /** The ends of the hand-overs under way. */
  readonly #handOvers = new Set<() => void>();

  /** `afresh`: what comes again with another assignment is taken again, since what isn't committed hasn't been worked on. */
  constructor(afresh = false) {
    this.#afresh = afresh;
  }

  /**
   * Begins with what the group assigns. Others may have gone on meanwhile: the first record tells how far. A hand-over
   * that is still under way took too long, and has ended.
   */
  assign(partitions: readonly TopicPartition[]): void {
    for (const end of this.#handOvers) end();
    this.#assignments += 1;
    for (const at of partitions) {
      const progress = this.#progress(at);
      progress.assigned = true;
      progress.assignment = this.#assignments;
      progress.from = undefined;
    }
  }

  /** From its end, which is to be called, nothing is committed for these partitions. What is open or done stays known. */
  handOver(partitions: readonly TopicPartition[]): () => void {
    const end = (): void => {
      if (this.#handOvers.delete(end)) for (const at of partitions) this.#progress(at).assigned = false;
    };
    this.#handOvers.add(end);
    return end;
  }

  /** Notes that a record is being worked on; false where it was taken before, and is done or still worked on. */
  take(record: ConsumerRecord): boolean {
    const { offset, timestamp } = record;
    const progress = this.#progress(record);
    if (progress.from === undefined) {
      resume(progress, offset);
      if (this.#afresh) progress.next = offset;
    }
    if (offset < progress.next) {
      if (timestamp <= progress.newest) return progress.released.delete(offset);
      progress.open.clear();
      progress.released.clear();
      resume(progress, offset);
    }
    progress.next = offset + 1;
    if (timestamp > progress.newest) progress.newest = timestamp;
    progress.open.add(offset);
    return true;
  }

  done(record: TopicPartitionOffset): void {
    const progress = this.#progress(record);
    progress.open.delete(record.offset);
    if (progress.released.size > 0) progress.released.delete(record.offset);
  }

  /** It stays open, and nobody works on it: where it is read again it can be taken again. */
  release(record: TopicPartitionOffset): void {
    const { open, released } = this.#progress(record);
    if (open.has(record.offset)) released.add(record.offset);
  }

  /** Records taken and not done. */
  open(partitions?: readonly TopicPartition[]): number {
    return this.#sum(({ open }) => open.size, partitions);
  }

  /** Those of them that somebody works on. */
  worked(partitions?: readonly TopicPartition[]): number {
    return this.#sum(({ open, released }) => open.size - released.size, partitions);
  }

  /** What can be committed now and was not yet. */
  committable(): TopicPartitionOffset[] {
    const found: TopicPartitionOffset[] = [];
    for (const progress of this.#partitions.values()) {
      if (!progress.assigned || progress.from === undefined) continue;
      const { topic, partition } = progress;
      const offset = position(progress);
      if (offset > progress.committed) found.push({ topic, partition, offset });
    }
    return found;
  }

  /** Notes what a commit has reached. */
  committed(offsets: readonly TopicPartitionOffset[]): void {
    for (const at of offsets) {
      const progress = this.#progress(at);
      progress.committed = Math.max(progress.committed, at.offset);
    }
  }

  /** Whether the partition is ours. */
  owns(at: TopicPartition): boolean {
    return this.#progress(at).assigned;
  }

  /** The number of the partition's last assignment. */
  assignment(at: TopicPartition): number {
    return this.#progress(at).assignment;
  }

  /** Whether a commit of ours has reached the record, done or not. `since`: the assignment in which it was taken. */
  reached(record: TopicPartitionOffset, since: number): boolean {
    const { assignment, committed } = this.#progress(record);
    return assignment === since && committed > record.offset;
  }

  /** Whether no commit has reached it, and one still may. */
  due(record: TopicPartitionOffset, since: number): boolean {
    const { assigned, assignment, committed } = this.#progress(record);
    return assigned && assignment === since && committed <= record.offset;
  }

  #sum(count: (progress: Progress) => number, partitions?: readonly TopicPartition[]): number {
    const counted = partitions?.map((at) => this.#progress(at)) ?? this.#partitions.values();
    return counted.reduce((sum, progress) => sum + count(progress), 0);
  }

  #progress(at: TopicPartition): Progress {
    let progress = this.#partitions.get(at);
    if (progress === undefined) {
      progress = {
        topic: at.topic,
        partition: at.partition,
        next: 0,
        newest: -1,
        open: new Set(),
        released: new Set(),
        from: undefined,
        committed: 0,
        assigned: false,
        assignment: 0,
      };
      this.#partitions.set(at, progress);
    }
    return progress;
  }
}

/** The group stands at `offset`: what is open before it was done by somebody else. */
function resume(progress: Progress, offset: number): void {
  for (const set of [progress.open, progress.released])
    for (const before of set) if (before < offset) set.delete(before);
  progress.from = offset;
  progress.committed = offset;
}

function position({ open, next }: Progress): number {
  for (const first of open) return first;
  return next;
}
