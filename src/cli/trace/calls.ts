/** The calls of one id, by who makes them: each connection counts its own. */
import { TracedCall } from './call.js';
import { isControl, type Sighting } from './sighting.js';

/** Calls that are kept: the latest; of the others it is known that they are there. */
export const MAX_CALLS = 100;

export class TracedCalls {
  readonly #calls = new Map<string, TracedCall>();
  /** Calls that were too many. */
  more = 0;

  constructor(
    /** Whose alone is looked for. */
    readonly caller: string | undefined,
  ) {}

  get size(): number {
    return this.#calls.size;
  }

  /** The first made first. */
  get all(): readonly TracedCall[] {
    return [...this.#calls.values()].sort((a, b) => a.since - b.since);
  }

  add(sighting: Sighting): void {
    const { caller, service, message } = sighting;
    if (this.caller !== undefined && caller !== this.caller) return;
    const key = caller === '' ? `${service} ` : caller;
    const known = this.#calls.get(key);
    if (known === undefined && this.#calls.size >= MAX_CALLS) {
      // Only a request makes room: an answer may be to a call that had to go.
      if (message.method === undefined || isControl(message)) return;
      this.#drop();
    }
    const call = known ?? new TracedCall(caller);
    if (known === undefined) this.#calls.set(key, call);
    call.add(sighting);
  }

  #drop(): void {
    let [oldest, since] = ['', Number.POSITIVE_INFINITY];
    for (const [key, call] of this.#calls) if (call.since < since) [oldest, since] = [key, call.since];
    this.#calls.delete(oldest);
    this.more += 1;
  }
}
