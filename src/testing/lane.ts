/**
 * A way from one place to another on which nothing overtakes: a record sent behind a delayed one
 * waits for it, as within a partition.
 */
import type { Clock } from '../clock.js';

interface Entry {
  readonly due: number;
  readonly work: () => void;
}

export class Lane {
  readonly #clock: Clock;
  #queue: Entry[] = [];
  #disarm: (() => void) | undefined;
  #armed = false;
  #closed = false;
  #held: boolean;

  constructor(clock: Clock, held = false) {
    this.#clock = clock;
    this.#held = held;
  }

  /** Runs `work` in `delay` ms, and never before what was pushed earlier. */
  push(delay: number, work: () => void): void {
    this.#queue.push({ due: this.#clock.now() + delay, work });
    this.#arm();
  }

  /** Nothing runs until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#arm();
  }

  /** Drops what is on its way. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#disarm?.();
  }

  #arm(): void {
    const head = this.#queue[0];
    if (this.#armed || this.#held || this.#closed || head === undefined) return;
    this.#armed = true;
    const wait = head.due - this.#clock.now();
    if (wait > 0) this.#disarm = this.#clock.after(wait, this.#run);
    else this.#clock.soon(this.#run);
  }

  readonly #run = (): void => {
    this.#armed = false;
    if (this.#held || this.#closed) return;
    const now = this.#clock.now();
    const later = this.#queue.findIndex((entry) => entry.due > now);
    const due = later < 0 ? this.#queue : this.#queue.slice(0, later);
    this.#queue = later < 0 ? [] : this.#queue.slice(later);
    let done = 0;
    try {
      while (done < due.length && !this.#held && !this.#closed) {
        done += 1;
        due[done - 1]?.work();
      }
    } finally {
      if (done < due.length) this.#queue.unshift(...due.slice(done));
      this.#arm();
    }
  };
}
