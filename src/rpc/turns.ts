/**
 * Who may run now: at most `concurrency` handlers at once, the others wait in line in the order in
 * which they came. The line of a service, of one of its methods (gates.ts), of a key.
 */
import type { Bound } from './bound.js';

/** A call in line. */
export interface Waiting {
  next: Waiting | undefined;
  previous: Waiting | undefined;
  /** In line: set and cleared here. */
  queued: boolean;
  start(): void;
  /** It will outlive this turn of the event loop: make it findable. */
  register(): void;
}

export class Turns {
  readonly #concurrency: number;
  /** Of those in line, here and in other lines that share it. */
  readonly bound: Bound;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #serving = false;
  #stopped = false;
  running = 0;

  constructor(concurrency: number, bound: Bound) {
    this.#concurrency = concurrency;
    this.bound = bound;
  }

  /** Nobody runs and nobody waits. */
  get idle(): boolean {
    return this.running === 0 && this.#first === undefined;
  }

  enter(call: Waiting): void {
    if (this.running < this.#concurrency && this.#first === undefined) {
      this.running += 1;
      call.start();
      return;
    }
    call.register();
    call.queued = true;
    call.previous = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
    this.bound.add();
  }

  /** Takes a call out of the line: cancelled, expired, left to others. */
  remove(call: Waiting): void {
    if (!call.queued) return;
    call.queued = false;
    if (call.previous === undefined) this.#first = call.next;
    else call.previous.next = call.next;
    if (call.next === undefined) this.#last = call.previous;
    else call.next.previous = call.previous;
    call.next = call.previous = undefined;
    this.bound.remove();
  }

  /** Nobody begins any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** A handler is through: the next in line begins. */
  leave(): void {
    this.running -= 1;
    // A handler that ends at once leaves while this loop runs: it goes on, without recursion.
    if (this.#serving || this.#stopped) return;
    this.#serving = true;
    for (
      let first = this.#first;
      first !== undefined && this.running < this.#concurrency;
      first = this.#first
    ) {
      this.remove(first);
      this.running += 1;
      first.start();
    }
    this.#serving = false;
  }
}
