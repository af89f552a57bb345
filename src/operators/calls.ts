/**
 * What the operators that make calls have in common: how an input becomes a call, and what comes of it. callEach,
 * callBatch and notifyEach stand on it; below it are the client and in-flight.ts.
 */
import { type Either, left } from 'fp-ts/lib/Either.js';
import type { Methods, ParamsOf } from '../contract.js';
import type { CallOptions } from '../rpc/call-options.js';
import type { Sent } from '../rpc/client-api.js';
import { type CallError, NotSentError } from '../rpc/error.js';
import { count, text } from '../rpc/options.js';
import { isPreparing, NOT_MADE, PREPARE } from '../rpc/prepared.js';
import { show, textOf } from '../shown.js';
import type { Bounds, Start } from './in-flight.js';

/** How inputs become calls: the options of each call, and the operator's bounds. */
export interface EachOptions<I> extends Pick<CallOptions, 'timeout' | 'retry' | 'headers' | 'context'> {
  /** Outputs in the order of the inputs: then one waits for those before it. @default false: as they are ready */
  readonly ordered?: boolean;
  /** Inputs that wait for a place; one more ends the source, and the stream behind what was taken. @default 100000 */
  readonly maxBuffered?: number;
  /** Calls of one key keep their order on the way, and share a partition. @default none */
  readonly key?: (input: I) => string;
  /** Names what an input asks for: a server that remembers the key answers as it did before. @default none */
  readonly idempotencyKey?: (input: I) => string;
}

/** What makes params of an input. */
export interface ToParams<I, P> {
  /** The params of an input's call; where it throws, the output is a NotSentError `invalid params`. */
  // No value is a `[never]`: it has the compiler read an array literal as a tuple.
  readonly toParams: (input: I) => P | readonly [never];
}

/** By their names, for all operators. */
export const EACH: Readonly<Record<keyof AnyOptions, true>> = {
  toParams: true,
  timeout: true,
  retry: true,
  headers: true,
  context: true,
  ordered: true,
  maxBuffered: true,
  key: true,
  idempotencyKey: true,
};

type Primitive = string | number | boolean;

/** Inputs that are params as they are: by name, by position, or a primitive as the only one by position. */
export type InputOf<M extends Methods, N extends keyof M> =
  | Sent<ParamsOf<M[N]>>
  | (ParamsOf<M[N]> extends readonly [infer Only extends Primitive] ? Only : never);

export type AnyOptions = EachOptions<any> & Partial<ToParams<any, unknown>>;

/** An input that is its own params. */
export const paramsOf = (input: unknown): unknown =>
  input === undefined || typeof input === 'object' ? input : [input];

/** Checks the options, and says how an input is called. */
export function startOf<I, R>(
  client: object,
  kind: 'request' | 'notification',
  method: string,
  { toParams = paramsOf, key, idempotencyKey, timeout, retry, headers, context }: AnyOptions,
): Start<I, R> {
  for (const [name, given] of Object.entries({ toParams, key, idempotencyKey }))
    if (given !== undefined && typeof given !== 'function')
      throw new TypeError(`${name}: expected a function, got ${String(given)}`);
  if (!isPreparing(client))
    throw new TypeError(`client: expected a client, as connection.client() gives it, got ${show(client)}`);
  // Without what is absent: middleware sees the options as they are.
  const make = client[PREPARE](kind, method, {
    ...(timeout !== undefined && { timeout }),
    ...(retry !== undefined && { retry }),
    ...(headers !== undefined && { headers }),
    ...(context !== undefined && { context }),
  });
  const ownOf =
    key === undefined && idempotencyKey === undefined
      ? () => undefined
      : (input: I) => ({
          ...(key !== undefined && { key: text('key', key(input)) }),
          ...(idempotencyKey !== undefined && {
            idempotencyKey: text('idempotencyKey', idempotencyKey(input)),
          }),
        });
  return (input, settle) => {
    let params: unknown;
    let own: ReturnType<typeof ownOf>;
    try {
      params = toParams(input);
      own = ownOf(input);
    } catch (cause) {
      settle(left(new NotSentError('invalid params', `not called: ${textOf(cause)}`, { cause })));
      return NOT_MADE;
    }
    return make(params, own, settle as (result: Either<CallError, unknown>) => void);
  };
}

/** The bounds of an operator that sends each input alone. */
export function boundsOf(concurrency: number, { ordered = false, maxBuffered }: AnyOptions): Bounds {
  if (typeof ordered !== 'boolean')
    throw new TypeError(`ordered: expected true or false, got ${String(ordered)}`);
  return {
    concurrency: count('concurrency', concurrency),
    maxBuffered: count('maxBuffered', maxBuffered ?? 100_000),
    ordered,
    maxSize: 1,
    maxBytes: Number.POSITIVE_INFINITY,
    maxWait: 0,
  };
}
