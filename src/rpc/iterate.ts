/** AsyncIterables that handlers give, read as Observables and let go of in time. */
import { isObservable, Observable, type Subscription } from 'rxjs';

/** What a handler gives as many items. */
export type Items = Observable<unknown> | AsyncIterable<unknown>;

/** Ends an iterator that nobody reads any more. What its `return` gives, or throws, ends nothing else. */
export function letGo(iterator: AsyncIterator<unknown> | undefined): void {
  try {
    Promise.resolve(iterator?.return?.()).catch(() => {});
  } catch {}
}

/** Ends a subscription to what a handler gave. What its teardown throws is told, and ends nothing else. */
export function release(subscription: Subscription | undefined, onThrow: (error: unknown) => void): void {
  try {
    subscription?.unsubscribe();
  } catch (error) {
    onThrow(error);
  }
}

/**
 * The items as they come, each asked for once `wanted` has resolved. Unsubscribing lets an iterator go at
 * once, where RxJS's own waits for its next item.
 */
export function iterate(items: Items, wanted?: () => Promise<void>): Observable<unknown> {
  if (isObservable(items)) return items;
  return new Observable((subscriber) => {
    const iterator = items[Symbol.asyncIterator]();
    let ended = false;
    const pull = async () => {
      while (true) {
        if (wanted !== undefined) await wanted();
        if (subscriber.closed) return;
        const { done, value } = await iterator.next();
        ended = done === true;
        if (ended) return subscriber.complete();
        subscriber.next(value);
      }
    };
    pull().catch((error: unknown) => {
      ended = true;
      subscriber.error(error);
    });
    return () => {
      if (!ended) letGo(iterator);
    };
  });
}
