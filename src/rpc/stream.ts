/**
 * The client's end of a stream: `$/open` and `$/next` in, credit (`$/request`) and `$/cancel` out
 * (design: streams). It bridges Reactive Streams to RxJS: signals are serial, nothing follows the
 * terminal one, and the server never sends more than was asked for.
 */
import { isLeft } from 'fp-ts/lib/Either.js';
import type { Subscriber } from 'rxjs';
import type { Clock } from '../clock.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import type { Notification, Request, Response } from '../jsonrpc/message.js';
import type { KafkaError } from '../kafka/port.js';
import { type Link, PendingCall } from './correlation.js';
import { attemptOf, type Envelope, type Peer } from './envelope.js';
import { type CallError, UnknownError } from './error.js';
import type { Plan } from './plan.js';
import { type ItemOwner, StreamItem } from './stream-item.js';
import type { Window } from './window.js';

export class StreamCall extends PendingCall implements ItemOwner {
  #server: Peer | undefined;
  #nextSeq = 0;
  #received = 0;
  /** Items that its subscriber has settled, where it does. */
  #settled = 0;
  #granted: number;
  #heardAt = 0;
  #stopKeepalive: (() => void) | undefined;

  constructor(
    link: Link,
    plan: Plan,
    timeout: number,
    /** Ahead of the subscriber, or of its acks. */
    readonly window: Window,
    /** Items are given out to be settled. */
    readonly acks: boolean,
    readonly subscriber: Subscriber<unknown>,
  ) {
    super(link, plan, timeout);
    this.#granted = window.items;
  }

  get clock(): Clock {
    return this.link.correlation.clock;
  }

  settled(): void {
    if (this.ended) return;
    this.#settled += 1;
    this.#refill(this.#settled);
  }

  override onStreamMessage(message: Notification | Request, envelope: Envelope): void {
    const sender = envelope.sender;
    if (sender === undefined) return;
    if (this.#server === undefined) this.#bind(sender);
    else if (this.#server.instance !== sender.instance) {
      this.link.route.cancel(this, sender);
      return;
    }
    this.#heardAt = this.clock.now();
    this.window.weigh(envelope);
    if (message.method === '$/next') this.#onNext(message.params as { seq?: unknown; items?: unknown });
  }

  override listensTo(envelope: Envelope): boolean {
    return this.#server === undefined || envelope.sender?.instance === this.#server.instance;
  }

  /** An open stream was delivered, whatever the report of one of its attempts says. */
  override undelivered(error: RpcError | KafkaError, message: unknown): void {
    if (this.#server === undefined) super.undelivered(error, message);
  }

  /** The answer that ends the stream; of a method that isn't one, the only item. */
  onResult(result: unknown, envelope: Envelope): void {
    if (this.#server === undefined) {
      this.link.route.answered(this, envelope.sender);
      if (!this.#emit(result)) return;
    }
    if (this.end()) this.subscriber.complete();
  }

  /** The end of an open stream names no attempt: what does is said, late, of an attempt before it. */
  override onError(error: RpcError, envelope: Envelope, response: Response): void {
    const late = this.#server !== undefined && attemptOf(response) !== undefined;
    if (late) this.link.correlation.late += 1;
    else super.onError(error, envelope, response);
  }

  onFailure(error: CallError): void {
    this.subscriber.error(error);
  }

  override end(answered = true): boolean {
    this.#stopKeepalive?.();
    return super.end(answered);
  }

  override cancel(): void {
    this.link.route.cancel(this, this.#server);
  }

  /** The first instance that answers has the stream; from here on the lease watches over it, not the timeout. */
  #bind(server: Peer): void {
    this.#server = server;
    this.retry?.close(true);
    this.retry = undefined;
    this.link.route.answered(this, server);
    this.link.correlation.deadlines.remove(this);
    this.#keepAlive();
  }

  #onNext({ seq, items }: { seq?: unknown; items?: unknown }): void {
    if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || !Array.isArray(items)) {
      this.#stop(new RpcError(errors.internalError.code, `${this.plan.name}: malformed $/next`));
      return;
    }
    if (seq < this.#nextSeq) return;
    if (seq > this.#nextSeq) {
      this.#stop(
        new UnknownError('gap', `${this.plan.name}: $/next ${this.#nextSeq} is missing, got ${seq}`),
      );
      return;
    }
    this.#nextSeq += 1;
    this.#received += items.length;
    if (this.#received > this.#granted) {
      const text = `${this.plan.name}: ${this.#received} items sent, ${this.#granted} asked for`;
      this.#stop(new UnknownError('overflow', text));
      return;
    }
    for (const item of items) if (!this.#emit(item)) return;
    if (!this.acks) this.#refill(this.#received);
  }

  /** Asks for a window beyond what was taken, whenever that was half of one. */
  #refill(taken: number): void {
    if (this.#granted - taken > this.window.items / 2) return;
    this.window.grow(taken);
    this.#granted = taken + this.window.items;
    this.#grant();
  }

  /** False once the stream has ended: by a wrong item, or by the subscriber in the middle of it. */
  #emit(item: unknown): boolean {
    const checked = this.plan.checkResult(item);
    if (isLeft(checked)) {
      this.#stop(checked.left);
      return false;
    }
    this.subscriber.next(this.acks ? new StreamItem(checked.right, this) : checked.right);
    return !this.ended;
  }

  #stop(error: CallError): void {
    this.cancel();
    this.finish(error);
  }

  #grant(): void {
    if (this.#server !== undefined) this.link.route.grant(this, this.#server, this.#granted);
  }

  /** Repeats the credit three times a lease; the server answers each, so silence means that it has gone. */
  #keepAlive(): void {
    const { lease } = this.link;
    this.#stopKeepalive = this.clock.after(lease / 3, () => {
      const silence = this.clock.now() - this.#heardAt;
      if (silence >= lease) {
        this.#stop(
          new UnknownError('silence', `${this.plan.name}: nothing from its server for ${silence} ms`),
        );
        return;
      }
      this.#grant();
      this.#keepAlive();
    });
  }
}
