/**
 * The calls that wait for an answer, each in the slot that its id names: neither hashed nor compared, and nothing is
 * allocated for a call. Ids rise from 1; one whose slot is still taken is left out. Above: the correlation.
 */

/** Slots at first, and for each call that waits at least: powers of two. */
const FIRST_SLOTS = 1_024;
const SLOTS_EACH = 2;

export class PendingCalls<C extends { id: number }> {
  #slots: (C | undefined)[] = slots(FIRST_SLOTS);
  #lastId = 0;
  size = 0;

  /** Gives the call its id. */
  add(call: C): void {
    this.size += 1;
    if (this.size * SLOTS_EACH > this.#slots.length) this.#grow();
    const mask = this.#slots.length - 1;
    do this.#lastId += 1;
    while (this.#slots[this.#lastId & mask] !== undefined);
    call.id = this.#lastId;
    this.#slots[call.id & mask] = call;
  }

  /** By an id as it came. */
  get(id: unknown): C | undefined {
    if (typeof id !== 'number') return undefined;
    const call = this.#slots[id & (this.#slots.length - 1)];
    return call?.id === id ? call : undefined;
  }

  /** False where it isn't among them. */
  delete(call: C): boolean {
    const slot = call.id & (this.#slots.length - 1);
    if (this.#slots[slot] !== call) return false;
    this.#slots[slot] = undefined;
    this.size -= 1;
    return true;
  }

  /** All of them, the first made first. */
  list(): C[] {
    return this.#slots.filter((call) => call !== undefined).sort((a, b) => a.id - b.id);
  }

  /** As many slots again: calls of different slots stay in different ones. */
  #grow(): void {
    const calls = this.list();
    this.#slots = slots(2 * this.#slots.length);
    for (const call of calls) this.#slots[call.id & (this.#slots.length - 1)] = call;
  }
}

const slots = (count: number): undefined[] => new Array<undefined>(count).fill(undefined);
