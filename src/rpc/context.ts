/** What a handler knows of its call. The signal is made when it is asked for: most handlers never do. */
import type { Id, Notification, Request } from '../jsonrpc/message.js';
import type { CallContext } from './dispatch.js';
import type { Meta } from './envelope.js';

const NO_HEADERS: Readonly<Record<string, string>> = {};

export class HandlerContext implements CallContext {
  readonly service: string;
  readonly method: string;
  readonly id: Id | undefined;
  readonly deadline: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #meta: Meta;
  #controller: AbortController | undefined;
  #aborted = false;
  #reason: unknown;

  constructor(service: string, { method, id }: Request | Notification, deadline: number, meta: Meta) {
    this.service = service;
    this.method = method;
    this.id = id;
    this.deadline = deadline;
    this.headers = meta.headers ?? NO_HEADERS;
    this.#meta = meta;
  }

  get attempt(): number | undefined {
    return this.#meta.attempt;
  }

  get idempotencyKey(): string | undefined {
    return this.#meta.idempotencyKey;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  static abort(context: HandlerContext, reason: unknown): void {
    context.#aborted = true;
    context.#reason = reason;
    context.#controller?.abort(reason);
  }
}
