/**
 * Keeps a subscriber waiting while its line fills: one whose pace isn't known yet, or is slow. While it blocks the
 * event loop nothing bounds what the consuming thread takes, some 70,000 records in 50 ms; so it gets records once the
 * consumer pauses, or brings no more. Used by the outflow.
 */
import type { Clock } from '../clock.js';

/** Milliseconds without another record after which the line is as full as it gets: before the first slice, and later. */
const QUIET_FIRST = 3;
const QUIET = 25;

/** Milliseconds that it takes at most. */
const LONGEST = 250;

/** Records that a subscriber takes in one slice, under which it is slow. */
const SLOW = 1_000;

export class Filling {
  readonly #clock: Clock;
  readonly #length: () => number;
  readonly #onEnd: () => void;
  /** Undefined before its first slice. */
  #slow: boolean | undefined;
  #stop: (() => void) | undefined;
  #quiet = QUIET_FIRST;
  #begin = 0;
  #base = 0;
  #seen = 0;

  /** `length`: records in line; `onEnd`: told when the subscriber gets them. */
  constructor(clock: Clock, length: () => number, onEnd: () => void) {
    this.#clock = clock;
    this.#length = length;
    this.#onEnd = onEnd;
  }

  /** Nothing may be emitted. */
  get active(): boolean {
    return this.#stop !== undefined;
  }

  /** What the subscriber took in a slice, and whether time has ended it. */
  pace(records: number, cut: boolean): void {
    if (records === 0) return;
    if (cut || records >= SLOW || this.#slow === undefined) this.#slow = cut && records < SLOW;
  }

  /** `start` makes the consumer bring records; it may bring some that it had held at once. */
  begin(start: () => void): void {
    if (this.#slow !== false) {
      this.#begin = this.#clock.now();
      this.#stop = this.#clock.after(this.#quiet, this.#look);
    }
    start();
    this.#base = this.#length();
    this.#seen = this.#base;
  }

  /** The line is full. */
  end(): void {
    if (!this.active) return;
    this.stop();
    this.#quiet = QUIET;
    this.#onEnd();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  readonly #look = (): void => {
    const length = this.#length();
    const quiet = length === this.#seen && length > this.#base;
    if (quiet || this.#clock.now() - this.#begin >= LONGEST) {
      this.end();
      return;
    }
    this.#seen = length;
    this.#stop = this.#clock.after(this.#quiet, this.#look);
  };
}
