/**
 * What a caller sees of a service: a client's options, and its methods, typed from a
 * contract or by name alone. client.ts does what is said here.
 */
import type { Either } from 'fp-ts/lib/Either.js';
import type { TaskEither } from 'fp-ts/lib/TaskEither.js';
import type { Observable } from 'rxjs';
import type { Method, Methods, NamesOf, ParamsOf, ResultOf } from '../contract.js';
import type { Params } from '../jsonrpc/message.js';
import type { AckedCallOptions, CallOptions } from './call-options.js';
import type { ClientInterop } from './dialects/table.js';
import type { CallError } from './error.js';
import type { Gathered, GatherOptions } from './gather-options.js';
import type { ClientMiddleware } from './middleware/client-middleware.js';
import type { StreamItem } from './stream-item.js';

/** How the calls of one client are made, where a call says nothing else. */
export interface ClientOptions extends Omit<CallOptions, 'signal' | 'context' | 'idempotencyKey'> {
  /** What serves the service, where it isn't callstream. A call that is under way there isn't sent again: nobody would know it as a repeat. @default callstream */
  readonly interop?: ClientInterop;
  /**
   * Milliseconds in which no instance answers a broadcast, after which the service counts as absent. Its calls
   * then end before their timeout, with the reason `no server`: as *not sent* those made while nobody had
   * answered, for they wait until somebody does; as *unknown*, within three times this, those sent to servers
   * that answered before and are gone, or too busy to answer. Costs two broadcasts in that time, while calls wait
   * and no answers come. Not together with `interop`.
   *
   * @example
   * const client = connection.client('prices', { absentAfter: 1_000 });
   * @default never: calls wait for their timeout
   */
  readonly absentAfter?: number;
  /** What each call passes through, outermost first. @default none */
  readonly middleware?: readonly ClientMiddleware[];
}

/** Params are only read: those by position may be a readonly tuple or array. */
export type Sent<P> = P extends readonly unknown[] ? Readonly<P> : P;

/** What a call takes after its method: params where the method has some, then options. */
export type Args<M extends Method, O = CallOptions> =
  undefined extends ParamsOf<M>
    ? [params?: Sent<ParamsOf<M>>, options?: O]
    : [params: Sent<ParamsOf<M>>, options?: O];

/** The same of a stream whose items are acknowledged: options that say so. */
export type AckedArgs<M extends Method> = [params: Sent<ParamsOf<M>>, options: AckedCallOptions];

/** One entry of a batch: the name of a request or a notification, and its params. */
export type BatchEntry<M extends Methods> = {
  [N in NamesOf<M, 'request' | 'notification'>]: undefined extends ParamsOf<M[N]>
    ? readonly [method: N, params?: Sent<ParamsOf<M[N]>>]
    : readonly [method: N, params: Sent<ParamsOf<M[N]>>];
}[NamesOf<M, 'request' | 'notification'>];

/** The results of a batch, by the places of its entries. */
export type BatchResults<M extends Methods, E extends readonly BatchEntry<M>[]> = {
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
   * cancels the handler. With `ack: true` a stream's items come as `StreamItem`s, and no more of
   * them than `window` before they are acked.
   *
   * @example
   * client.call$('ticks', { symbol: 'AAPL' }, { ack: true, window: 64 }).pipe(
   *   processEach(({ value }) => store(value), { concurrency: 8 }),
   * ).subscribe();
   */
  call$<N extends NamesOf<M, 'stream'>>(
    method: N,
    ...args: AckedArgs<M[N]>
  ): Observable<StreamItem<ResultOf<M[N]>>>;
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
  /**
   * Asks every instance of the service, whatever partitions it has: a cold Observable of one answer
   * each, an error among them as a value. It completes after `count` answers, at the timeout, or
   * `stall` ms after the latest answer; empty where nobody answers. It errors where the question
   * can't be asked of all. Unsubscribing, as every other end, cancels the handlers at work.
   *
   * @example
   * client.gather$('flush', undefined, { stall: 100 }).subscribe(({ instance, result }) => ...);
   */
  gather$<N extends NamesOf<M, 'request'>>(
    method: N,
    ...args: Args<M[N], GatherOptions>
  ): Observable<Gathered<ResultOf<M[N]>>>;
}

/** Calls methods by name, without a contract: the caller says what comes back. */
export interface UntypedClient {
  call<R = unknown>(method: string, params?: Params, options?: CallOptions): Promise<R>;
  call$<R = unknown>(
    method: string,
    params: Params | undefined,
    options: AckedCallOptions,
  ): Observable<StreamItem<R>>;
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
  gather$<R = unknown>(method: string, params?: Params, options?: GatherOptions): Observable<Gathered<R>>;
}
