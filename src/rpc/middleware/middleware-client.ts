/**
 * The client of one service whose calls pass middleware: every road leads through `call$`, and what
 * the last middleware lets through is made by the client below.
 */
import { ignoreElements, lastValueFrom, Observable } from 'rxjs';
import type { Methods } from '../../contract.js';
import type { Params } from '../../jsonrpc/message.js';
import { signalOf } from '../call-meta.js';
import type { CallOptions } from '../call-options.js';
import { ServiceClient } from '../client.js';
import type { ClientOptions } from '../client-api.js';
import type { Link } from '../correlation.js';
import { UnknownError } from '../error.js';
import type { Gathered, GatherOptions } from '../gather-options.js';
import { chain, checked } from './chain.js';
import type { ClientCall, ClientMiddleware } from './client-middleware.js';

const NO_OPTIONS: CallOptions = {};

export class MiddlewareClient extends ServiceClient {
  readonly #name: string;
  readonly #way: (call: ClientCall) => Observable<unknown>;

  constructor(
    service: string,
    methods: Methods | undefined,
    link: Link,
    options: ClientOptions & { readonly middleware: readonly ClientMiddleware[] },
  ) {
    super(service, methods, link, options);
    this.#name = service;
    this.#way = chain(checked(options.middleware), (call) => this.#send(call));
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

  #pass<R>(
    kind: ClientCall['kind'],
    method: string,
    params: unknown,
    options: CallOptions = NO_OPTIONS,
  ): Observable<R> {
    const call: ClientCall = { service: this.#name, method, kind, params, options };
    const signal = signalOf(options);
    if (signal === undefined) return this.#way(call) as Observable<R>;
    return aborting(
      this.#way(call),
      () => this.#send(call),
      signal,
      `${this.#name}.${method}`,
    ) as Observable<R>;
  }

  #send({ kind, method, params, options }: ClientCall): Observable<unknown> {
    if (kind === 'gather') return super.gather$(method, params as Params, options);
    const sent = this.observe([kind], method, params, options);
    return kind === 'notification' ? sent.pipe(ignoreElements()) : sent;
  }
}

/**
 * A call under way ends by its own listener to the signal, and knows what is known of it. This one
 * ends a call that a middleware holds: one that it delays, say, or would make again.
 */
function aborting(
  way: Observable<unknown>,
  aborted: () => Observable<unknown>,
  signal: AbortSignal,
  name: string,
): Observable<unknown> {
  return new Observable((subscriber) => {
    if (signal.aborted) return aborted().subscribe(subscriber);
    const abort = () =>
      queueMicrotask(() => {
        const text = `${name}: aborted by its caller while a middleware held it`;
        subscriber.error(new UnknownError('aborted', text, { cause: signal.reason }));
      });
    signal.addEventListener('abort', abort, { once: true });
    subscriber.add(() => signal.removeEventListener('abort', abort));
    return way.subscribe(subscriber);
  });
}
