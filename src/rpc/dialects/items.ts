/**
 * A stream for a caller to whom each item is an answer of its own: sent as it comes, without credit.
 * An AsyncIterable is read as fast as Kafka takes the items, an Observable's are bounded.
 */
import { Observable } from 'rxjs';
import type { Clock } from '../../clock.js';
import { errors, RpcError } from '../../jsonrpc/error.js';
import type { KafkaError } from '../../kafka/port.js';
import type { Outcome } from '../coalesce.js';

type Items = Observable<unknown> | AsyncIterable<unknown>;

export interface ItemsOptions {
  readonly clock: Clock;
  /** Items that Kafka doesn't have yet; beyond it the stream ends with an error. */
  readonly maxBuffered: number;
  readonly send: (item: unknown, outcome: Outcome) => void;
}

/** An AsyncIterable waits while this many items are on their way. */
const WINDOW = 256;

/**
 * Sends all items but the last, which it emits when the source completes in the same turn of the event
 * loop (as NestJS does); `null` where it completes later or had none. Unsubscribing ends the source.
 */
export function eachItem(items: Items, { clock, maxBuffered, send }: ItemsOptions): Observable<unknown> {
  return new Observable((subscriber) => {
    let held: { readonly item: unknown } | undefined;
    let unsent = 0;
    let wake = () => {};
    const outcome: Outcome = {
      delivered() {
        unsent -= 1;
        wake();
      },
      undelivered: (error: RpcError | KafkaError) => subscriber.error(lost(error)),
    };
    const release = () => {
      if (held === undefined || subscriber.closed) return;
      const { item } = held;
      held = undefined;
      unsent += 1;
      send(item, outcome);
    };
    const next = (item: unknown) => {
      if (unsent >= maxBuffered) subscriber.error(tooFast(unsent));
      else {
        release();
        held = { item };
        clock.soon(release);
      }
    };
    const error = (thrown: unknown) => {
      release();
      subscriber.error(thrown);
    };
    const complete = () => {
      subscriber.next(held === undefined ? null : held.item);
      subscriber.complete();
    };
    if (items instanceof Observable || !(Symbol.asyncIterator in items)) {
      return (items as Observable<unknown>).subscribe({ next, error, complete });
    }
    const iterator = items[Symbol.asyncIterator]();
    const pull = async () => {
      while (!subscriber.closed) {
        const { done, value } = await iterator.next();
        if (done === true) return complete();
        next(value);
        if (unsent >= WINDOW) await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    pull().catch(error);
    return () => {
      wake();
      void iterator.return?.()?.catch(() => {});
    };
  });
}

const tooFast = (unsent: number) =>
  new RpcError(errors.serverError.code, `stream overflow: Kafka takes items slower than they come, ${unsent} wait`);

const lost = (error: RpcError | KafkaError) =>
  error instanceof RpcError
    ? error
    : new RpcError(errors.internalError.code, undefined, { data: `an item was not delivered: ${error.reason}` });
