/** What the options of a call come to: its `meta` on the wire, and the signal that ends it. */
import { show } from '../shown.js';
import type { AckedCallOptions, CallOptions } from './call-options.js';
import type { ClientOptions } from './client-api.js';
import type { CallContext } from './dispatch.js';
import type { Meta } from './envelope.js';
import { known, text } from './options.js';

/** What a call says of itself goes before the client's defaults. Every call with options passes here: no spread. */
export function metaOf(
  timeout: number,
  defaults: ClientOptions,
  /** The call may be tried again: this is its first attempt. */
  first: boolean,
  options?: CallOptions,
  credit?: number,
): Meta {
  const meta: { -readonly [K in keyof Meta]: Meta[K] } = { timeout };
  const context = options?.context;
  const key = options?.key ?? defaults.key;
  const headers = options?.headers ?? defaults.headers;
  if (first) meta.attempt = 1;
  if (options?.idempotencyKey !== undefined) meta.idempotencyKey = options.idempotencyKey;
  if (credit !== undefined) meta.credit = credit;
  if (key !== undefined) meta.key = key;
  if (context !== undefined) meta.headers = { ...inherited(context.headers), ...headers };
  else if (headers !== undefined) meta.headers = headers;
  return meta;
}

/** The `meta` of all calls without options of their own: frozen, it is written once for many. Headers are the user's to change. */
export function sharedMeta(timeout: number, defaults: ClientOptions, first: boolean): Meta {
  const meta = metaOf(timeout, defaults, first);
  return meta.headers === undefined ? Object.freeze(meta) : meta;
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

/** Of a client. Middleware may give a call options of its own kind. */
export function checkDefaults(defaults: ClientOptions): void {
  known(defaults, CLIENT);
  checkTexts(defaults);
}

/**
 * A server takes a key that isn't a string for none, and would run a call again that it knows; it drops such headers,
 * whose values, secrets maybe, no error shows.
 */
export function checkTexts({ key, idempotencyKey, headers }: CallOptions): void {
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

const NONE: readonly AbortSignal[] = [];

/** The call ends with either: its own signal, or that of the call it is made for. */
export function signalsOf({ signal, context }: CallOptions): readonly AbortSignal[] {
  if (signal === undefined) return context === undefined ? NONE : [context.signal];
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
