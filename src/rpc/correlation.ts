/**
 * The calls that wait for an answer, by their JSON-RPC id. An answer, a failed delivery, the
 * deadline, an abort or the end of the connection ends each exactly once, whichever comes first.
 */
import type { Clock } from '../clock.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import {
  type ErrorObject,
  isFailure,
  type Notification,
  type Params,
  type Request,
  type Response,
  request,
} from '../jsonrpc/message.js';
import { KafkaError } from '../kafka/port.js';
import { onAbort } from './abort.js';
import type { Broadcast } from './broadcast.js';
import type { Outcome } from './coalesce.js';
import { Deadlines, type Expiring, type Line } from './deadlines.js';
import { attemptOf, type Envelope, type Meta } from './envelope.js';
import { type CallError, fromKafka, NotSentError, UnknownError } from './error.js';
import type { ReplyListener } from './inbox.js';
import { PendingCalls } from './pending-calls.js';
import type { Plan } from './plan.js';
import type { Retry } from './retry.js';
import type { Routed, Way } from './route.js';

/** What the calls of one client share. */
export interface Link {
  readonly correlation: Correlation;
  readonly route: Way;
  /** The way to every instance; absent where there is none. */
  readonly broadcast?: Broadcast;
  /** Milliseconds of silence after which the other end of a stream counts as gone. */
  readonly lease: number;
}

/** How a call may be sent again. */
export type Repeats = 'retry' | 'hedge' | 'never';

/** One call that waits. What an answer means to its caller is up to the subclasses. */
export abstract class PendingCall implements Expiring, Routed, Outcome {
  expiresAt = 0;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Line | undefined;

  /** On the wire, and the key in the correlation. */
  id = 0;
  /** Of the request topic, once it is chosen; a cancel goes there too. */
  partition = -1;
  /** Handed to Kafka: from here on, no answer means unknown. */
  sent = false;
  ended = false;
  /** Set where the call may be tried again. */
  retry: Retry | undefined;
  #release: (() => void) | undefined;

  constructor(
    readonly link: Link,
    readonly plan: Plan,
    readonly timeout: number,
  ) {}

  abstract onResult(result: unknown, envelope: Envelope, response: Response): void;
  abstract onFailure(error: CallError): void;
  /** An answer that is an error. */
  onError(error: RpcError, _envelope: Envelope, response: Response): void {
    this.fail(error, attemptOf(response));
  }

  get repeats(): Repeats {
    return 'retry';
  }

  /** What is sent for it. */
  message(params: Params | undefined, meta: Meta): Request | Notification {
    return request(this.id, this.plan.method, params, meta);
  }

  /** Times that it was sent. */
  get attempts(): number {
    return this.retry?.attempt ?? 1;
  }

  /** Whether an answer of this sender is one: a stream is bound to its server. */
  listensTo(_envelope: Envelope): boolean {
    return true;
  }

  /** `$/open` and `$/next`: only a call that granted credit can expect them. */
  onStreamMessage(_message: Notification | Request, _envelope: Envelope): void {}
  /** Tells the server that nobody waits any more. */
  cancel(): void {
    this.link.route.cancel(this);
  }

  /** Follows a signal, besides others, for as long as the call waits. */
  abortWith(signal: AbortSignal): void {
    const release = this.#release;
    const stop = onAbort(signal, () => this.abort('aborted', signal.reason));
    if (release === undefined) this.#release = stop;
    else {
      this.#release = () => {
        release();
        stop();
      };
    }
  }

  /** Takes the call off the list; true for the first who ends it. */
  end(answered = true): boolean {
    this.#release?.();
    this.retry?.close(answered);
    return this.link.correlation.remove(this);
  }

  /** An attempt has failed: the call ends unless it is tried again. */
  fail(error: CallError, attempt?: number): void {
    if (!this.ended && this.retry?.after(error, attempt) !== true) this.finish(error);
  }

  /** Ends the call. What an earlier attempt has left unknown stays unknown. */
  finish(error: CallError): void {
    if (!this.end(false)) return;
    const known = this.retry?.uncertain === true && (error._tag === 'NotSent' || error._tag === 'Failed');
    const ending = known ? new UnknownError(error.reason, error.message, { cause: error }) : error;
    if (ending._tag === 'Unknown') ending.id = this.requestId;
    this.onFailure(ending);
  }

  /** A notification has none on the wire. */
  protected get requestId(): number | undefined {
    return this.id;
  }

  delivered(): void {}

  onSent(): void {
    this.sent = true;
    this.retry?.onSent();
  }

  undelivered(error: RpcError | KafkaError, message: unknown): void {
    const attempt = attemptOf(message);
    if (error instanceof KafkaError) this.fail(fromKafka(error), attempt);
    else {
      const text = `${this.plan.name}: the params can't be encoded: ${String(error.data)}`;
      this.fail(new NotSentError('invalid params', text, { cause: error, data: error.data }), attempt);
    }
  }

  expire(): void {
    const { plan, timeout } = this;
    if (this.sent) {
      this.cancel();
      this.finish(new UnknownError('timeout', `${plan.name}: no answer within ${timeout} ms`));
    } else {
      const text = `${plan.name}: not sent within ${timeout} ms: ${this.link.route.obstacle}`;
      this.finish(new NotSentError('timeout', text));
    }
  }

  /** Ends it without a word: nobody listens any more. */
  drop(): void {
    if (this.ended) return;
    if (this.sent) this.cancel();
    this.end(false);
  }

  /** Ends it for the caller's own reasons. */
  abort(reason: 'aborted' | 'closed', cause?: unknown): void {
    if (this.ended) return;
    const text = `${this.plan.name}: ${reason === 'aborted' ? 'aborted by its caller' : 'the connection was closed'}`;
    if (this.sent) this.cancel();
    this.finish(
      this.sent ? new UnknownError(reason, text, { cause }) : new NotSentError(reason, text, { cause }),
    );
  }
}

export class Correlation implements ReplyListener {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly #pending = new PendingCalls<PendingCall>();
  readonly #maxPending: number;
  #closed = false;
  /** Answers to calls that had ended. */
  late = 0;

  constructor(clock: Clock, maxPending: number) {
    this.clock = clock;
    this.deadlines = new Deadlines(clock);
    this.#maxPending = maxPending;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Gives the call its id and starts its clock; at the bound, or once closed, it fails at once. */
  add(call: PendingCall): boolean {
    if (this.#closed) {
      call.onFailure(new NotSentError('closed', `${call.plan.name}: the connection is closed`));
      return false;
    }
    if (this.#pending.size >= this.#maxPending) {
      const text = `${call.plan.name}: ${this.#maxPending} calls are pending already (maxPending)`;
      call.onFailure(new NotSentError('too many pending', text));
      return false;
    }
    this.#pending.add(call);
    this.deadlines.add(call, call.timeout);
    return true;
  }

  remove(call: PendingCall): boolean {
    if (call.ended) return false;
    call.ended = true;
    this.deadlines.remove(call);
    return this.#pending.delete(call);
  }

  /** The calls over a link that wait, the first made first; not the streams that have opened. */
  *unanswered(link: Link): Generator<PendingCall> {
    for (const call of this.#pending.list()) {
      if (call.link === link && call.line !== undefined) yield call;
    }
  }

  onResponse(response: Response, envelope: Envelope): void {
    const call = this.#pending.get(response.id);
    if (call === undefined || !call.listensTo(envelope)) this.late += 1;
    else if (isFailure(response)) this.#onFailure(call, response.error, response, envelope);
    else call.onResult(response.result, envelope, response);
  }

  /** Where the process was held up over a deadline, the server's word on it may be read before the timer fires. */
  #onFailure(call: PendingCall, error: ErrorObject, response: Response, envelope: Envelope): void {
    const due = call.line !== undefined && call.expiresAt <= this.clock.now();
    if (due && error.code === errors.expired.code) call.expire();
    else call.onError(RpcError.of(error), envelope, response);
  }

  onStreamMessage(message: Notification | Request, envelope: Envelope): void {
    const id = (message.params as { id?: unknown } | undefined)?.id;
    const call = this.#pending.get(id);
    if (call === undefined) this.late += 1;
    else call.onStreamMessage(message, envelope);
  }

  /** Ends every call: the connection is closed. */
  close(): void {
    this.#closed = true;
    for (const call of this.#pending.list()) call.abort('closed');
    this.deadlines.expireAll();
    this.deadlines.close();
  }
}
