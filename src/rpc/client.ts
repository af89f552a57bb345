/**
 * The client of one service: checks a call against the contract, gives it a place in the
 * correlation, and sends it on its route. What comes back ends in a Promise or an Observable.
 */
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { TaskEither } from 'fp-ts/lib/TaskEither.js';
import { Observable, type Subscriber } from 'rxjs';
import type { Method, Methods, NamesOf, ParamsOf, ResultOf } from '../contract.js';
import { notification, type Params, request } from '../jsonrpc/message.js';
import { type Link, PendingCall } from './correlation.js';
import type { Envelope, Meta } from './envelope.js';
import { type CallError, NotSentError } from './error.js';
import { count, milliseconds } from './options.js';
import { Plan } from './plan.js';
import { StreamCall } from './stream.js';

/** How one call is made; a client's options are the defaults of its calls. */
export interface CallOptions {
  /** Milliseconds until the call ends without an answer; for a stream, until it opens. @default 10000 */
  readonly timeout?: number;
  /** Ends the call when it aborts, and the handler with it. */
  readonly signal?: AbortSignal;
  /** Calls of one key keep their order: they take the same partition. */
  readonly key?: string;
  /** Strings that travel with the call: tokens, trace context; `context.headers` in the handler. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Items of a stream asked for ahead of its subscriber. @default 256 */
  readonly window?: number;
}

export interface ClientOptions extends Omit<CallOptions, 'signal'> {}

/** Params are only read: those by position may be a readonly tuple or array. */
type Sent<P> = P extends readonly unknown[] ? Readonly<P> : P;

type Args<M extends Method> =
  undefined extends ParamsOf<M>
    ? [params?: Sent<ParamsOf<M>>, options?: CallOptions]
    : [params: Sent<ParamsOf<M>>, options?: CallOptions];

/** One entry of a batch: the name of a request or a notification, and its params. */
export type BatchEntry<M extends Methods> = {
  [N in NamesOf<M, 'request' | 'notification'>]: undefined extends ParamsOf<M[N]>
    ? readonly [method: N, params?: Sent<ParamsOf<M[N]>>]
    : readonly [method: N, params: Sent<ParamsOf<M[N]>>];
}[NamesOf<M, 'request' | 'notification'>];

type BatchResults<M extends Methods, E extends readonly BatchEntry<M>[]> = {
  -readonly [I in keyof E]: Either<CallError, ResultOf<M[E[I][0]]>>;
};

/** Calls the methods of a contract. */
export interface Client<M extends Methods> {
  /**
   * Calls a method that answers once. Rejects with a CallError: an RpcError is the server's answer,
   * the others say what is known (not sent, failed, unknown).
   */
  call<N extends NamesOf<M, 'request'>>(method: N, ...args: Args<M[N]>): Promise<ResultOf<M[N]>>;
  /**
   * The call as a cold Observable: each subscription makes one. It emits the result, or a stream's
   * items in order and without gaps, then completes; it errors with a CallError. Unsubscribing
   * cancels the handler.
   */
  call$<N extends NamesOf<M, 'request' | 'stream'>>(
    method: N,
    ...args: Args<M[N]>
  ): Observable<ResultOf<M[N]>>;
  /** Calls without an answer; resolves on Kafka's delivery report. */
  notify<N extends NamesOf<M, 'notification'>>(method: N, ...args: Args<M[N]>): Promise<void>;
  /** Several calls and notifications in one JSON-RPC batch (section 6): an Either per entry, in order. */
  batch<const E extends readonly BatchEntry<M>[]>(
    entries: E,
    options?: CallOptions,
  ): Promise<BatchResults<M, E>>;
  /** The call as fp-ts has it: lazy, and with its errors as a value. */
  callTaskEither<N extends NamesOf<M, 'request'>>(
    method: N,
    ...args: Args<M[N]>
  ): TaskEither<CallError, ResultOf<M[N]>>;
}

/** Calls methods by name, without a contract: the caller says what comes back. */
export interface UntypedClient {
  call<R = unknown>(method: string, params?: Params, options?: CallOptions): Promise<R>;
  call$<R = unknown>(method: string, params?: Params, options?: CallOptions): Observable<R>;
  notify(method: string, params?: Params, options?: CallOptions): Promise<void>;
  batch<R = unknown>(
    entries: readonly (readonly [method: string, params?: Params])[],
    options?: CallOptions,
  ): Promise<Either<CallError, R>[]>;
  callTaskEither<R = unknown>(
    method: string,
    params?: Params,
    options?: CallOptions,
  ): TaskEither<CallError, R>;
}

const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_WINDOW = 256;

/** Both kinds of client at run time: the types above say what a contract allows. */
export class ServiceClient implements UntypedClient {
  readonly #service: string;
  /** Undefined: any method, anything in and out. */
  readonly #plans: ReadonlyMap<string, Plan> | undefined;
  readonly #link: Link;
  readonly #defaults: ClientOptions;
  readonly #timeout: number;
  /** The `meta` of calls without options of their own. */
  readonly #meta: Meta;

  constructor(service: string, methods: Methods | undefined, link: Link, defaults: ClientOptions = {}) {
    this.#service = service;
    this.#plans =
      methods &&
      new Map(Object.entries(methods).map(([name, method]) => [name, new Plan(service, name, method)]));
    this.#link = link;
    this.#defaults = defaults;
    this.#timeout = milliseconds('timeout', defaults.timeout ?? DEFAULT_TIMEOUT);
    this.#meta = metaOf(this.#timeout, defaults);
  }

  call<R>(method: string, params?: Params, options?: CallOptions): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#unary(
        this.#plan(method, 'request'),
        params,
        options,
        resolve as (result: unknown) => void,
        reject,
      );
    });
  }

  call$<R>(method: string, params?: Params, options?: CallOptions): Observable<R> {
    return new Observable<R>((subscriber) => {
      const plan = this.#plan(method, 'request', 'stream');
      const call =
        plan.kind === 'request'
          ? this.#unary(
              plan,
              params,
              options,
              (result) => {
                subscriber.next(result as R);
                subscriber.complete();
              },
              (error) => subscriber.error(error),
            )
          : this.#stream(plan, params, options, subscriber);
      return () => call?.abort('aborted');
    });
  }

  notify(method: string, params?: Params, options?: CallOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const plan = this.#plan(method, 'notification');
      this.#start(
        new NotifyCall(this.#link, plan, this.#timeoutOf(options), () => resolve(), reject),
        params,
        options,
      );
    });
  }

  batch<R>(
    entries: readonly (readonly [method: string, params?: Params])[],
    options?: CallOptions,
  ): Promise<Either<CallError, R>[]> {
    // Messages of one turn to one service share a record: nothing else makes a batch.
    return Promise.all(
      entries.map(([method, params]) => {
        const notifies = this.#plans?.get(method)?.kind === 'notification';
        const answer: Promise<unknown> = notifies
          ? this.notify(method, params, options)
          : this.call(method, params, options);
        return answer.then(
          (result) => right(result as R),
          (error: CallError) => left(error),
        );
      }),
    );
  }

  callTaskEither<R>(method: string, params?: Params, options?: CallOptions): TaskEither<CallError, R> {
    return () =>
      this.call<R>(method, params, options).then(
        (result): Either<CallError, R> => right(result),
        (error: CallError) => left(error),
      );
  }

  #unary(
    plan: Plan,
    params: unknown,
    options: CallOptions | undefined,
    resolve: (result: unknown) => void,
    reject: (error: CallError) => void,
  ): PendingCall {
    const call = new UnaryCall(this.#link, plan, this.#timeoutOf(options), resolve, reject);
    this.#start(call, params, options);
    return call;
  }

  #stream(
    plan: Plan,
    params: unknown,
    options: CallOptions | undefined,
    to: Subscriber<unknown>,
  ): PendingCall {
    const window = count('window', options?.window ?? this.#defaults.window ?? DEFAULT_WINDOW);
    const call = new StreamCall(this.#link, plan, this.#timeoutOf(options), window, to);
    this.#start(call, params, options, window);
    return call;
  }

  #start(call: PendingCall, params: unknown, options: CallOptions | undefined, credit?: number): void {
    const { correlation, route } = this.#link;
    const encoded = call.plan.encodeParams(params);
    if (isLeft(encoded)) call.onFailure(encoded.left);
    else if (correlation.add(call)) {
      const plain = options === undefined && credit === undefined;
      const meta = plain ? this.#meta : metaOf(call.timeout, { ...this.#defaults, ...options }, credit);
      const { method } = call.plan;
      const message =
        call instanceof NotifyCall
          ? notification(method, encoded.right, meta)
          : request(call.id, method, encoded.right, meta);
      route.send(call, message, options?.key ?? this.#defaults.key);
      if (options?.signal !== undefined) call.abortWith(options.signal);
    }
  }

  #plan(method: string, ...kinds: readonly Method['kind'][]): Plan {
    if (this.#plans === undefined) return new Plan(this.#service, method);
    const plan = this.#plans.get(method);
    if (plan?.kind !== undefined && kinds.includes(plan.kind)) return plan;
    const what =
      plan === undefined
        ? `no such method; there are ${[...this.#plans.keys()].join(', ')}`
        : `it is a ${plan.kind}, this makes a ${kinds.join(' or a ')}`;
    throw new NotSentError('unknown method', `${this.#service}.${method}: ${what}`);
  }

  #timeoutOf(options: CallOptions | undefined): number {
    return options?.timeout === undefined ? this.#timeout : milliseconds('timeout', options.timeout);
  }
}

function metaOf(timeout: number, { key, headers }: CallOptions, credit?: number): Meta {
  return {
    timeout,
    ...(credit === undefined ? undefined : { credit }),
    ...(key === undefined ? undefined : { key }),
    ...(headers === undefined ? undefined : { headers }),
  };
}

/** A call that is answered once. */
class UnaryCall extends PendingCall {
  protected readonly resolve: (result: unknown) => void;
  readonly #reject: (error: CallError) => void;

  constructor(
    link: Link,
    plan: Plan,
    timeout: number,
    resolve: (result: unknown) => void,
    reject: (error: CallError) => void,
  ) {
    super(link, plan, timeout);
    this.resolve = resolve;
    this.#reject = reject;
  }

  override onResult(result: unknown, envelope: Envelope): void {
    if (!this.end()) return;
    this.link.route.answered(this, envelope.sender);
    const checked = this.plan.checkResult(result);
    if (isLeft(checked)) this.#reject(checked.left);
    else this.resolve(checked.right);
  }

  override onFailure(error: CallError): void {
    this.#reject(error);
  }
}

/** A call that is never answered: it ends with Kafka's delivery report. */
class NotifyCall extends UnaryCall {
  override delivered(): void {
    if (this.end()) this.resolve(undefined);
  }

  override cancel(): void {}
}
