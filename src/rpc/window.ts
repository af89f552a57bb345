/**
 * The items that a stream's client asks for ahead of its subscriber (design: streams): as many as its
 * caller says, or a number that grows. What is on its way in a round trip bounds a stream, so that a
 * long one wants more items ahead than most; large items want fewer.
 */
import type { Envelope } from './envelope.js';
import { count } from './options.js';

const FIRST = 1_024;
const MAX_ITEMS = 8_192;
const MAX_BYTES = 1024 * 1024;

export class Window {
  #items: number;
  readonly #grows: boolean;
  #bytes = 0;
  #counted: Envelope | undefined;

  /** Of a size that stays where one is given, or where its places are the items without an ack. */
  constructor(items: number | undefined, acks: boolean) {
    this.#items = items === undefined ? FIRST : count('window', items);
    this.#grows = items === undefined && !acks;
  }

  get items(): number {
    return this.#items;
  }

  /** Counts a record once, however many messages of the stream it holds. */
  weigh(envelope: Envelope): void {
    if (envelope === this.#counted) return;
    this.#counted = envelope;
    this.#bytes += envelope.bytes;
  }

  /** Doubles, as long as so many items of the size of those that were `taken` are not too much. */
  grow(taken: number): void {
    const items = this.#items * 2;
    if (this.#grows && items <= MAX_ITEMS && (items * this.#bytes) / taken <= MAX_BYTES) this.#items = items;
  }
}
