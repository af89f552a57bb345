/**
 * Deadlines of many calls on few timers: calls with the same timeout stand in one line, first to
 * expire first, and each line has one timer. Adding and removing are O(1) and allocate nothing:
 * the calls themselves are the links.
 */
import type { Clock } from '../clock.js';

/** What stands in line; its owner gives it the three fields and leaves them alone. */
export interface Expiring {
  expiresAt: number;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Line | undefined;
  expire(): void;
}

export interface Line {
  readonly timeout: number;
  first: Expiring | undefined;
  last: Expiring | undefined;
  cancelTimer: (() => void) | undefined;
  /** When the timer fires. */
  firesAt: number;
}

/** The longest that a timer can wait, in milliseconds; what is later is looked at again then. */
const LONGEST = 2_147_483_647;

export class Deadlines {
  readonly #clock: Clock;
  readonly #lines = new Map<number, Line>();
  /** The line that was joined last: most calls of a client have one timeout. */
  #latest: Line | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Calls `item.expire()` once, `timeout` ms from now or at `expiresAt`, unless it is removed before.
   * Items of one timeout come nearly in order of expiry, so that the place is found near the end.
   */
  add(item: Expiring, timeout: number, expiresAt = this.#clock.now() + timeout): void {
    const line = this.#line(timeout);
    item.expiresAt = expiresAt;
    item.line = line;
    let before = line.last;
    while (before !== undefined && before.expiresAt > expiresAt) before = before.earlier;
    item.earlier = before;
    item.later = before === undefined ? line.first : before.later;
    if (item.later === undefined) line.last = item;
    else item.later.earlier = item;
    if (before !== undefined) before.later = item;
    else {
      line.first = item;
    }
    if (line.cancelTimer !== undefined && expiresAt < line.firesAt) this.#disarm(line);
    if (line.cancelTimer === undefined) this.#arm(line);
  }

  remove(item: Expiring): void {
    const line = item.line;
    if (line === undefined) return;
    if (item.earlier === undefined) line.first = item.later;
    else item.earlier.later = item.later;
    if (item.later === undefined) line.last = item.earlier;
    else item.later.earlier = item.earlier;
    item.line = item.earlier = item.later = undefined;
  }

  /** Everything that stands in line expires now. */
  expireAll(): void {
    for (const line of this.#lines.values()) {
      for (let item = line.first; item !== undefined; item = line.first) {
        this.remove(item);
        item.expire();
      }
    }
  }

  /** Stops all timers; what still stands in line never expires. */
  close(): void {
    for (const line of this.#lines.values()) line.cancelTimer?.();
    this.#lines.clear();
    this.#latest = undefined;
  }

  #line(timeout: number): Line {
    if (this.#latest?.timeout === timeout) return this.#latest;
    let line = this.#lines.get(timeout);
    if (line === undefined) {
      line = { timeout, first: undefined, last: undefined, cancelTimer: undefined, firesAt: 0 };
      this.#lines.set(timeout, line);
    }
    this.#latest = line;
    return line;
  }

  #disarm(line: Line): void {
    line.cancelTimer?.();
    line.cancelTimer = undefined;
  }

  /** The timer waits for whoever is first now; the calls that come and go meanwhile don't touch it. */
  #arm(line: Line): void {
    if (line.first === undefined) {
      this.#lines.delete(line.timeout);
      if (this.#latest === line) this.#latest = undefined;
      return;
    }
    const begin = this.#clock.now();
    const wait = Math.min(LONGEST, Math.max(0, line.first.expiresAt - begin));
    line.firesAt = begin + wait;
    line.cancelTimer = this.#clock.after(wait, () => {
      line.cancelTimer = undefined;
      const now = this.#clock.now();
      for (let item = line.first; item !== undefined && item.expiresAt <= now; item = line.first) {
        this.remove(item);
        item.expire();
      }
      if (this.#lines.get(line.timeout) === line && line.cancelTimer === undefined) this.#arm(line);
    });
  }
}
