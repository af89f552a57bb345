/**
 * Stands before the handler of one method and lets a call into its service's line: the call holds its key and
 * its method's turn until its handler is through, a stream's until the stream ends.
 */
import type { KeyTurns } from './key-turns.js';
import type { Turns, Waiting } from './turns.js';

export class Gate {
  /** Calls between their coming and their end. */
  readonly #passing = new Map<Waiting, Passing>();

  constructor(
    readonly keys: KeyTurns | undefined,
    readonly own: Turns | undefined,
    /** Lets a call into the service's line. */
    readonly admit: (call: Waiting) => void,
  ) {}

  /** Whether a call that may be refused should be. */
  full(key: string | undefined): boolean {
    return this.own?.bound.full === true || (key !== undefined && this.keys?.full(key) === true);
  }

  enter(call: Waiting, key: string | undefined): void {
    const ordered = this.keys === undefined ? undefined : key;
    if (this.own === undefined && ordered === undefined) {
      this.admit(call);
      return;
    }
    const passing = new Passing(this, call, ordered);
    this.#passing.set(call, passing);
    passing.enter();
  }

  /** A call is through, or wants its turn no more. Idempotent. */
  leave(call: Waiting): void {
    const passing = this.#passing.get(call);
    this.#passing.delete(call);
    passing?.leave();
  }
}

/** One call on its way. */
class Passing implements Waiting {
  next: Waiting | undefined;
  previous: Waiting | undefined;
  queued = false;
  /** What it waits for; it holds what comes before. */
  #at: 'key' | 'method' | 'service' = 'key';

  constructor(
    readonly gate: Gate,
    readonly call: Waiting,
    readonly key: string | undefined,
  ) {}

  enter(): void {
    if (this.key === undefined) this.start();
    else this.gate.keys?.enter(this.key, this);
  }

  register(): void {
    this.call.register();
  }

  /** Its turn has come, where it stands. */
  start(): void {
    const { own } = this.gate;
    if (this.#at === 'key' && own !== undefined) {
      this.#at = 'method';
      own.enter(this);
    } else {
      this.#at = 'service';
      this.gate.admit(this.call);
    }
  }

  leave(): void {
    const { key } = this;
    const { keys, own } = this.gate;
    const at = this.#at;
    if (at === 'method') own?.remove(this);
    else if (at === 'service') own?.leave();
    if (key === undefined) return;
    if (at === 'key') keys?.remove(key, this);
    else keys?.leave(key);
  }
}
