/** callBatch: calls many inputs at a time, a batch on the wire. */
import type { OperatorFunction } from 'rxjs';
import { clockOf } from '../clock.js';
import type { Methods, NamesOf, ParamsOf, ResultOf } from '../contract.js';
import type { Params } from '../jsonrpc/message.js';
import { known } from '../known.js';
import type { Client, Sent, UntypedClient } from '../rpc/client-api.js';
import { count, milliseconds } from '../rpc/options.js';
import {
  type AnyOptions,
  boundsOf,
  EACH,
  type EachOptions,
  type InputOf,
  paramsOf,
  startOf,
  type ToParams,
} from './calls.js';
import { type Called, inFlight } from './in-flight.js';

/** How `callBatch` collects and calls; a batch is sent as soon as it is full by any of its three bounds. */
export interface CallBatchOptions<I> extends EachOptions<I> {
  /** Inputs of a batch, at most. @default 200, what a connection's `coalesce` puts into one record */
  readonly maxSize?: number;
  /**
   * Bytes of a batch's params as JSON, at most; one that is larger goes alone. Measuring writes the params once more.
   * @default none: a batch over the connection's `coalesce`, or the broker's message size, is sent as several records
   */
  readonly maxBytes?: number;
  /** Milliseconds that the first input of a batch waits for more. @default 10 */
  readonly maxWait?: number;
  /** Batches without their last output; meanwhile the next fills up. @default 8 */
  readonly concurrency?: number;
}

/**
 * Collects inputs and calls a method with them, each batch as one JSON-RPC batch (section 6). Emits each input beside
 * its result or its CallError, as they are answered: an entry that fails ends neither its batch nor the stream, and is
 * tried again alone where `retry` says so. Completes, or errors with what the source errors with, behind the output of
 * the last input; the batch that is being collected is sent at once then. Unsubscribing cancels the calls in flight.
 *
 * Inputs are as those of `callEach`. From a topic, let its `maxUnacked` be as many as you want in flight: at least
 * `maxSize`, or batches wait for `maxWait`.
 *
 * @example symbols$.pipe(callBatch(prices, 'quote', { maxSize: 500, maxWait: 10, concurrency: 8 }))
 */
export function callBatch<R = unknown, I = any>(
  client: UntypedClient,
  method: string,
  options?: CallBatchOptions<I> & Partial<ToParams<I, Params | undefined>>,
): OperatorFunction<I, Called<I, R>>;
export function callBatch<M extends Methods, N extends NamesOf<M, 'request'>, I>(
  client: Client<M>,
  method: N,
  options: CallBatchOptions<I> & ToParams<I, Sent<ParamsOf<M[N]>>>,
): OperatorFunction<I, Called<I, ResultOf<M[N]>>>;
export function callBatch<M extends Methods, N extends NamesOf<M, 'request'>, I extends InputOf<M, N>>(
  client: Client<M>,
  method: N,
  options?: CallBatchOptions<I>,
): OperatorFunction<I, Called<I, ResultOf<M[N]>>>;
export function callBatch(
  client: object,
  method: string,
  options: CallBatchOptions<any> & AnyOptions = {},
): OperatorFunction<any, Called<any, unknown>> {
  known(options, { ...EACH, concurrency: true, maxSize: true, maxBytes: true, maxWait: true });
  const { maxBytes, toParams = paramsOf } = options;
  const bounds = {
    ...boundsOf(options.concurrency ?? 8, options),
    maxSize: count('maxSize', options.maxSize ?? 200),
    maxBytes: maxBytes === undefined ? Number.POSITIVE_INFINITY : count('maxBytes', maxBytes),
    maxWait: milliseconds('maxWait', options.maxWait ?? 10),
  };
  const start = startOf(client, 'request', method, options);
  return inFlight('callBatch', clockOf(client), bounds, start, (input) => bytesOf(toParams, input));
}

/** Nothing for what can't be written: its call says what is wrong. */
function bytesOf(toParams: (input: unknown) => unknown, input: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(toParams(input)) ?? '');
  } catch {
    return 0;
  }
}
