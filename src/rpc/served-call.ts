/**
 * One call at the server, from its turn to its answer: invokes the handler, turns what it gives
 * into the answer or the stream, and ends early when the caller cancels or the deadline comes.
 */
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Subscription } from 'rxjs';
import { isObservable } from 'rxjs';
import { errors, RpcError } from '../jsonrpc/error.js';
import { type Id, type Notification, notification, type Request } from '../jsonrpc/message.js';
import type { KafkaError } from '../kafka/port.js';
import type { CallHost, LiveCall } from './call-host.js';
import { HandlerContext } from './context.js';
import type { Expiring, Line } from './deadlines.js';
import type { Remembered } from './dedupe.js';
import { answerOf } from './dialects/items.js';
import type { Entry } from './dispatch.js';
import { Emission } from './emission.js';
import type { Meta } from './envelope.js';
import { type Items, release } from './iterate.js';
import { Reply } from './reply.js';
import type { Controlled } from './running.js';
import type { Waiting } from './turns.js';
import { undeliverable, type Work } from './work.js';

export class ServedCall extends Reply implements Expiring, Controlled, LiveCall, Waiting {
  expiresAt = 0;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Line | undefined;
  next: Waiting | undefined;
  previous: Waiting | undefined;
  queued = false;

  readonly #host: CallHost;
  readonly #entry: Entry;
  readonly #message: Request | Notification;
  readonly #meta: Meta;
  readonly #context: HandlerContext;
  readonly #remembered: Remembered | undefined;
  #subscription: Subscription | undefined;
  #emission: Emission | undefined;
  #registered = false;
  #answered = false;
  #holdsTurn = false;
  /** Its own caller was answered while the handler goes on for others. */
  #gaveUp = false;

  constructor(
    host: CallHost,
    work: Work,
    entry: Entry,
    message: Request | Notification,
    meta: Meta,
    deadline: number,
    remembered?: Remembered,
  ) {
    super(work, message.id, meta.attempt);
    this.#remembered = remembered;
    this.#host = host;
    this.#entry = entry;
    this.#message = message;
    this.#meta = meta;
    this.#context = new HandlerContext(host.service, message, deadline, meta);
  }

  get streaming(): boolean {
    return this.#entry.kind !== 'request' && (this.work.caller.item && this.#subscription) !== undefined;
  }

  /** Its turn has come; `host.leave` is called when the handler no longer takes one. */
  start(): void {
    this.#holdsTurn = true;
    if (this.#remembered !== undefined) this.#remembered.begun = true;
    let value: unknown;
    try {
      const invoked = this.#entry.invoke(this.#message.params, this.#context);
      if (isLeft(invoked)) {
        this.#settle(invoked);
        return;
      }
      value = invoked.right;
    } catch (error) {
      this.#threw(error);
      return;
    }
    this.#consider(value);
  }

  /** Makes the call findable for `$/cancel`, `$/request` and its deadline: it outlives this turn. */
  register(): void {
    if (this.#registered || this.#answered) return;
    this.#registered = true;
    if (this.id !== undefined) this.#host.running.add(this.work.caller.id, this.id, this);
    this.#host.live.add(this);
    const { timeout } = this.#meta;
    if (timeout !== undefined && this.#emission === undefined) {
      this.#host.deadlines.add(this, timeout, this.#context.deadline);
    }
  }

  /** Heard once: its caller may say so again of a call that it was answered, and that goes on for others. */
  cancel(): void {
    if (!this.#gaveUp) this.#giveUp(new RpcError(errors.cancelled.code));
  }

  expire(): void {
    this.#giveUp(new RpcError(errors.expired.code));
  }

  request(credit: number): void {
    this.#emission?.request(credit);
  }

  /** Its own caller no longer waits; where others do, by its idempotency key, the handler goes on for them. */
  #giveUp(error: RpcError): void {
    const remembered = this.#remembered;
    const { clock, deadlines } = this.#host;
    if (this.#answered || remembered?.shared !== true || remembered.until <= clock.now()) {
      this.stop(error);
      return;
    }
    if (!this.#gaveUp) this.send(error);
    this.#gaveUp = true;
    deadlines.remove(this);
    const { until } = remembered;
    if (until < Number.POSITIVE_INFINITY) deadlines.add(this, this.#meta.timeout ?? 0, until);
  }

  /** Ends the call before its handler does, with this error as its answer. */
  stop(error: RpcError): void {
    if (this.#answered) return;
    HandlerContext.abort(this.#context, error);
    if (this.#emission === undefined) this.#end(error);
    else this.#emission.stop(error);
    if (this.#subscription !== undefined) {
      release(this.#subscription, (error) => this.#report(error));
      this.#leave();
    }
  }

  /** Ends the call without an answer: another instance will have it again. */
  abandon(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#remembered?.abandon();
    this.#forget();
    HandlerContext.abort(this.#context, new RpcError(errors.cancelled.code, 'Cancelled: the server stops'));
    release(this.#subscription, (error) => this.#report(error));
    this.#leave();
  }

  /** A stream whose `$/open` is lost has lost its client. */
  override undelivered(error: RpcError | KafkaError, message: unknown): void {
    if (this.#emission === undefined) super.undelivered(error, message);
    else {
      this.#emission.stop(undeliverable(error));
      this.#host.stats.lost += 1;
      this.work.finish();
    }
  }

  /** Looks at what the handler gave; looking may throw, since it is the handler's. */
  #consider(value: unknown): void {
    try {
      this.#take(value);
    } catch (error) {
      this.#threw(error);
    }
  }

  #take(value: unknown): void {
    if (typeof value !== 'object' || value === null) this.#settle(this.#encode(value));
    else if (isObservable(value)) this.#observe(value);
    else if (typeof (value as PromiseLike<unknown>).then === 'function') {
      this.register();
      (value as PromiseLike<unknown>).then(
        (result) => this.#consider(result),
        (error: unknown) => this.#threw(error),
      );
    } else if (Symbol.asyncIterator in value) this.#observe(value as AsyncIterable<unknown>);
    else this.#settle(this.#encode(value));
  }

  #observe(items: Items): void {
    if (this.#answered) {
      this.#leave();
      return;
    }
    const { id } = this.#message;
    const { credit } = this.#meta;
    const streams = credit !== undefined && this.work.caller.callstream && this.#entry.kind !== 'request';
    if (id !== undefined && streams) this.#open(id, credit, items);
    else {
      this.register();
      this.#subscription = answerOf(
        items,
        this.work.caller,
        id === undefined ? 'request' : this.#entry.kind,
        (item) => this.#encode(item),
        this.#host,
      ).subscribe({
        next: (result) => this.#settle(right(result)),
        error: (error: unknown) => this.#threw(error),
      });
    }
  }

  /** The record is done when `$/open` is delivered: a stream dies with its server. */
  #open(id: Id, credit: number, items: Items): void {
    const host = this.#host;
    if (host.streams.size >= host.limits.maxStreams) {
      const text = `Overloaded: ${host.limits.maxStreams} streams are open`;
      this.#settle(left(new RpcError(errors.overloaded.code, text)));
      return;
    }
    const lane = this.work.caller.lane(id);
    host.coalescer.send(lane, notification('$/open', { id }), this);
    host.streams.add(this);
    this.#remembered?.opened();
    this.#emission = new Emission(credit, {
      id,
      lane,
      coalescer: host.coalescer,
      clock: host.clock,
      maxBuffered: host.limits.maxBuffered,
      lease: host.limits.lease,
      encode: (item) => this.#encode(item),
      onThrow: (error) => this.#report(error),
      onEnd: (error) => {
        host.streams.remove(this);
        this.#answered = true;
        this.#remembered?.settle(error, null);
        this.#forget();
        if (error === undefined) host.stats.succeeded += 1;
        else {
          host.stats.failed += 1;
          HandlerContext.abort(this.#context, error);
        }
      },
    });
    host.deadlines.remove(this);
    HandlerContext.open(this.#context);
    this.register();
    host.live.delete(this);
    this.#leave();
    if (isObservable(items)) this.#emission.observe(items);
    else this.#emission.iterate(items);
  }

  /** A result, or an item, as it goes on the wire. What breaks the contract is the service's own mistake. */
  #encode(value: unknown): Either<RpcError, unknown> {
    const encoded = this.#entry.answer(value);
    if (isLeft(encoded) && encoded.left.cause !== undefined) this.#report(encoded.left.cause);
    return encoded;
  }

  /** Callers hear nothing of what is behind an error, unless the handler says so with an RpcError. */
  #report(error: unknown): void {
    if (!RpcError.is(error)) this.#host.onHandlerError(this.#message.method, error);
  }

  #threw(error: unknown): void {
    this.#report(error);
    this.#settle(left(RpcError.from(error)));
  }

  /** The handler is through. */
  #settle(answer: Either<RpcError, unknown>): void {
    if (!this.#answered) {
      if (isLeft(answer)) this.#end(answer.left);
      else this.#end(undefined, answer.right);
    }
    this.#leave();
  }

  #end(error: RpcError | undefined, result?: unknown): void {
    this.#answered = true;
    this.#forget();
    if (error === undefined) this.#host.stats.succeeded += 1;
    else this.#host.stats.failed += 1;
    this.#remembered?.settle(error, result);
    if (!this.#gaveUp) this.send(error, result);
  }

  #forget(): void {
    this.#host.quit(this);
    if (!this.#holdsTurn) this.#entry.gate?.leave(this);
    if (!this.#registered) return;
    this.#host.deadlines.remove(this);
    this.#host.live.delete(this);
    if (this.id !== undefined) this.#host.running.remove(this.work.caller.id, this.id, this);
  }

  #leave(): void {
    if (!this.#holdsTurn) return;
    this.#holdsTurn = false;
    this.#host.leave();
    if (this.#emission === undefined) this.#entry.gate?.leave(this);
  }
}
