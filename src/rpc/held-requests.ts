/**
 * Requests that can't be sent yet, in order. Those whose calls have ended are let go as the line grows, so that it is
 * bounded by the calls that wait. Above: the ways to a service (route.ts, presence.ts, dialects/way.ts).
 */
import type { Notification, Request } from '../jsonrpc/message.js';

/** What is known of a call that waits. */
interface Waiting {
  readonly ended: boolean;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

type Message = Request | Notification;

interface Held<C> {
  readonly call: C;
  readonly message: Message;
  readonly key: string | undefined;
}

/** Requests that are held before any is looked at: ended ones beyond it are at most as many as the others. */
const LEAST = 64;

export class HeldRequests<C extends Waiting> {
  #all: Held<C>[] = [];
  #most = LEAST;

  push(held: Held<C>): void {
    this.#all.push(held);
    if (this.#all.length <= this.#most) return;
    this.#all = this.waiting();
    this.#most = Math.max(LEAST, 2 * this.#all.length);
  }

  /** Those whose calls haven't ended. */
  waiting(): Held<C>[] {
    return this.#all.filter(({ call }) => !call.ended);
  }

  /** The same, and none is held any more. */
  take(): Held<C>[] {
    const waiting = this.waiting();
    this.#all = [];
    this.#most = LEAST;
    return waiting;
  }

  /** Sends them all, each with what is left of its time: their server gets that. */
  sendBy(way: { send(call: C, message: Message, key: string | undefined): void }, now: number): void {
    for (const { call, message, key } of this.take()) {
      if (!call.ended) way.send(call, inTime(message, call, now), key);
    }
  }
}

/** The request of a call that had to wait: its server gets what is left of its time. */
export function inTime<M extends Message>(message: M, call: Waiting, now: number): M {
  return { ...message, meta: { ...(message.meta as object), timeout: Math.max(1, call.expiresAt - now) } };
}
