/** What the options of calls come to: checked once, however many calls share them. Above: client.ts. */
import type { Clock } from '../clock.js';
import { known } from '../known.js';
import { show } from '../shown.js';
import type { AckedCallOptions, CallOptions } from './call-options.js';
import type { ClientOptions } from './client-api.js';
import type { CallContext } from './dispatch.js';
import type { Meta } from './envelope.js';
import { type HedgeOptions, hedgePolicy } from './hedge-options.js';
import { milliseconds, text } from './options.js';
import { RetryBudget, type RetryPolicy, retryPolicy } from './retry.js';

const DEFAULT_TIMEOUT = 10_000;
const NONE: readonly AbortSignal[] = [];

export class CallSettings {
  readonly timeout: number;
  readonly key: string | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly hedge: Required<HedgeOptions> | undefined;
  /** A call ends with any of them. */
  readonly signals: readonly AbortSignal[];
  readonly budget: RetryBudget;
  /** Milliseconds since the epoch: that of the call which this one is made for. */
  readonly deadline: number | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly idempotencyKey: string | undefined;
  /** The `meta` of all calls with these settings: of those that may be tried again, and of the others. */
  #repeatable: Meta | undefined;
  #only: Meta | undefined;

  /** What a call says of itself goes before what its `client` says. Throws a TypeError that names the option. */
  constructor(options: CallOptions, client?: CallSettings) {
    const { timeout, context, retry } = options;
    checkTexts(options);
    this.budget = client?.budget ?? new RetryBudget();
    this.timeout =
      timeout === undefined ? (client?.timeout ?? DEFAULT_TIMEOUT) : milliseconds('timeout', timeout);
    this.key = options.key ?? client?.key;
    this.retry = retry === undefined ? client?.retry : retryPolicy(retry, this.budget);
    this.hedge = hedgeOf(options, client);
    this.deadline = context === undefined ? client?.deadline : deadlineOf(context);
    this.signals = signalsOf(options, client);
    this.idempotencyKey = options.idempotencyKey ?? client?.idempotencyKey;
    const headers = options.headers ?? client?.headers;
    this.headers = context === undefined ? headers : { ...inherited(context.headers), ...headers };
    if (client !== undefined && this.#meansTheSame(client)) {
      this.#repeatable = client.#repeatable;
      this.#only = client.#only;
    }
  }

  /** These, but for what a call says of itself. */
  with(options: CallOptions | undefined): CallSettings {
    return options === undefined ? this : new CallSettings(options, this);
  }

  /** To be used for many calls: their `meta` is made once, and frozen it is written once. Headers are the user's to change. */
  shared(): this {
    if (this.deadline !== undefined) return this;
    this.#repeatable = this.meta(this.timeout, true);
    this.#only = this.meta(this.timeout, false);
    if (this.headers === undefined) for (const meta of [this.#repeatable, this.#only]) Object.freeze(meta);
    return this;
  }

  /** Milliseconds that a call made now may take: one made on behalf of another inherits what is left of its time. */
  timeoutBy(clock: Clock): number {
    if (this.deadline === undefined) return this.timeout;
    return Math.max(1, Math.min(this.timeout, this.deadline - clock.now()));
  }

  /** What goes with a call on the wire. Every call with options of its own passes here: no spread. */
  meta(timeout: number, repeatable: boolean, credit?: number): Meta {
    const shared = repeatable ? this.#repeatable : this.#only;
    if (shared !== undefined && credit === undefined) return shared;
    const meta: { -readonly [K in keyof Meta]: Meta[K] } = { timeout };
    if (repeatable) meta.attempt = 1;
    if (this.idempotencyKey !== undefined) meta.idempotencyKey = this.idempotencyKey;
    if (credit !== undefined) meta.credit = credit;
    if (this.key !== undefined) meta.key = this.key;
    if (this.headers !== undefined) meta.headers = this.headers;
    return meta;
  }

  /** To a server. */
  #meansTheSame(other: CallSettings): boolean {
    return (
      this.timeout === other.timeout &&
      this.deadline === other.deadline &&
      this.key === other.key &&
      this.idempotencyKey === other.idempotencyKey &&
      this.headers === other.headers
    );
  }
}

const CLIENT: Readonly<Record<keyof ClientOptions, true>> = {
  timeout: true,
  key: true,
  retry: true,
  hedge: true,
  headers: true,
  window: true,
  interop: true,
  absentAfter: true,
  middleware: true,
};

/** Those of a client's calls. Middleware may give a call options of its own kind. */
export function clientSettings(options: ClientOptions): CallSettings {
  known(options, CLIENT);
  return new CallSettings(options).shared();
}

/**
 * A server takes a key that isn't a string for none, and would run a call again that it knows; it drops such headers,
 * whose values, secrets maybe, no error shows.
 */
function checkTexts({ key, idempotencyKey, headers }: CallOptions): void {
  if (typeof headers === 'string' || (headers && Symbol.iterator in headers)) {
    throw new TypeError("headers: expected an object with strings, as { token: '...' }");
  }
  if (key !== undefined) text('key', key);
  if (idempotencyKey !== undefined) text('idempotencyKey', idempotencyKey);
  for (const name in headers) {
    const kind = typeof headers[name];
    if (kind === 'string' || kind === 'undefined') continue;
    throw new TypeError(`headers.${name}: expected a string, got a value of type ${kind}`);
  }
}

/** With a retry or a key of its own a call isn't hedged by its client's options. */
function hedgeOf({ hedge, retry, key }: CallOptions, client?: CallSettings): CallSettings['hedge'] {
  if (hedge !== undefined) return hedgePolicy(hedge, { retry, key: key ?? client?.key });
  return retry === undefined && key === undefined ? client?.hedge : undefined;
}

/** The call's own, and that of the call it is made for. */
export function signalsOf({ signal, context }: CallOptions, client?: CallSettings): readonly AbortSignal[] {
  if (signal === undefined) return context === undefined ? (client?.signals ?? NONE) : [context.signal];
  const given: { readonly aborted?: unknown } | null = signal;
  if (typeof given?.aborted !== 'boolean')
    throw new TypeError(`signal: expected an AbortSignal, got ${show(signal)}`);
  return context === undefined ? [signal] : [signal, context.signal];
}

/** Of the call that another is made for. A copy, as `{ ...context }`, has nothing of it. */
export function deadlineOf(context: CallContext): number {
  const { deadline }: { readonly deadline?: unknown } = context ?? {};
  if (typeof deadline === 'number' && !Number.isNaN(deadline)) return deadline;
  throw new TypeError('context: expected the context of a handler itself, a copy of it is none');
}

/** Whether the items of a stream are given out to be settled. */
export function acksOf(options: CallOptions | undefined): boolean {
  const ack: unknown = (options as Partial<AckedCallOptions> | undefined)?.ack;
  if (ack === undefined || typeof ack === 'boolean') return ack === true;
  throw new TypeError(`ack: expected true or false, got ${String(ack)}`);
}

/** A caller's trace goes on with the calls of its handler (W3C Trace Context); its other headers, tokens say, don't. */
function inherited(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { traceparent, tracestate } = headers;
  return { ...(traceparent && { traceparent }), ...(tracestate && { tracestate }) };
}
