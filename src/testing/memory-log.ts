/**
 * One partition: records in the order they were appended. Readers are woken by each append;
 * what they get are copies, as from a real broker.
 */
import { Buffer } from 'node:buffer';
import type { ConsumerRecord, Headers, Isolation, ProducerRecord, TopicPartition } from '../kafka/port.js';

/** A record's bytes as the log keeps them, shared with nobody. */
export interface StoredRecord {
  readonly value: Buffer | null;
  readonly key: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
  readonly timestamp: number | undefined;
  /** Value, key, and the names and values of the headers. */
  readonly bytes: number;
}

/** A transaction as the logs see it. */
export interface LogTransaction {
  state: 'open' | 'committed' | 'aborted';
}

interface Entry {
  /** Undefined for the marker that ends a transaction: it takes an offset, and nobody reads it. */
  readonly record: StoredRecord | undefined;
  readonly transaction: LogTransaction | undefined;
  readonly timestamp: number;
  /** When it can reach a consumer at the earliest. */
  readonly visibleAt: number;
}

const copyOf = (bytes: Buffer | string): Buffer =>
  typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes);

/** Copies what is sent: the sender may change its buffers at once. */
export function stored(record: ProducerRecord): StoredRecord {
  const value = record.value === null ? null : copyOf(record.value);
  const key = record.key === null || record.key === undefined ? null : copyOf(record.key);
  const headers: [string, Buffer][] = [];
  let bytes = (value?.length ?? 0) + (key?.length ?? 0);
  for (const header of record.headers ?? []) {
    for (const name of Object.keys(header)) {
      const content = copyOf(header[name] as string | Buffer);
      headers.push([name, content]);
      bytes += Buffer.byteLength(name) + content.length;
    }
  }
  return { value, key, headers, timestamp: record.timestamp, bytes };
}

export class MemoryLog implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** Told of each append. */
  readonly readers = new Set<() => void>();
  #entries: Entry[] = [];
  /** The first offset of each transaction that is open. */
  readonly #open = new Map<LogTransaction, number>();
  #low = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** The oldest offset that can be read. */
  get low(): number {
    return this.#low;
  }

  /** The offset that the next record will have. */
  get high(): number {
    return this.#low + this.#entries.length;
  }

  /** Returns the record's offset. */
  append(record: StoredRecord, now: number, visibleAt: number, transaction?: LogTransaction): number {
    const offset = this.high;
    if (transaction !== undefined && !this.#open.has(transaction)) this.#open.set(transaction, offset);
    this.#entries.push({ record, transaction, timestamp: record.timestamp ?? now, visibleAt });
    for (const wake of this.readers) wake();
    return offset;
  }

  /** Ends a transaction that has written here. */
  mark(transaction: LogTransaction, now: number): void {
    this.#open.delete(transaction);
    this.#entries.push({ record: undefined, transaction, timestamp: now, visibleAt: now });
    for (const wake of this.readers) wake();
  }

  /** Where a reader comes to an end for now: the first open transaction, or `high` for who reads them too. */
  end(isolation: Isolation): number {
    return isolation === 'read_committed' ? Math.min(this.high, ...this.#open.values()) : this.high;
  }

  /** The first offset from this one on that such a reader gets, or its end. */
  seek(from: number, isolation: Isolation): number {
    const end = this.end(isolation);
    let offset = Math.max(from, this.#low);
    while (offset < end && this.#hidden(offset, isolation)) offset += 1;
    return offset;
  }

  /** When the record at this offset reaches a consumer, or undefined where there is none yet. */
  visibleAt(offset: number): number | undefined {
    return this.#entries[offset - this.#low]?.visibleAt;
  }

  timestampAt(offset: number): number {
    return this.#entries[offset - this.#low]?.timestamp ?? Number.POSITIVE_INFINITY;
  }

  /** A fresh copy. */
  read(offset: number): ConsumerRecord {
    const entry = this.#entries[offset - this.#low];
    if (entry?.record === undefined)
      throw new RangeError(`no record ${offset} in ${this.topic} [${this.partition}]`);
    const { value, key, headers } = entry.record;
    return {
      topic: this.topic,
      partition: this.partition,
      offset,
      timestamp: entry.timestamp,
      key: key === null ? null : copyOf(key),
      value: value === null ? null : copyOf(value),
      headers: headers.map(([name, content]) => ({ [name]: copyOf(content) })) satisfies Headers,
    };
  }

  #hidden(offset: number, isolation: Isolation): boolean {
    const { record, transaction } = this.#entries[offset - this.#low] as Entry;
    return record === undefined || (isolation === 'read_committed' && transaction?.state === 'aborted');
  }

  /** Deletes the records before `offset`, as retention does. */
  trim(offset: number): void {
    const count = Math.min(Math.max(0, offset - this.#low), this.#entries.length);
    this.#entries = this.#entries.slice(count);
    this.#low += count;
  }
}
