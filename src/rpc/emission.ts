/**
 * The server's end of a stream: takes items from the handler's Observable or AsyncIterable and
 * sends them as `$/next`, never more than the client asked for (design: streams). An AsyncIterable
 * is asked for no more than that; an Observable can't be, so what it emits is kept up to a bound.
 */
import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import { type Observable, Subject, takeUntil } from 'rxjs';
import type { Clock } from '../clock.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import { failure, type Id, success } from '../jsonrpc/message.js';
import type { KafkaError } from '../kafka/port.js';
import type { Coalescer, Lane, Outcome } from './coalesce.js';
import { letGo } from './iterate.js';
import { again, undeliverable } from './work.js';

/** Items in one `$/next`, at most. */
const MAX_ITEMS = 256;
/** `$/next` without a delivery report beyond which an AsyncIterable waits, whatever credit there is: it would never let go of the event loop. */
const MAX_IN_FLIGHT = 256;

interface Next {
  readonly jsonrpc: '2.0';
  readonly method: '$/next';
  readonly params: { readonly id: Id; seq: number; items: unknown[] };
}

export interface EmissionOptions {
  readonly id: Id;
  readonly lane: Lane;
  readonly coalescer: Coalescer;
  readonly clock: Clock;
  /** Items kept for a client that is slower than the handler's Observable. */
  readonly maxBuffered: number;
  /** Milliseconds without a word from the client after which it counts as gone. */
  readonly lease: number;
  /** An item as it goes on the wire. */
  readonly encode: (item: unknown) => Either<RpcError, unknown>;
  /** Told of what the source threw. */
  readonly onThrow: (error: unknown) => void;
  /** Told once, when nothing more will be sent, with the error that the client was sent, if one was. */
  readonly onEnd: (error: RpcError | undefined) => void;
}

export class Emission implements Outcome {
  readonly #options: EmissionOptions;
  readonly #buffer: unknown[] = [];
  readonly #end$ = new Subject<void>();
  #iterator: AsyncIterator<unknown> | undefined;
  #pulling = false;
  #credit: number;
  #sent = 0;
  #seq = 0;
  /** The `$/next` of this turn takes items until the lane is flushed, which replaces its array. */
  #open: Next | undefined;
  #openedIn: readonly unknown[] | undefined;
  /** `$/next` whose fate isn't known yet: splitting one renumbers those after it. */
  #unsent: Next[] = [];
  /** The answer that ends the stream, held until every item before it has arrived. */
  #last: { readonly error: RpcError | undefined } | undefined;
  /** `$/next` without a delivery report. */
  #inFlight = 0;
  #ended = false;
  #heardAt: number;
  #stopLease: () => void = () => {};

  constructor(credit: number, options: EmissionOptions) {
    this.#credit = Math.floor(credit);
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#watch();
  }

  observe(source: Observable<unknown>): void {
    // A source that never pauses must be stopped before its subscription is known here.
    source.pipe(takeUntil(this.#end$)).subscribe({
      next: (item) => this.#take(item),
      error: (error: unknown) => this.#threw(error),
      complete: () => this.#finish(undefined),
    });
  }

  iterate(source: AsyncIterable<unknown>): void {
    try {
      this.#iterator = source[Symbol.asyncIterator]();
      void this.#pull();
    } catch (error) {
      this.#threw(error);
    }
  }

  /** The client's `$/request`: a total, so a repeat changes nothing but shows that the client is there. */
  request(credit: number): void {
    if (this.#ended) return;
    this.#heardAt = this.#options.clock.now();
    if (Math.floor(credit) > this.#credit) {
      this.#credit = Math.floor(credit);
      this.#drain();
      void this.#pull();
    } else this.#append([]);
  }

  /** Ends the stream from outside: `error` is the last that the client hears. */
  stop(error: RpcError): void {
    if (!this.#ended) this.#end(error);
  }

  delivered(): void {
    this.#inFlight -= 1;
    if (this.#last !== undefined) this.#drain();
    else if (this.#inFlight === MAX_IN_FLIGHT - 1) void this.#pull();
  }

  /** The items are lost, so that the stream can only fail: what is behind them must not look like a gap. */
  undelivered(error: RpcError | KafkaError, message: unknown): void {
    this.#inFlight -= 1;
    const lost = (message as Next).params.seq;
    for (const { params } of this.#unsent) {
      if (params.seq <= lost) continue;
      params.seq -= 1;
      params.items = [];
    }
    this.stop(undeliverable(error));
  }

  /** A `$/next` over the broker's limit, before anything after it has left, becomes two. */
  split(message: unknown): readonly unknown[] | undefined {
    const next = message as Next;
    const { items, seq } = next.params;
    if (items.length < 2) return undefined;
    for (const later of this.#unsent) if (later.params.seq > seq) later.params.seq += 1;
    this.#seq += 1;
    const rest = this.#next(seq + 1, items.splice(items.length >> 1));
    this.#unsent.push(rest);
    this.#inFlight += 1;
    return [next, rest];
  }

  #take(item: unknown): void {
    if (this.#ended || this.#last !== undefined) return;
    const encoded = this.#options.encode(item);
    if (isLeft(encoded)) this.stop(encoded.left);
    else if (this.#sent < this.#credit && this.#buffer.length === 0) {
      this.#sent += 1;
      const open = this.#openFor(1);
      if (open === undefined) this.#begin([encoded.right]);
      else open.params.items.push(encoded.right);
    } else if (this.#buffer.length >= this.#options.maxBuffered) {
      const text = `stream overflow: the client takes items slower than they come, ${this.#buffer.length} wait`;
      this.stop(new RpcError(errors.serverError.code, text));
    } else this.#buffer.push(encoded.right);
  }

  #append(items: unknown[]): void {
    const open = this.#openFor(items.length);
    if (open === undefined) this.#begin(items);
    else open.params.items.push(...items);
  }

  /** The `$/next` of this turn, where it has room for so many items. */
  #openFor(count: number): Next | undefined {
    const open = this.#open;
    if (open === undefined || this.#openedIn !== this.#options.lane.messages) return undefined;
    return open.params.items.length + count <= MAX_ITEMS ? open : undefined;
  }

  #begin(items: unknown[]): void {
    const { coalescer, lane } = this.#options;
    if (this.#openedIn !== lane.messages) this.#unsent = [];
    const next = this.#next(this.#seq, items);
    this.#seq += 1;
    this.#unsent.push(next);
    this.#inFlight += 1;
    this.#open = next;
    coalescer.send(lane, next, this);
    this.#openedIn = lane.messages;
  }

  #next(seq: number, items: unknown[]): Next {
    return { jsonrpc: '2.0', method: '$/next', params: { id: this.#options.id, seq, items } };
  }

  #drain(): void {
    while (this.#buffer.length > 0 && this.#sent < this.#credit) {
      const items = this.#buffer.splice(0, Math.min(MAX_ITEMS, this.#credit - this.#sent));
      this.#sent += items.length;
      this.#append(items);
    }
    if (this.#buffer.length > 0 || this.#inFlight > 0 || this.#last === undefined || this.#ended) return;
    this.#end(this.#last.error);
  }

  #threw(error: unknown): void {
    this.#options.onThrow(error);
    this.#finish(RpcError.from(error));
  }

  #finish(error: RpcError | undefined): void {
    if (this.#ended || this.#last !== undefined) return;
    this.#last = { error };
    this.#drain();
  }

  /** The last that the client hears; where that can't be sent, an error that can. */
  #end(error: RpcError | undefined): void {
    const { coalescer, lane, id } = this.#options;
    const end = error === undefined ? success(id, null) : failure(id, error);
    coalescer.send(lane, end, {
      patient: true,
      delivered() {},
      undelivered: (why) => coalescer.send(lane, again(why) ? end : failure(id, undeliverable(why))),
    });
    this.#ended = true;
    this.#stopLease();
    this.#buffer.length = 0;
    this.#end$.next();
    letGo(this.#iterator);
    this.#iterator = undefined;
    this.#options.onEnd(error);
  }

  /** One item at a time, and only what was asked for. */
  async #pull(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      while (this.#iterator !== undefined && this.#sent < this.#credit && this.#inFlight < MAX_IN_FLIGHT) {
        const { done, value } = await this.#iterator.next();
        if (done === true) {
          this.#iterator = undefined;
          this.#finish(undefined);
        } else this.#take(value);
      }
    } catch (error) {
      this.#iterator = undefined;
      this.#threw(error);
    } finally {
      this.#pulling = false;
    }
  }

  #watch(): void {
    const { clock, lease } = this.#options;
    const silence = clock.now() - this.#heardAt;
    if (silence >= lease) {
      this.stop(new RpcError(errors.cancelled.code, `Cancelled: nothing from the client for ${silence} ms`));
      return;
    }
    this.#stopLease = clock.after(lease - silence, () => this.#watch());
  }
}
