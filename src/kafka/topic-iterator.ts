/**
 * A topic's records as an AsyncIterable: the same reading, one record for each that is asked for.
 */
import type { ReadContext } from './topic-context.js';
import type { ReadSettings } from './topic-options.js';
import { Reading } from './topic-reading.js';
import type { TopicRecord } from './topic-record.js';

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

/** Reading begins with the first `next()`; `return()`, as by leaving `for await`, ends it. */
export function iterateRecords<V, K>(
  context: ReadContext<V, K>,
  settings: ReadSettings,
): AsyncIterator<TopicRecord<V, K>, undefined> {
  type Item = TopicRecord<V, K>;
  const waiting: Waiter<Item>[] = [];
  let handed: Item[] = [];
  let end: { readonly error?: unknown } | undefined;
  let started = false;

  const finish = (how: { readonly error?: unknown }): void => {
    end ??= waiting.length > 0 ? {} : how;
    for (const waiter of waiting.splice(0)) {
      if ('error' in how) waiter.reject(how.error);
      else waiter.resolve(DONE);
    }
  };
  // With autoAck a record is acked when the loop has come back for the next one, not when it is handed out.
  const reading = new Reading<V, K>(
    context,
    { ...settings, autoAck: false },
    {
      get ready() {
        return waiting.length > 0;
      },
      next(record) {
        if (settings.autoAck) handed.push(record);
        waiting.shift()?.resolve({ done: false, value: record });
      },
      error: (error) => finish({ error }),
      complete: () => finish({}),
    },
  );
  return {
    next: () =>
      new Promise((resolve, reject) => {
        for (const record of handed) record.ack();
        handed = [];
        if (end !== undefined) {
          const how = end;
          end = {};
          if ('error' in how) reject(how.error);
          else resolve(DONE);
          return;
        }
        waiting.push({ resolve, reject });
        if (started) reading.pump();
        else reading.start();
        started = true;
      }),
    return: async () => {
      void reading.stop();
      for (const record of handed) record.nack();
      finish({});
      return DONE;
    },
  };
}
