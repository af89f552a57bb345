/**
 * Who may run now: at most `concurrency` handlers at once, the others wait in line in the order in
 * which they came. A full line refuses or, where nobody can be refused, asks for no more records.
 */

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
  readonly #maxQueued: number;
  readonly #onFlood: (flooded: boolean) => void;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #flooded = false;
  #serving = false;
  #stopped = false;
  running = 0;
  queued = 0;

  /** `onFlood(true)`: twice the bound is waiting, `onFlood(false)`: no more than the bound is. */
  constructor(concurrency: number, maxQueued: number, onFlood: (flooded: boolean) => void) {
    this.#concurrency = concurrency;
    this.#maxQueued = maxQueued;
    this.#onFlood = onFlood;
  }

  /** Whether a call that may be refused should be. */
  get full(): boolean {
    return this.queued >= this.#maxQueued;
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
    this.queued += 1;
    if (!this.#flooded && this.queued >= 2 * this.#maxQueued) {
      this.#flooded = true;
      this.#onFlood(true);
    }
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
    this.queued -= 1;
    if (this.#flooded && this.queued <= this.#maxQueued) {
      this.#flooded = false;
      this.#onFlood(false);
    }
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
