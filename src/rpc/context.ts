/** What a handler knows of its call. The signal is made when it is asked for: most handlers never do. */
import type { Id, Notification, Request } from '../jsonrpc/message.js';
import type { CallContext } from './dispatch.js';
import type { Meta } from './envelope.js';

const NO_HEADERS: Readonly<Record<string, string>> = {};

export class HandlerContext implements CallContext {
  readonly service: string;
  readonly #message: Request | Notification;
  readonly #meta: Meta;
  #deadline: number;
  #controller: AbortController | undefined;
  #end: { readonly reason: unknown } | undefined;

  constructor(service: string, message: Request | Notification, deadline: number, meta: Meta) {
    this.service = service;
    this.#deadline = deadline;
    this.#message = message;
    this.#meta = meta;
  }

  get method(): string {
    return this.#message.method;
  }

  get id(): Id | undefined {
    return this.#message.id;
  }

  get attempt(): number | undefined {
    return this.#meta.attempt;
  }

  get idempotencyKey(): string | undefined {
    return this.#meta.idempotencyKey;
  }

  get deadline(): number {
    return this.#deadline;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#meta.headers ?? NO_HEADERS;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#end !== undefined) this.#controller.abort(this.#end.reason);
    }
    return this.#controller.signal;
  }

  /** The call is a stream that has opened: its client waits as long as it lasts. */
  static open(context: HandlerContext): void {
    context.#deadline = Number.POSITIVE_INFINITY;
  }

  static abort(context: HandlerContext, reason: unknown): void {
    context.#end = { reason };
    context.#controller?.abort(reason);
  }
}
