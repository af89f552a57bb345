/**
 * An item of a stream whose caller acknowledges what it gets: it holds a place of the stream's window until it is
 * settled. Made by the client's end of the stream (stream.ts), settled by the subscriber or by an operator.
 */
import type { Acknowledgeable } from '../acknowledgeable.js';
import { CLOCK, type Clock } from '../clock.js';

/** Who gave an item out, and is told once that it is settled. */
export interface ItemOwner {
  readonly clock: Clock;
  settled(): void;
}

/**
 * An item of a stream that was called with `ack: true`. At most `window` of them are unsettled: the server sends the
 * next, and an async generator that is its handler makes it, as they are settled. In any order, since the credit that
 * comes of it counts items; a second time, or after the stream's end, it does nothing.
 */
export class StreamItem<T> implements Acknowledgeable {
  readonly value: T;
  readonly #stream: ItemOwner;
  #settled = false;

  constructor(value: T, stream: ItemOwner) {
    this.value = value;
    this.#stream = stream;
  }

  get [CLOCK](): Clock {
    return this.#stream.clock;
  }

  /** Done with it: makes room for another. */
  ack(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#stream.settled();
  }

  /** Given up: makes room as well, for a stream sends each item once. */
  nack(): void {
    this.ack();
  }
}
