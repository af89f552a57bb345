/**
 * Records that have arrived and can't be emitted yet: a bounded line with two marks far apart, because pausing the
 * consumer makes it fetch again what it had prefetched. Used by reading.
 */
import { among } from './partition-map.js';
import type { ConsumerRecord, TopicPartition } from './port.js';

/** Over the first the consumer pauses, under the second it goes on. What is on its way may still come on top. */
const HIGH = { records: 4_096, bytes: 8 * 1024 * 1024 };
const LOW = { records: 1_024, bytes: 2 * 1024 * 1024 };

/** Records taken before the line is cut: cutting moves what is left. */
const CUT = 2_048;

/** Bytes of key and value. */
export const sizeOf = ({ key, value }: ConsumerRecord): number =>
  (key === null ? 0 : key.length) + (value === null ? 0 : value.length);

export class Backlog {
  #records: ConsumerRecord[] = [];
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#records.length - this.#head;
  }

  get high(): boolean {
    return this.length >= HIGH.records || this.#bytes >= HIGH.bytes;
  }

  get low(): boolean {
    return this.length <= LOW.records && this.#bytes <= LOW.bytes;
  }

  push(record: ConsumerRecord): void {
    this.#records.push(record);
    this.#bytes += sizeOf(record);
  }

  shift(): ConsumerRecord | undefined {
    const record = this.#records[this.#head];
    if (record === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= sizeOf(record);
    if (this.#head === this.#records.length || this.#head >= CUT) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return record;
  }

  /** Drops what isn't read here any more. */
  remove(partitions: readonly TopicPartition[]): void {
    const gone = among(partitions);
    this.#records = this.#records.slice(this.#head).filter((record) => !gone(record));
    this.#head = 0;
    this.#bytes = this.#records.reduce((sum, record) => sum + sizeOf(record), 0);
  }

  clear(): void {
    this.#records = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
