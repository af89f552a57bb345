/**
 * The streams that a server has open. Their records are done and their clients hold to this instance,
 * so that they outlive its place in the group when it closes.
 */
import type { Clock } from '../clock.js';
import type { RpcError } from '../jsonrpc/error.js';

interface OpenStream {
  readonly work: { readonly caller: { readonly id: string | undefined } };
  stop(error: RpcError): void;
}

export class OpenStreams {
  readonly #clock: Clock;
  readonly #connection: string;
  readonly #open = new Set<OpenStream>();
  #onEnd: (() => void) | undefined;

  constructor(clock: Clock, connection: string) {
    this.#clock = clock;
    this.#connection = connection;
  }

  get size(): number {
    return this.#open.size;
  }

  add(stream: OpenStream): void {
    this.#open.add(stream);
  }

  remove(stream: OpenStream): void {
    this.#open.delete(stream);
    this.#onEnd?.();
  }

  /** Lets them go on for at most `ms`, then stops those that are left. */
  async close(ms: number, error: RpcError): Promise<void> {
    await this.#idle(ms);
    for (const stream of [...this.#open]) stream.stop(error);
  }

  #idle(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        stop();
        this.#onEnd = undefined;
        resolve();
      };
      const stop = this.#clock.after(ms, end);
      this.#onEnd = () => {
        if (!this.#isAwaited) end();
      };
      this.#onEnd();
    });
  }

  /** A client of this very connection isn't waited for: it is about to close, too. */
  get #isAwaited(): boolean {
    for (const { work } of this.#open) if (work.caller.id !== this.#connection) return true;
    return false;
  }
}
