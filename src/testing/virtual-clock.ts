/**
 * A clock that stands still until a test moves it: everything above Kafka runs on a `Clock`, so
 * hours pass in milliseconds, in the same order each time.
 */
import type { Clock } from '../clock.js';
import { type Timer, TimerQueue } from './timer-queue.js';

/** The longest delay that Node's timers take; they turn a longer one into 1 ms. */
const LONGEST = 2 ** 31 - 1;

/** How a VirtualClock is set up. */
export interface VirtualClockOptions {
  /** The time it begins at, in milliseconds since the epoch. @default 2025-01-01T00:00:00Z */
  readonly start?: number;
  /** Pieces of work at one instant after which `advance` gives up: they feed each other for ever. @default 1_000_000 */
  readonly maxWorkAtOnce?: number;
}

/**
 * Virtual time. Timers run in order of time, then of insertion; before each of them the `soon` work
 * and the promise callbacks of what ran before are done. Promise callbacks also run between two
 * pieces of `soon` work, as in Node.
 *
 * Work that the code under test hands to Node itself (`setTimeout`, I/O) is not waited for.
 *
 * @example
 * const clock = new VirtualClock();
 * clock.after(3_600_000, () => console.log('an hour later'));
 * await clock.advance(3_600_000);
 */
export class VirtualClock implements Clock {
  #now: number;
  readonly #maxWorkAtOnce: number;
  readonly #timers = new TimerQueue();
  #soon: (() => void)[] = [];
  #soonHead = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: VirtualClockOptions = {}) {
    this.#now = options.start ?? Date.UTC(2025, 0, 1);
    this.#maxWorkAtOnce = options.maxWorkAtOnce ?? 1_000_000;
  }

  now(): number {
    return this.#now;
  }

  /** Throws a RangeError for a delay that Node's timers would misread: NaN, or over 2^31 - 1 ms. */
  after(ms: number, work: () => void): () => void {
    if (!(ms <= LONGEST)) throw new RangeError(`a delay of ${ms} ms: expected a number up to ${LONGEST}`);
    const timer = this.#timers.add(this.#now + Math.max(0, ms), work);
    return () => this.#timers.cancel(timer);
  }

  soon(work: () => void): void {
    this.#soon.push(work);
  }

  /** Timers and `soon` work that are left: 0 where nothing leaks. */
  get pending(): number {
    return this.#timers.size + this.#soon.length - this.#soonHead;
  }

  /**
   * Moves time on by `ms` and runs what becomes due, work scheduled by that work included. Resolves
   * when all is quiet; rejects with what a piece of work throws (the rest stays scheduled). Calls
   * made meanwhile wait for each other in order.
   */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0)) return Promise.reject(new RangeError(`cannot advance by ${ms} ms`));
    return this.#inTurn(() => {
      const end = this.#now + ms;
      return this.#run(
        () => this.#timers.due(end),
        () => {
          this.#now = end;
        },
      );
    });
  }

  /** Runs `soon` work and promise callbacks until none is left; time stands still and no timer runs. */
  settle(): Promise<void> {
    return this.#inTurn(() => this.#run(() => undefined));
  }

  /**
   * Moves time on just until `promise` settles, and settles as it does. Rejects where that takes more
   * than `within` ms, or where nothing is left that could settle it.
   *
   * @example const reply = await clock.until(client.call('quote', ['AAPL']));
   */
  async until<T>(promise: PromiseLike<T>, within = 600_000): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    const end = this.#now + within;
    await this.#inTurn(() => this.#run(() => (settled ? undefined : this.#timers.due(end))));
    if (settled) return promise;
    const why = this.#timers.size === 0 ? 'nothing is left to run' : `it took more than ${within} ms`;
    throw new Error(`the promise has not settled: ${why}`);
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => {});
    return result;
  }

  /**
   * One piece of work for each turn of Node's event loop: `setImmediate` comes after all promise
   * callbacks, however long their chains, and costs about a microsecond.
   */
  #run(nextTimer: () => Timer | undefined, atEnd?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      let atOnce = 0;
      let instant = this.#now;
      const step = () => {
        try {
          const work = this.#nextSoon() ?? this.#fire(nextTimer());
          if (work === undefined) {
            atEnd?.();
            resolve();
            return;
          }
          atOnce = this.#now === instant ? atOnce + 1 : 0;
          instant = this.#now;
          if (atOnce > this.#maxWorkAtOnce) throw new Error(`work without end at ${instant}: ${work}`);
          work();
          setImmediate(step);
        } catch (error) {
          reject(error);
        }
      };
      setImmediate(step);
    });
  }

  #nextSoon(): (() => void) | undefined {
    const work = this.#soon[this.#soonHead];
    if (work === undefined) return undefined;
    this.#soonHead += 1;
    if (this.#soonHead === this.#soon.length) {
      this.#soon = [];
      this.#soonHead = 0;
    }
    return work;
  }

  #fire(timer: Timer | undefined): (() => void) | undefined {
    if (timer === undefined) return undefined;
    this.#now = Math.max(this.#now, timer.at);
    return this.#timers.take();
  }
}
