/**
 * The client of one service whose calls pass middleware: every road leads through `call$`, and what
 * the last middleware lets through is made by the client below.
 */
import { left, right } from 'fp-ts/lib/Either.js';
import { ignoreElements, lastValueFrom, Observable } from 'rxjs';
import type { Methods } from '../../contract.js';
import type { Params } from '../../jsonrpc/message.js';
import type { CallOptions } from '../call-options.js';
import { signalsOf } from '../call-settings.js';
import { ServiceClient } from '../client.js';
import type { ClientOptions } from '../client-api.js';
import type { Correlation, Link } from '../correlation.js';
import type { CallError } from '../error.js';
import type { Gathered, GatherOptions } from '../gather-options.js';
import { PREPARE, type Prepared } from '../prepared.js';
import { chain, checked } from './chain.js';
import type { ClientCall, ClientMiddleware } from './client-middleware.js';
import { Passage } from './passage.js';

const NO_OPTIONS: CallOptions = {};

export class MiddlewareClient extends ServiceClient {
  readonly #name: string;
  readonly #middleware: readonly ClientMiddleware[];
  readonly #correlation: Correlation;

  constructor(
    service: string,
    methods: Methods | undefined,
    link: Link,
    options: ClientOptions & { readonly middleware: readonly ClientMiddleware[] },
  ) {
    super(service, methods, link, options);
    this.#name = service;
    this.#middleware = checked(options.middleware);
    this.#correlation = link.correlation;
  }

  override call<R>(method: string, params?: Params, options?: CallOptions): Promise<R> {
    return lastValueFrom(this.#pass<R>('request', method, params, options), {
      defaultValue: undefined as R,
    });
  }

  override call$(method: string, params?: Params, options?: CallOptions): Observable<any> {
    const kind = this.kindOf(method) === 'request' ? 'request' : 'stream';
    return this.#pass(kind, method, params, options);
  }

  override notify(method: string, params?: Params, options?: CallOptions): Promise<void> {
    const sent = this.#pass<void>('notification', method, params, options);
    return lastValueFrom(sent, { defaultValue: undefined });
  }

  override gather$<R>(method: string, params?: Params, options?: GatherOptions): Observable<Gathered<R>> {
    return this.#pass('gather', method, params, options);
  }

  override [PREPARE](kind: 'request' | 'notification', method: string, options: CallOptions): Prepared {
    // Every call is made of what the middleware lets through; what is wrong with these options is known at once.
    super[PREPARE](kind, method, options);
    return (params, own, settle) => {
      let last: unknown;
      const subscription = this.#pass(kind, method, params, { ...options, ...own }).subscribe({
        next: (result) => {
          last = result;
        },
        error: (error: CallError) => settle(left(error)),
        complete: () => settle(right(last)),
      });
      return { drop: () => subscription.unsubscribe() };
    };
  }

  #pass<R>(
    kind: ClientCall['kind'],
    method: string,
    params: unknown,
    options: CallOptions = NO_OPTIONS,
  ): Observable<R> {
    const name = `${this.#name}.${method}`;
    return new Observable<unknown>((subscriber) => {
      const signals = signalsOf(options);
      const passage = new Passage(name, kind, this.#correlation, this.timeoutOf(options), subscriber);
      const call: ClientCall = { service: this.#name, method, kind, params, options, progress: passage };
      const send = (last: ClientCall) => passage.making(this.#send(last, passage));
      if (signals.some(({ aborted }) => aborted)) return send(call).subscribe(subscriber);
      return passage.run(chain(this.#middleware, send)(call), signals);
    }) as Observable<R>;
  }

  #send({ kind, method, params, options }: ClientCall, passage: Passage): Observable<unknown> {
    if (kind === 'gather') return super.gather$(method, params as Params, options);
    const sent = this.observe([kind], method, params, options, passage.made);
    return kind === 'notification' ? sent.pipe(ignoreElements()) : sent;
  }
}
