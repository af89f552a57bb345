/**
 * What happens to a record between librdkafka's consuming thread and `onRecord`: dropped where its partition isn't
 * read any more, held while paused, delivered otherwise. Used by the reader and the group member.
 */
import type { NativeMessage } from './librdkafka-binding.js';
import type {
  ConsumerHandlers,
  ConsumerRecord,
  Headers,
  TopicPartition,
  TopicPartitionOffset,
} from './port.js';

/**
 * Bounds on the records that wait for this thread, over which the native consumer pauses until they are delivered.
 * The binding queues without a bound, and hands over all it has in one turn of the event loop.
 */
export const MAX_BACKLOG_RECORDS = 32_768;
export const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;

/** How often the backlog is looked at, which takes some 10 µs: early in a long turn, never in one of a few records. */
const FIRST_CHECK = 16;
const CHECK_RECORDS = 256;
const CHECK_BYTES = 1024 * 1024;

/**
 * A resumed partition is fetched again from where librdkafka thinks that the application stood, which can be a record
 * or two behind what the consuming thread had on its way. Looked for in the records next to arrive only: a topic made
 * anew begins at lower offsets too.
 */
const SUSPECTS = 256;

/** The native consumer, as far as delivery needs it. Its calls are void while there is none. */
export interface Source {
  hold(pause: boolean): void;
  /** What the consuming thread has taken so far: the next offset of each of these partitions. */
  positions(of: readonly TopicPartition[]): readonly TopicPartitionOffset[];
}

const NO_HEADERS: Headers = [];

export class Delivery {
  readonly #handlers: ConsumerHandlers;
  readonly #source: Source;
  /** The next offset to arrive of each partition that is read: topic, then partition. */
  readonly #next = new Map<string, number[]>();
  /** Those partitions, listed when it is first needed. */
  #partitions: readonly TopicPartition[] | undefined;
  #held: ConsumerRecord[] = [];
  /** Ends behind what is held. */
  #heldEnds: TopicPartitionOffset[] = [];
  #paused = false;
  #stopped = false;
  #behind = false;
  /** Records to be delivered before a consumer that is paused because it was behind goes on. */
  #leeway = 0;
  /** What the native consumer was told. */
  #holding = false;
  /** Whether that was in this turn. */
  #resumed = false;
  /** Records after a resume that may have been delivered before. */
  #suspects = 0;
  #turnRecords = 0;
  #turnBytes = 0;
  #uncheckedBytes = 0;

  constructor(handlers: ConsumerHandlers, source: Source) {
    this.#handlers = handlers;
    this.#source = source;
  }

  /** Whether the native consumer is to be paused, for partitions that are newly assigned. */
  get holding(): boolean {
    return this.#paused || this.#behind;
  }

  readonly accept = (message: NativeMessage): void => {
    if (this.#stopped) return;
    const next = this.#next.get(message.topic);
    const expected = next?.[message.partition];
    if (next === undefined || expected === undefined) return;
    if (this.#suspects > 0) {
      this.#suspects -= 1;
      if (message.offset < expected) return;
    }
    if (message.headers === undefined) message.headers = NO_HEADERS as NonNullable<NativeMessage['headers']>;
    const record = message as unknown as ConsumerRecord;
    next[message.partition] = message.offset + 1;
    this.#count(message.size);
    if (this.#paused || this.#held.length > 0) this.#held.push(record);
    else this.#handlers.onRecord(record);
  };

  /** Whether anybody wants to know of ends. */
  get ends(): boolean {
    return this.#handlers.onEnd !== undefined;
  }

  /** A partition has no more for now. */
  readonly end = ({ topic, partition, offset }: TopicPartitionOffset): void => {
    if (this.#stopped || this.#next.get(topic)?.[partition] === undefined) return;
    if (this.#paused || this.#held.length > 0) this.#heldEnds.push({ topic, partition, offset });
    else this.#handlers.onEnd?.({ topic, partition, offset });
  };

  add(partitions: readonly (TopicPartition & { offset?: number })[]): void {
    this.#partitions = undefined;
    for (const { topic, partition, offset } of partitions) {
      const next = this.#next.get(topic) ?? [];
      next[partition] = offset ?? 0;
      this.#next.set(topic, next);
    }
  }

  remove(partitions: readonly TopicPartition[]): void {
    this.#partitions = undefined;
    for (const { topic, partition } of partitions) delete this.#next.get(topic)?.[partition];
    this.#held = this.#held.filter(
      ({ topic, partition }) => this.#next.get(topic)?.[partition] !== undefined,
    );
  }

  /** Every partition that is read. */
  get partitions(): readonly TopicPartition[] {
    this.#partitions ??= this.positions().map(({ topic, partition }) => ({ topic, partition }));
    return this.#partitions;
  }

  /** The same, and where it stands. */
  positions(): TopicPartitionOffset[] {
    return [...this.#next].flatMap(([topic, offsets]) =>
      // forEach and flatMap skip the holes.
      Object.entries(offsets).map(([partition, offset]) => ({ topic, partition: Number(partition), offset })),
    );
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#hold(true);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (let i = 0; i < held.length; i += 1) {
      if (this.#stopped) return;
      const record = held[i] as ConsumerRecord;
      if (this.#next.get(record.topic)?.[record.partition] === undefined) continue;
      this.#handlers.onRecord(record);
      if (this.#paused) {
        this.#held = held.slice(i + 1).concat(this.#held);
        return;
      }
    }
    // Only now: what a paused consumer left behind, over several pauses, would otherwise grow without a bound.
    if (!this.#behind) this.#hold(false);
    for (const at of this.#heldEnds.splice(0)) this.end(at);
  }

  /** Nothing is delivered any more. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  #hold(pause: boolean): void {
    if (this.#holding === pause) return;
    this.#holding = pause;
    this.#resumed = !pause && this.#turnRecords > 0;
    // What was taken before is delivered first.
    if (!pause) this.#suspects = this.#backlog() + SUSPECTS;
    this.#source.hold(pause);
  }

  #count(bytes: number): void {
    if (this.#turnRecords === 0) setImmediate(this.#endTurn);
    this.#turnRecords += 1;
    this.#turnBytes += bytes;
    this.#uncheckedBytes += bytes;
    if (this.#behind) {
      this.#leeway -= 1;
      if (this.#leeway === 0) this.#catchUp();
      return;
    }
    if (this.#turnRecords % CHECK_RECORDS !== FIRST_CHECK && this.#uncheckedBytes < CHECK_BYTES) return;
    this.#uncheckedBytes = 0;
    const backlog = this.#backlog();
    const size = this.#turnBytes / this.#turnRecords;
    if (backlog < MAX_BACKLOG_RECORDS && backlog * size < MAX_BACKLOG_BYTES) return;
    this.#behind = true;
    // Half of them: what it fetches again shall be here when the other half is delivered.
    this.#leeway = backlog >> 1;
    this.#hold(true);
  }

  #catchUp(): void {
    this.#behind = false;
    if (!this.#paused && !this.#stopped) this.#hold(false);
  }

  /** Records that the consuming thread has taken and this one hasn't seen yet. */
  #backlog(): number {
    let backlog = 0;
    for (const { topic, partition, offset } of this.#source.positions(this.partitions)) {
      const next = this.#next.get(topic)?.[partition];
      // A partition of which nothing was taken yet has no position.
      if (next !== undefined && offset > next) backlog += offset - next;
    }
    return backlog;
  }

  readonly #endTurn = (): void => {
    this.#turnRecords = 0;
    this.#turnBytes = 0;
    this.#uncheckedBytes = 0;
    // What was fetched again since the consumer went on comes in a later turn.
    if (this.#resumed) this.#suspects = Math.max(this.#suspects, SUSPECTS);
    this.#resumed = false;
    if (this.#behind) this.#catchUp();
  };
}
