/** Reads one partition for one consumer: in order, each record once it is visible, while it may. */
import type { Clock } from '../clock.js';
import type { ConsumerRecord, Isolation, TopicPartitionOffset } from '../kafka/port.js';
import type { MemoryLog } from './memory-log.js';

/** Records handed out before other work gets its turn. */
const SLICE = 1_000;

export class MemoryReader {
  readonly log: MemoryLog;
  readonly #clock: Clock;
  readonly #isolation: Isolation;
  readonly #deliver: (record: ConsumerRecord) => void;
  readonly #end: ((at: TopicPartitionOffset) => void) | undefined;
  /** The end that was told last. */
  #told = -1;
  #offset: number;
  #notBefore: number;
  #active = false;
  #stopped = false;
  #armed = false;
  #disarm: (() => void) | undefined;
  /** A frozen consumer has fetched up to here. */
  #fence = Number.POSITIVE_INFINITY;

  /** The first record arrives after `delay` ms. Reads once it is `active`. */
  constructor(
    log: MemoryLog,
    offset: number,
    clock: Clock,
    delay: number,
    deliver: (record: ConsumerRecord) => void,
    isolation: Isolation,
    end?: (at: TopicPartitionOffset) => void,
  ) {
    this.#end = end;
    this.#isolation = isolation;
    this.log = log;
    this.#offset = Math.min(Math.max(offset, log.low), log.high);
    this.#clock = clock;
    this.#notBefore = clock.now() + delay;
    this.#deliver = deliver;
    log.readers.add(this.#poke);
  }

  /** The next record to read. */
  get offset(): number {
    return this.#offset;
  }

  set active(active: boolean) {
    this.#active = active;
    this.#poke();
  }

  /** Fetches no further than what is in the log now, until `unfence`. */
  fence(): void {
    this.#fence = this.log.high;
  }

  unfence(): void {
    this.#fence = Number.POSITIVE_INFINITY;
    this.#poke();
  }

  stop(): void {
    this.#stopped = true;
    this.log.readers.delete(this.#poke);
    this.#disarm?.();
  }

  readonly #poke = (): void => {
    if (this.#armed || !this.#active || this.#stopped) return;
    const visibleAt = this.#nextVisibleAt();
    if (visibleAt === undefined && !this.#atNewEnd) return;
    this.#armed = true;
    const wait = Math.max(visibleAt ?? 0, this.#notBefore) - this.#clock.now();
    if (wait > 0) this.#disarm = this.#clock.after(wait, this.#run);
    else this.#clock.soon(this.#run);
  };

  #nextVisibleAt(): number | undefined {
    this.#offset = this.log.seek(this.#offset, this.#isolation);
    const end = Math.min(this.#fence, this.log.end(this.#isolation));
    return this.#offset < end ? this.log.visibleAt(this.#offset) : undefined;
  }

  get #atNewEnd(): boolean {
    const atEnd = this.#offset === this.log.end(this.#isolation);
    return this.#end !== undefined && atEnd && this.#told !== this.#offset;
  }

  readonly #run = (): void => {
    try {
      const now = this.#clock.now();
      for (let count = 0; count < SLICE && this.#active && !this.#stopped; count += 1) {
        const visibleAt = this.#nextVisibleAt();
        if (visibleAt === undefined || visibleAt > now) break;
        const record = this.log.read(this.#offset);
        this.#offset += 1;
        this.#deliver(record);
      }
      if (this.#active && !this.#stopped && this.#atNewEnd) {
        this.#told = this.#offset;
        this.#end?.({ topic: this.log.topic, partition: this.log.partition, offset: this.#offset });
      }
    } finally {
      this.#armed = false;
      this.#poke();
    }
  };
}
