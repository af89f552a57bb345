/**
 * Between a handler's AsyncIterable and the client's credit, with middleware in the middle: an item
 * is asked of the handler only while one is asked for here, so that the backpressure goes through.
 */
import { errors, RpcError } from '../../jsonrpc/error.js';

/** Items that nobody has asked for yet: middleware made several of one, or let go what it had held. */
const MAX_WAITING = 10_000;

export class Queue {
  /** What reads it. */
  readonly items: AsyncIterable<unknown>;
  /** Somebody does. */
  taken = false;
  readonly #held: unknown[] = [];
  #end: { readonly error?: unknown } | undefined;
  #waiting: { resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void } | undefined;
  #wake: (() => void)[] = [];

  /** `stop` ends what fills it: the reader wants no more, or can't follow. */
  constructor(readonly stop: () => void) {
    this.items = {
      [Symbol.asyncIterator]: () => {
        this.taken = true;
        return {
          next: () => this.#read(),
          return: () => {
            this.#held.length = 0;
            this.complete();
            stop();
            return Promise.resolve({ done: true, value: undefined });
          },
        };
      },
    };
  }

  next(item: unknown): void {
    if (this.#end !== undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) waiting.resolve({ done: false, value: item });
    else if (this.#held.length < MAX_WAITING) this.#held.push(item);
    else {
      const text = `stream overflow: middleware gives items faster than the client takes them, ${MAX_WAITING} wait`;
      this.error(new RpcError(errors.serverError.code, text));
      this.stop();
    }
  }

  error(error: unknown): void {
    this.#end ??= { error };
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  complete(): void {
    this.#end ??= {};
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** Resolves while an item is asked for. */
  wanted(): Promise<void> {
    if (this.#waiting !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #read(): Promise<IteratorResult<unknown>> {
    if (this.#held.length > 0) return Promise.resolve({ done: false, value: this.#held.shift() });
    if (this.#end !== undefined) {
      return 'error' in this.#end
        ? Promise.reject(this.#end.error)
        : Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      for (const wake of this.#wake.splice(0)) wake();
    });
  }
}
