/**
 * What stands before a service's line for some of its methods: the order of calls with the same key, then
 * a limit of the method's own with a line of its own, so that a slow method holds up no other.
 * Above: server.ts. Below: gate.ts.
 */
import { Bound } from './bound.js';
import type { Entry } from './dispatch.js';
import { Gate } from './gate.js';
import { KeyTurns } from './key-turns.js';
import { Turns, type Waiting } from './turns.js';

/** Limits of one method beside its service's. */
export interface MethodLimits {
  /** Undefined: the service's alone. */
  readonly concurrency: number | undefined;
  readonly maxQueued: number;
  readonly ordered: boolean;
}

export class Gates {
  /** The turns of the service, which all calls need. */
  readonly service: Turns;
  readonly #keys: KeyTurns;
  readonly #own: Turns[] = [];
  readonly #onFlood: (flooded: boolean) => void;
  #floods = 0;
  #stopped = false;

  /** `maxQueued`: of the service's line, and of the calls behind one of their key. `onFlood`: whether some line is flooded. */
  constructor(concurrency: number, maxQueued: number, onFlood: (flooded: boolean) => void) {
    this.#onFlood = (flooded) => {
      this.#floods += flooded ? 1 : -1;
      onFlood(this.#floods > 0);
    };
    this.service = new Turns(concurrency, new Bound(maxQueued, this.#onFlood));
    this.#keys = new KeyTurns(new Bound(maxQueued, this.#onFlood));
  }

  /** Calls in all lines. */
  get waiting(): number {
    const lines = [this.service, this.#keys, ...this.#own];
    return lines.reduce((sum, { bound }) => sum + bound.waiting, 0);
  }

  /** The entries, with gates before those that have limits. */
  before(
    entries: ReadonlyMap<string, Entry>,
    limits: ReadonlyMap<string, MethodLimits>,
  ): ReadonlyMap<string, Entry> {
    if (limits.size === 0) return entries;
    return new Map(
      [...entries].map(([name, entry]) => {
        const own = limits.get(name);
        return [name, own === undefined ? entry : { ...entry, gate: this.#gate(own) }];
      }),
    );
  }

  /** Nobody begins any more. */
  stop(): void {
    this.#stopped = true;
    this.service.stop();
  }

  #gate({ concurrency, maxQueued, ordered }: MethodLimits): Gate {
    let own: Turns | undefined;
    if (concurrency !== undefined) {
      own = new Turns(concurrency, new Bound(maxQueued, this.#onFlood));
      this.#own.push(own);
    }
    const enter = (call: Waiting) => {
      if (!this.#stopped) this.service.enter(call);
    };
    return new Gate(ordered ? this.#keys : undefined, own, enter);
  }
}
