/** The partitions that a consumer reads at the moment; paused, cut off or frozen together. */
import type { ConsumerHandlers, Isolation, TopicPartition } from '../kafka/port.js';
import type { MemoryLink } from './memory-link.js';
import type { MemoryLog } from './memory-log.js';
import { MemoryReader } from './memory-reader.js';

export class ReaderSet {
  readonly #link: MemoryLink;
  readonly #handlers: ConsumerHandlers;
  readonly #isolation: Isolation;
  readonly #unlisten: () => void;
  #readers: MemoryReader[] = [];
  #paused = false;

  constructor(link: MemoryLink, handlers: ConsumerHandlers, isolation: Isolation = 'read_committed') {
    this.#isolation = isolation;
    this.#link = link;
    this.#handlers = handlers;
    this.#unlisten = link.onChange(() => this.#update());
  }

  get partitions(): TopicPartition[] {
    return this.#readers.map(({ log: { topic, partition } }) => ({ topic, partition }));
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.#update();
  }

  add(log: MemoryLog, offset: number): void {
    const { process, hop } = this.#link;
    const { onEnd } = this.#handlers;
    const reader = new MemoryReader(
      log,
      offset,
      process,
      hop(),
      (record) => this.#handlers.onRecord(record),
      this.#isolation,
      onEnd && ((at) => this.#handlers.onEnd?.(at)),
    );
    this.#readers.push(reader);
    reader.active = this.#active;
  }

  /** Stops reading what is assigned. */
  clear(): void {
    for (const reader of this.#readers) reader.stop();
    this.#readers = [];
  }

  /** A process that was frozen finds what it had fetched before; for more it would have to be a member still. */
  fence(on: boolean): void {
    for (const reader of this.#readers) {
      if (on) reader.fence();
      else reader.unfence();
    }
  }

  close(): void {
    this.#unlisten();
    this.clear();
  }

  get #active(): boolean {
    return !this.#paused && this.#link.up;
  }

  #update(): void {
    if (this.#link.process.killed) this.close();
    for (const reader of this.#readers) reader.active = this.#active;
  }
}
