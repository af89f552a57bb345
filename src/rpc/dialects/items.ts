/**
 * A stream for a caller to whom each item is an answer of its own: sent as it comes, without credit.
 * An AsyncIterable is read as fast as Kafka takes the items, an Observable's are bounded.
 */
import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import { isObservable, Observable } from 'rxjs';
import type { Clock } from '../../clock.js';
import { errors, RpcError } from '../../jsonrpc/error.js';
import type { KafkaError } from '../../kafka/port.js';
import type { Caller } from '../caller.js';
import type { Coalescer, Outcome } from '../coalesce.js';
import type { Entry } from '../dispatch.js';
import { type Items, letGo } from '../iterate.js';
import { oneAnswer } from '../one-answer.js';

export interface ItemsOptions {
  readonly clock: Clock;
  /** Items that Kafka doesn't have yet; beyond it the stream ends with an error. */
  readonly maxBuffered: number;
  /** An item as it goes on the wire. */
  readonly encode: (item: unknown) => Either<RpcError, unknown>;
  readonly send: (item: unknown, outcome: Outcome) => void;
}

/** What the calls of one server share, as far as it is needed here. */
interface Host {
  readonly clock: Clock;
  readonly coalescer: Coalescer;
  readonly limits: { readonly maxBuffered: number; readonly maxCollected: number };
}

/** The answer that the items make: all of them in one or, to a caller that takes them singly, the last. */
export function answerOf(
  items: Items,
  { item }: Caller,
  kind: Entry['kind'],
  encode: Entry['answer'],
  { clock, coalescer, limits }: Host,
): Observable<unknown> {
  if (item === undefined || kind === 'request') return oneAnswer(items, kind, encode, limits.maxCollected);
  const send = (content: unknown, outcome: Outcome) => coalescer.send(item(), content, outcome);
  return eachItem(items, { clock, maxBuffered: limits.maxBuffered, encode, send });
}

/** An AsyncIterable waits while this many items are on their way. */
const WINDOW = 256;

/**
 * Sends all items but the last, which it emits when the source completes in the same turn of the event
 * loop (as NestJS does); `null` where it completes later or had none. Unsubscribing ends the source.
 */
export function eachItem(
  items: Items,
  { clock, maxBuffered, encode, send }: ItemsOptions,
): Observable<unknown> {
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
      const encoded = encode(item);
      if (isLeft(encoded)) subscriber.error(encoded.left);
      else if (unsent >= maxBuffered) subscriber.error(tooFast(unsent));
      else {
        release();
        held = { item: encoded.right };
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
    if (isObservable(items)) return items.subscribe({ next, error, complete });
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
      letGo(iterator);
    };
  });
}

const tooFast = (unsent: number) =>
  new RpcError(
    errors.serverError.code,
    `stream overflow: Kafka takes items slower than they come, ${unsent} wait`,
  );

const lost = (error: RpcError | KafkaError) =>
  error instanceof RpcError
    ? error
    : new RpcError(errors.internalError.code, undefined, {
        data: `an item was not delivered: ${error.reason}`,
      });
