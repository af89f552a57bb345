/**
 * The messages of JSON-RPC 2.0: their types, how to tell them apart, how to make one.
 *
 * Below: error.ts. Beside: validate.ts turns decoded bytes into these; codec.ts writes them.
 */
import { type ErrorObject, RpcError } from './error.js';

export type { ErrorObject } from './error.js';

/** What a Response is matched by (section 4). `null` is an id: a message that carries it is a call. */
export type Id = string | number | null;

/** Parameters by position or by name (section 4.2). */
export type Params = readonly unknown[] | Readonly<Record<string, unknown>>;

/** A call (section 4). */
export interface Request {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: Params;
  readonly id: Id;
  /** What callstream says about this one call; other servers ignore it. */
  readonly meta?: unknown;
}

/** A Request without an id: never answered (section 4.1). */
export interface Notification {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: Params;
  readonly id?: undefined;
  readonly meta?: unknown;
}

/** The answer to a call that succeeded (section 5). */
export interface Success {
  readonly jsonrpc: '2.0';
  readonly result: unknown;
  readonly id: Id;
  /** What callstream says about this one answer; others ignore it. */
  readonly meta?: unknown;
}

/** The answer to a call that failed, or, with `id: null`, to bytes that held no readable call (section 5). */
export interface Failure {
  readonly jsonrpc: '2.0';
  readonly error: ErrorObject;
  readonly id: Id;
  readonly meta?: unknown;
}

export type Response = Success | Failure;

export type Message = Request | Notification | Response;

type Members = { readonly method?: unknown; readonly id?: unknown; readonly error?: unknown };

export const isRequest = (message: Message): message is Request =>
  (message as Members).method !== undefined && message.id !== undefined;

export const isNotification = (message: Message): message is Notification =>
  (message as Members).method !== undefined && message.id === undefined;

export const isResponse = (message: Message): message is Response =>
  (message as Members).method === undefined;

export const isFailure = (message: Message): message is Failure =>
  (message as Members).method === undefined && (message as Members).error !== undefined;

/** Names that begin with `rpc.` belong to the protocol: no service may offer one (section 4). */
export const isReserved = (method: string): boolean => method.startsWith('rpc.');

/** A call. Absent params and meta leave no member behind. */
export const request = (id: Id, method: string, params?: Params, meta?: unknown): Request =>
  params === undefined
    ? meta === undefined
      ? { jsonrpc: '2.0', method, id }
      : { jsonrpc: '2.0', method, id, meta }
    : meta === undefined
      ? { jsonrpc: '2.0', method, params, id }
      : { jsonrpc: '2.0', method, params, id, meta };

/** A notification. Absent params and meta leave no member behind. */
export const notification = (method: string, params?: Params, meta?: unknown): Notification =>
  params === undefined
    ? meta === undefined
      ? { jsonrpc: '2.0', method }
      : { jsonrpc: '2.0', method, meta }
    : meta === undefined
      ? { jsonrpc: '2.0', method, params }
      : { jsonrpc: '2.0', method, params, meta };

/** The answer of a call that succeeded; `undefined` is the result `null`, since a Success must have one. */
export const success = (id: Id, result: unknown): Success => ({
  jsonrpc: '2.0',
  result: result === undefined ? null : result,
  id,
});

/** The answer of a call that failed. */
export const failure = (id: Id, error: ErrorObject | RpcError): Failure => ({
  jsonrpc: '2.0',
  error: error instanceof RpcError ? error.toObject() : error,
  id,
});
