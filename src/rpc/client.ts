/**
 * The client of one service: checks a call against the contract, gives it a place in the
 * correlation, and sends it on its route. What comes back ends in a Promise or an Observable.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { TaskEither } from 'fp-ts/lib/TaskEither.js';
import { Observable, type Subscriber } from 'rxjs';
import { CLOCK, type Clock } from '../clock.js';
import type { Method, Methods } from '../contract.js';
import { deferred } from '../deferred.js';
import type { Params } from '../jsonrpc/message.js';
import type { CallOptions } from './call-options.js';
import { acksOf, type CallSettings, clientSettings } from './call-settings.js';
import type { ClientOptions, UntypedClient } from './client-api.js';
import type { Link, PendingCall } from './correlation.js';
import type { Meta } from './envelope.js';
import { type CallError, NotSentError } from './error.js';
import { GatherCall } from './gather.js';
import type { Gathered, GatherOptions } from './gather-options.js';
import { HedgedCall } from './hedge.js';
import { count } from './options.js';
import { Plan } from './plan.js';
import { NOT_MADE, PREPARE, type Prepared, type Prepares } from './prepared.js';
import { Presence } from './presence.js';
import { Retry, type RetryPolicy } from './retry.js';
import { StreamCall } from './stream.js';
import { NotifyCall, UnaryCall } from './unary-call.js';
import { Window } from './window.js';

/** Both kinds of client at run time: the types above say what a contract allows. */
export class ServiceClient implements UntypedClient, Prepares {
  readonly [CLOCK]: Clock;
  readonly #service: string;
  /** Undefined: any method, anything in and out. */
  readonly #plans: ReadonlyMap<string, Plan> | undefined;
  readonly #link: Link;
  readonly #window: number | undefined;
  /** Of calls without options of their own. */
  readonly #settings: CallSettings;

  constructor(service: string, methods: Methods | undefined, link: Link, options: ClientOptions = {}) {
    this.#service = service;
    this.#plans =
      methods &&
      new Map(Object.entries(methods).map(([name, method]) => [name, new Plan(service, name, method)]));
    this.#link = Presence.over(link, service, options.absentAfter);
    this[CLOCK] = link.correlation.clock;
    this.#settings = clientSettings(options);
    this.#window = options.window === undefined ? undefined : count('window', options.window);
  }

  call<R>(method: string, params?: Params, options?: CallOptions): Promise<R> {
    const { promise, resolve, reject } = deferred();
    try {
      this.#unary(this.#plan(method, 'request'), params, this.#settings.with(options), resolve, reject);
    } catch (error) {
      reject(error);
    }
    return promise as Promise<R>;
  }

  [PREPARE](kind: 'request' | 'notification', method: string, options: CallOptions): Prepared {
    const settings = this.#settings.with(options).shared();
    const make = kind === 'request' ? this.#unary : this.#notification;
    return (params, own, settle) => {
      try {
        const plan = this.#plan(method, kind);
        return make.call(
          this,
          plan,
          params,
          settings.with(own),
          (result) => settle(right(result)),
          (error) => settle(left(error)),
        );
      } catch (error) {
        settle(left(error as CallError));
        return NOT_MADE;
      }
    };
  }

  call$(method: string, params?: Params, options?: CallOptions): Observable<any> {
    return this.observe(['request', 'stream'], method, params, options);
  }

  /** One call of a method of these kinds for each subscription; without a contract it is of the last kind. */
  protected observe<R>(
    kinds: readonly [Method['kind'], Method['kind']?],
    method: string,
    params: unknown,
    options: CallOptions | undefined,
    made?: (call: PendingCall) => void,
  ): Observable<R> {
    return new Observable<R>((subscriber) => {
      const plan = this.#plan(method, ...kinds);
      const kind = plan.kind ?? kinds.at(-1);
      if (kind !== 'stream' && acksOf(options)) {
        const text = `${plan.name}: it is a ${kind}, only the items of a stream are acknowledged (ack)`;
        throw new NotSentError('unknown method', text);
      }
      const resolve = (result: unknown) => {
        subscriber.next(result as R);
        subscriber.complete();
      };
      const reject = (error: CallError) => subscriber.error(error);
      const call =
        kind === 'stream'
          ? this.#stream(plan, params, options, subscriber)
          : kind === 'request'
            ? this.#unary(plan, params, this.#settings.with(options), resolve, reject)
            : this.#notification(plan, params, this.#settingsOf(plan, options), resolve, reject);
      made?.(call);
      return () => call.drop();
    });
  }

  notify(method: string, params?: Params, options?: CallOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const plan = this.#plan(method, 'notification');
      this.#notification(plan, params, this.#settingsOf(plan, options), () => resolve(), reject);
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

  gather$<R>(method: string, params?: Params, options: GatherOptions = {}): Observable<Gathered<R>> {
    return new Observable<Gathered<unknown>>((subscriber) => {
      const plan = this.#plan(method, 'request');
      const route = this.#link.broadcast;
      if (route === undefined) {
        const text = `${plan.name}: gather$ reaches callstream's servers alone, this client speaks another dialect (interop)`;
        throw new NotSentError('unknown method', text);
      }
      const link = { ...this.#link, route };
      const settings = this.#settings.with(options);
      const call = new GatherCall(link, plan, settings.timeoutBy(this[CLOCK]), options, subscriber);
      this.#start(call, params, settings);
      return () => call.drop();
    }) as Observable<Gathered<R>>;
  }

  /** Undefined where the contract has no such method, and without a contract. */
  protected kindOf(method: string): Method['kind'] | undefined {
    return this.#plans?.get(method)?.kind;
  }

  /** Milliseconds that a call may take, made now; its other options are checked where it is made. */
  protected timeoutOf({ timeout, context }: CallOptions): number {
    const given = timeout !== undefined || context !== undefined;
    return this.#settings.with(given ? { timeout, context } : undefined).timeoutBy(this[CLOCK]);
  }

  #unary(
    plan: Plan,
    params: unknown,
    settings: CallSettings,
    resolve: (result: unknown) => void,
    reject: (error: CallError) => void,
  ): PendingCall {
    const { hedge, budget } = settings;
    const timeout = settings.timeoutBy(this[CLOCK]);
    const call =
      hedge === undefined
        ? new UnaryCall(this.#link, plan, timeout, resolve, reject)
        : new HedgedCall(this.#link, plan, timeout, hedge, budget, resolve, reject);
    this.#start(call, params, settings);
    return call;
  }

  #notification(
    plan: Plan,
    params: unknown,
    settings: CallSettings,
    resolve: (result: unknown) => void,
    reject: (error: CallError) => void,
  ): PendingCall {
    const call = new NotifyCall(this.#link, plan, settings.timeoutBy(this[CLOCK]), resolve, reject);
    this.#start(call, params, settings);
    return call;
  }

  #stream(
    plan: Plan,
    params: unknown,
    options: CallOptions | undefined,
    to: Subscriber<unknown>,
  ): PendingCall {
    const settings = this.#settingsOf(plan, options);
    const acks = acksOf(options);
    const window = new Window(options?.window ?? this.#window, acks);
    if (acks && this.#link.broadcast === undefined) {
      const text = `${plan.name}: only callstream's servers wait for acks, this client speaks another dialect (interop)`;
      throw new NotSentError('unknown method', text);
    }
    const call = new StreamCall(this.#link, plan, settings.timeoutBy(this[CLOCK]), window, acks, to);
    this.#start(call, params, settings, window.items);
    return call;
  }

  #start(call: PendingCall, params: unknown, settings: CallSettings, credit?: number): void {
    const { correlation, route } = call.link;
    const { signals, key } = settings;
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted !== undefined) {
      const text = `${call.plan.name}: aborted by its caller before it was sent`;
      call.onFailure(new NotSentError('aborted', text, { cause: aborted.reason }));
      return;
    }
    const policy = call.repeats === 'retry' ? settings.retry : undefined;
    const encoded = call.plan.encodeParams(params);
    if (encoded instanceof NotSentError) call.onFailure(encoded);
    else if (correlation.add(call)) {
      const again = policy !== undefined || call.repeats === 'hedge';
      const meta = settings.meta(call.timeout, again, credit);
      if (again) repeatable(call, encoded, meta, key, policy);
      route.send(call, call.message(encoded, meta), key);
      for (const signal of signals) call.abortWith(signal);
    }
  }

  /** Of what isn't answered once: it has no first answer. */
  #settingsOf(plan: Plan, options: CallOptions | undefined): CallSettings {
    if (options?.hedge === undefined) return this.#settings.with(options);
    throw new TypeError(
      `${plan.name}: hedge: expected a request, called with call(); streams and notifications can't be hedged`,
    );
  }

  /** The plan of a method that is of this kind, or of the other. */
  #plan(method: string, kind: Method['kind'], other = kind): Plan {
    if (this.#plans === undefined) return new Plan(this.#service, method);
    const plan = this.#plans.get(method);
    if (plan !== undefined && (plan.kind === kind || plan.kind === other)) return plan;
    const made = other === kind ? kind : `${kind} or a ${other}`;
    const what =
      plan === undefined
        ? `no such method; there are ${[...this.#plans.keys()].join(', ')}`
        : `it is a ${plan.kind}, this makes a ${made}`;
    throw new NotSentError('unknown method', `${this.#service}.${method}: ${what}`);
  }
}

/** Lets a call be sent again, as its retries or its hedges need it. */
function repeatable(
  call: PendingCall,
  params: Params | undefined,
  meta: Meta,
  key: string | undefined,
  policy: RetryPolicy | undefined,
): void {
  const { correlation, route } = call.link;
  if (call instanceof HedgedCall) {
    call.resend = (copy, changed) => {
      route.send(copy, call.message(params, { ...meta, ...changed }), undefined);
    };
  } else if (policy !== undefined) {
    call.retry = new Retry(call, correlation.clock, policy, (changed) => {
      route.send(call, call.message(params, { ...meta, ...changed }), key);
    });
  }
}
