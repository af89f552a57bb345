/** What nothing should refer to any more. */
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

/** For how long an object may outlive the last reference to it, in ms: a compiler in a thread of its own holds some. */
const PATIENCE = 5_000;

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

  /** The names of those that are still there: once there are no more than `most`, or after 5 s. */
  async left(most = 0): Promise<string[]> {
    for (const end = Date.now() + PATIENCE; ; ) {
      // A turn of the event loop drops what this one has asked a WeakRef for.
      await delay(1);
      gc();
      const left = [...this.#refs].filter(([, ref]) => ref.deref() !== undefined).map(([name]) => name);
      if (left.length <= most || Date.now() > end) return left;
    }
  }
}
