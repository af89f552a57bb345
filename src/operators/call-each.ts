/** callEach: one call for each input. */
import type { OperatorFunction } from 'rxjs';
import { clockOf } from '../clock.js';
import type { Methods, NamesOf, ParamsOf, ResultOf } from '../contract.js';
import type { Params } from '../jsonrpc/message.js';
import { known } from '../known.js';
import type { Client, Sent, UntypedClient } from '../rpc/client-api.js';
import {
  type AnyOptions,
  boundsOf,
  EACH,
  type EachOptions,
  type InputOf,
  startOf,
  type ToParams,
} from './calls.js';
import { type Called, inFlight } from './in-flight.js';

/** How `callEach` calls. */
export interface CallEachOptions<I> extends EachOptions<I> {
  /** Inputs called and without their output; further ones wait. @default 256 */
  readonly concurrency?: number;
}

/**
 * Calls a method with each input, and emits it beside its result or its CallError: a call that fails never ends the
 * stream. Completes, or errors with what the source errors with, behind the output of the last input. Unsubscribing
 * cancels the calls in flight. Calls of one turn of the event loop share a record.
 *
 * An input is the params as they are, a primitive the only one by position, or what `toParams` makes params of. Inputs
 * that are acknowledged (a topic's records) come out as they went in: the operator acks none, and nacks those that it
 * gives up, unsubscribed, without an output.
 *
 * @example
 * symbols$.pipe(callEach(prices, 'quote', { concurrency: 64, timeout: 1_000 }))
 *   .subscribe(({ input, result }) => console.log(input, isRight(result) ? result.right : result.left.message));
 */
export function callEach<R = unknown, I = any>(
  client: UntypedClient,
  method: string,
  options?: CallEachOptions<I> & Partial<ToParams<I, Params | undefined>>,
): OperatorFunction<I, Called<I, R>>;
export function callEach<M extends Methods, N extends NamesOf<M, 'request'>, I>(
  client: Client<M>,
  method: N,
  options: CallEachOptions<I> & ToParams<I, Sent<ParamsOf<M[N]>>>,
): OperatorFunction<I, Called<I, ResultOf<M[N]>>>;
export function callEach<M extends Methods, N extends NamesOf<M, 'request'>, I extends InputOf<M, N>>(
  client: Client<M>,
  method: N,
  options?: CallEachOptions<I>,
): OperatorFunction<I, Called<I, ResultOf<M[N]>>>;
export function callEach(
  client: object,
  method: string,
  options: CallEachOptions<any> & AnyOptions = {},
): OperatorFunction<any, Called<any, unknown>> {
  known(options, { ...EACH, concurrency: true });
  const start = startOf(client, 'request', method, options);
  return inFlight('callEach', clockOf(client), boundsOf(options.concurrency ?? 256, options), start);
}
