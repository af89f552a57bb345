/** What nothing should refer to any more. */
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

/** For how long an object may outlive the last reference to it, in ms, and collections: a compiler's thread holds some. */
const PATIENCE = 5_000;
const COLLECTIONS = 20;

export class Watched {
  readonly #refs = new Map<string, WeakRef<object>>();

  get size(): number {
    return this.#refs.size;
  }

  add<T extends object>(name: string, it: T): T {
    this.#refs.set(`${name} ${this.#refs.size}`, new WeakRef(it));
    return it;
  }

  clear(): void {
    this.#refs.clear();
  }

  /** The names of those that are still there: once there are no more than `most`, or after 5 s and 20 collections. */
  async left(most = 0): Promise<string[]> {
    const end = Date.now() + PATIENCE;
    for (let collections = 1; ; collections += 1) {
      // A turn of the event loop drops what this one has asked a WeakRef for.
      await delay(1);
      gc();
      const left = [...this.#refs].filter(([, ref]) => ref.deref() !== undefined).map(([name]) => name);
      if (left.length <= most || (Date.now() > end && collections >= COLLECTIONS)) return left;
    }
  }
}
