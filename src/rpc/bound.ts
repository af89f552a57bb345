/** How many calls wait, and how many may: a full line refuses or, where nobody can be refused, asks for no more records. */
export class Bound {
  readonly #max: number;
  readonly #onFlood: (flooded: boolean) => void;
  #flooded = false;
  waiting = 0;

  /** `onFlood(true)`: twice the bound is waiting, `onFlood(false)`: no more than the bound is. */
  constructor(max: number, onFlood: (flooded: boolean) => void) {
    this.#max = max;
    this.#onFlood = onFlood;
  }

  /** Whether a call that may be refused should be. */
  get full(): boolean {
    return this.waiting >= this.#max;
  }

  add(): void {
    this.waiting += 1;
    if (this.#flooded || this.waiting < 2 * this.#max) return;
    this.#flooded = true;
    this.#onFlood(true);
  }

  remove(): void {
    this.waiting -= 1;
    if (!this.#flooded || this.waiting > this.#max) return;
    this.#flooded = false;
    this.#onFlood(false);
  }
}
