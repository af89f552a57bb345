/** The order of keys: of the calls with one key one runs at a time, in the order in which they came; keys don't wait for each other. */
import type { Bound } from './bound.js';
import { Turns, type Waiting } from './turns.js';

export class KeyTurns {
  /** Of all calls that wait behind one of their key. */
  readonly bound: Bound;
  /** Of the keys that a call holds: as many as calls run, wait, or are open streams. */
  readonly #turns = new Map<string, Turns>();

  constructor(bound: Bound) {
    this.bound = bound;
  }

  get size(): number {
    return this.#turns.size;
  }

  /** Whether a call that may be refused should be: it would wait, and too many do. */
  full(key: string): boolean {
    return this.bound.full && this.#turns.has(key);
  }

  enter(key: string, call: Waiting): void {
    let turns = this.#turns.get(key);
    if (turns === undefined) {
      turns = new Turns(1, this.bound);
      this.#turns.set(key, turns);
    }
    turns.enter(call);
  }

  /** Takes a call out of its key's line. */
  remove(key: string, call: Waiting): void {
    this.#turns.get(key)?.remove(call);
  }

  /** The call that holds the key is through: the next begins. */
  leave(key: string): void {
    const turns = this.#turns.get(key);
    turns?.leave();
    if (turns?.idle) this.#turns.delete(key);
  }
}
