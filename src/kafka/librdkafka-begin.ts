/**
 * Where a group member begins to read the partitions that it is given. Used by the group member.
 */
import type { NativeConsumer, NativeError } from './librdkafka-binding.js';
import { toKafkaError } from './librdkafka-error.js';
import { PartitionMap } from './partition-map.js';
import type { GroupOptions, TopicPartition, TopicPartitionOffset } from './port.js';

/** Milliseconds that a question to the group's coordinator may take. */
const ANSWER = 5_000;

type Watermarks = (at: TopicPartition) => Promise<{ readonly low: number; readonly high: number }>;

/**
 * The committed offsets, and the first or the latest where nothing is committed. Fixed at the assignment, because
 * librdkafka waits 100 ms before it asks for the first or the latest itself: a group from `latest` wouldn't read what
 * is sent meanwhile, by a caller that has joined already.
 */
export class Beginnings {
  readonly #from: GroupOptions['from'];
  readonly #watermarks: Watermarks;
  /** Of partitions of which nothing is committed. */
  readonly #named = new PartitionMap<number>();

  constructor({ from, begin = [] }: Pick<GroupOptions, 'from' | 'begin'>, watermarks: Watermarks) {
    this.#from = from;
    this.#watermarks = watermarks;
    this.add(begin);
  }

  add(begin: readonly TopicPartitionOffset[]): void {
    for (const at of begin) this.#named.set(at, at.offset);
  }

  async of(
    native: NativeConsumer,
    partitions: readonly TopicPartition[],
  ): Promise<readonly TopicPartitionOffset[]> {
    if (partitions.length === 0) return [];
    const committed = await new Promise<(TopicPartition & { offset?: number })[]>((resolve, reject) => {
      native.committed([...partitions], ANSWER, (error: NativeError | null, found) => {
        if (error) reject(toKafkaError(error, 'Finding the committed offsets'));
        else resolve(found);
      });
    });
    return Promise.all(
      committed.map(async ({ topic, partition, offset }) => {
        const at = { topic, partition };
        return { ...at, offset: offset !== undefined && offset >= 0 ? offset : await this.#first(at) };
      }),
    );
  }

  /** The latest is looked up once: a rebalance must not skip what has come since. */
  async #first(at: TopicPartition): Promise<number> {
    const named = this.#named.get(at);
    if (named !== undefined) return named;
    const { low, high } = await this.#watermarks(at);
    if (this.#from !== 'latest') return low;
    this.#named.set(at, high);
    return high;
  }
}
