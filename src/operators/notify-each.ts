/** notifyEach: one notification for each input. */
import type { OperatorFunction } from 'rxjs';
import { clockOf } from '../clock.js';
import type { Methods, NamesOf, ParamsOf } from '../contract.js';
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

/** How `notifyEach` sends. */
export interface NotifyEachOptions<I> extends EachOptions<I> {
  /** Inputs sent and without Kafka's delivery report; further ones wait. @default 1024 */
  readonly concurrency?: number;
}

/**
 * Notifies with each input, and emits it once Kafka has it, or beside the CallError that says why it hasn't: a
 * notification that fails never ends the stream. In everything else as `callEach`.
 *
 * @example logins$.pipe(notifyEach(prices, 'audit', { toParams: (user) => ({ event: `login ${user}` }) })).subscribe();
 */
export function notifyEach<I = any>(
  client: UntypedClient,
  method: string,
  options?: NotifyEachOptions<I> & Partial<ToParams<I, Params | undefined>>,
): OperatorFunction<I, Called<I, void>>;
export function notifyEach<M extends Methods, N extends NamesOf<M, 'notification'>, I>(
  client: Client<M>,
  method: N,
  options: NotifyEachOptions<I> & ToParams<I, Sent<ParamsOf<M[N]>>>,
): OperatorFunction<I, Called<I, void>>;
export function notifyEach<M extends Methods, N extends NamesOf<M, 'notification'>, I extends InputOf<M, N>>(
  client: Client<M>,
  method: N,
  options?: NotifyEachOptions<I>,
): OperatorFunction<I, Called<I, void>>;
export function notifyEach(
  client: object,
  method: string,
  options: NotifyEachOptions<any> & AnyOptions = {},
): OperatorFunction<any, Called<any, void>> {
  known(options, { ...EACH, concurrency: true });
  const start = startOf<any, void>(client, 'notification', method, options);
  return inFlight('notifyEach', clockOf(client), boundsOf(options.concurrency ?? 1_024, options), start);
}
