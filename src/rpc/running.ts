/**
 * The calls that run on a connection, by caller and id: where `$/cancel` and `$/request` find
 * them. A call that ends in the turn in which it began never gets here.
 */
import type { Id, Notification, Request } from '../jsonrpc/message.js';
import type { ControlListener } from './inbox.js';

/** What control messages can do to a call. */
export interface Controlled {
  cancel(): void;
  /** Allows a stream to send this many items in all. */
  request(credit: number): void;
}

export class RunningCalls implements ControlListener {
  readonly #callers = new Map<string, Map<Id, Controlled>>();

  add(caller: string, id: Id, call: Controlled): void {
    const calls = this.#callers.get(caller);
    if (calls === undefined) this.#callers.set(caller, new Map([[id, call]]));
    else calls.set(id, call);
  }

  remove(caller: string, id: Id, call: Controlled): void {
    const calls = this.#callers.get(caller);
    if (calls?.get(id) !== call) return;
    calls.delete(id);
    if (calls.size === 0) this.#callers.delete(caller);
  }

  knows(caller: string): boolean {
    return this.#callers.has(caller);
  }

  /** A sender that doesn't name itself is taken for the caller, where only one has a call of that id. */
  onControl(caller: string | undefined, { method, params }: Notification | Request): void {
    const { id, credit } = (params ?? {}) as { id?: Id; credit?: unknown };
    if (id === undefined) return;
    const call = caller === undefined ? this.#onlyOne(id) : this.#callers.get(caller)?.get(id);
    if (method === '$/cancel') call?.cancel();
    else if (method === '$/request' && typeof credit === 'number') call?.request(credit);
  }

  #onlyOne(id: Id): Controlled | undefined {
    const found = [...this.#callers.values()].flatMap((calls) => calls.get(id) ?? []);
    return found.length === 1 ? found[0] : undefined;
  }
}
