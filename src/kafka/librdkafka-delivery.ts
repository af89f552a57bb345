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
 * Bounds on what one turn of the event loop delivers before the consuming thread is told to pause: it converts
 * nothing and so outruns this thread, and the binding's queue between the two has no bound of its own.
 */
export const MAX_TURN_RECORDS = 20_000;
export const MAX_TURN_BYTES = 32 * 1024 * 1024;

const NO_HEADERS: Headers = [];

export class Delivery {
  readonly #handlers: ConsumerHandlers;
  /** Pauses (true) or resumes the native consumer. */
  readonly #hold: (pause: boolean) => void;
  /** The next offset of each partition that is read: topic, then partition. */
  readonly #next = new Map<string, number[]>();
  #held: ConsumerRecord[] = [];
  #paused = false;
  #stopped = false;
  #behind = false;
  #turnRecords = 0;
  #turnBytes = 0;

  constructor(handlers: ConsumerHandlers, hold: (pause: boolean) => void) {
    this.#handlers = handlers;
    this.#hold = hold;
  }

  /** Whether the native consumer is to be paused, for partitions that are newly assigned. */
  get holding(): boolean {
    return this.#paused || this.#behind;
  }

  readonly accept = (message: NativeMessage): void => {
    if (this.#stopped) return;
    const next = this.#next.get(message.topic);
    if (next?.[message.partition] === undefined) return;
    if (message.headers === undefined) message.headers = NO_HEADERS as NonNullable<NativeMessage['headers']>;
    const record = message as unknown as ConsumerRecord;
    this.#count(message.size);
    if (this.#paused || this.#held.length > 0) this.#held.push(record);
    else {
      next[message.partition] = message.offset + 1;
      this.#handlers.onRecord(record);
    }
  };

  add(partitions: readonly (TopicPartition & { offset?: number })[]): void {
    for (const { topic, partition, offset } of partitions) {
      let next = this.#next.get(topic);
      if (!next) this.#next.set(topic, (next = []));
      next[partition] = offset ?? 0;
    }
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) delete this.#next.get(topic)?.[partition];
    this.#held = this.#held.filter(
      ({ topic, partition }) => this.#next.get(topic)?.[partition] !== undefined,
    );
  }

  /** Every partition that is read, and where it stands. */
  positions(): TopicPartitionOffset[] {
    return [...this.#next].flatMap(([topic, offsets]) =>
      // forEach and flatMap skip the holes.
      Object.entries(offsets).map(([partition, offset]) => ({ topic, partition: Number(partition), offset })),
    );
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (!this.#behind) this.#hold(true);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#behind) this.#hold(false);
    const held = this.#held;
    this.#held = [];
    for (let i = 0; i < held.length; i += 1) {
      if (this.#stopped) return;
      const record = held[i] as ConsumerRecord;
      const next = this.#next.get(record.topic);
      if (next?.[record.partition] === undefined) continue;
      next[record.partition] = record.offset + 1;
      this.#handlers.onRecord(record);
      if (this.#paused) {
        this.#held = held.slice(i + 1).concat(this.#held);
        return;
      }
    }
  }

  /** Nothing is delivered any more. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  /** Drops what is held, for a new native consumer that begins where it is told: at the first of it. */
  restart(): TopicPartitionOffset[] {
    this.#held = [];
    return this.positions();
  }

  #count(bytes: number): void {
    if (this.#turnRecords === 0) setImmediate(this.#endTurn);
    this.#turnRecords += 1;
    this.#turnBytes += bytes;
    if (this.#behind || (this.#turnRecords < MAX_TURN_RECORDS && this.#turnBytes < MAX_TURN_BYTES)) return;
    this.#behind = true;
    if (!this.#paused) this.#hold(true);
  }

  readonly #endTurn = (): void => {
    this.#turnRecords = 0;
    this.#turnBytes = 0;
    if (!this.#behind) return;
    this.#behind = false;
    if (!this.#paused && !this.#stopped) this.#hold(false);
  };
}
