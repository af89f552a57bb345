/**
 * What a chain of middleware gives, in the shape in which the handler gave it: one value, an
 * Observable, or an AsyncIterable. A stream is opened as soon as its handler has given it, a call
 * that was refused before never is.
 */
import { isObservable, Observable, Subject, takeUntil } from 'rxjs';
import { type Items, iterate } from '../iterate.js';
import { Queue } from './queue.js';

interface Sink {
  next(item: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

/**
 * Calls back as soon as the shape is known, which may be at once; items follow in that turn of the
 * event loop, so that none waits. `streams`: whatever comes is an item. `run` makes the chain, and
 * is given what it shall make of a handler's items.
 */
export function shaped(
  streams: boolean,
  signal: AbortSignal,
  run: (items: (source: Items) => Observable<unknown>) => Observable<unknown>,
): PromiseLike<unknown> {
  const then = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
    const stop$ = new Subject<void>();
    const held: unknown[] = [];
    let sink: Sink | undefined;
    let queue: Queue | undefined;
    let over = false;

    const stop = () => {
      over = true;
      signal.removeEventListener('abort', abort);
      stop$.next();
    };
    const abort = () => {
      stop();
      reject(signal.reason);
    };
    const open = (paced: boolean): Sink => {
      signal.removeEventListener('abort', abort);
      let taken = false;
      if (paced) {
        queue = new Queue(stop);
        sink = queue;
        resolve(queue.items);
        taken = queue.taken;
      } else {
        const items = new Subject<unknown>();
        sink = items;
        resolve(
          new Observable((subscriber) => {
            taken = true;
            items.subscribe(subscriber);
            return stop;
          }),
        );
      }
      if (!taken) stop();
      for (const item of held) sink.next(item);
      return sink;
    };
    const items = (source: Items): Observable<unknown> => {
      if (sink === undefined && !over) open(!isObservable(source));
      return iterate(source, queue && (() => (queue as Queue).wanted()));
    };

    signal.addEventListener('abort', abort);
    run(items)
      .pipe(takeUntil(stop$))
      .subscribe({
        next: (item) => {
          if (over) return;
          if (sink !== undefined || streams) (sink ?? open(false)).next(item);
          else held[0] = item;
        },
        error: (error: unknown) => {
          if (over) return;
          signal.removeEventListener('abort', abort);
          if (sink === undefined) reject(error);
          else sink.error(error);
        },
        complete: () => {
          if (over) return;
          signal.removeEventListener('abort', abort);
          if (sink !== undefined || streams) (sink ?? open(false)).complete();
          else resolve(held[0]);
        },
      });
  };
  return { then } as PromiseLike<unknown>;
}
