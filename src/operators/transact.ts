/**
 * transact: consume, process, produce exactly once, in Kafka's transactions. Between a topic's records$ and topics;
 * below it one session after another.
 */
import { Observable, retry, throwError } from 'rxjs';
import type { Clock } from '../clock.js';
import { KafkaError } from '../kafka/port.js';
import type { TopicRecord } from '../kafka/topic-record.js';
import { sourceOf } from '../kafka/topic-source.js';
import type { OutputWork } from './transact-attempt.js';
import { type Transaction, type TransactOptions, transactSettings } from './transact-options.js';
import { Session, Unsettled } from './transact-session.js';

/**
 * Works on a topic's records and writes what the work gives exactly once: outputs and the group's offsets are committed
 * together, many records in one transaction, which is aborted and worked on again where anything fails. A reader with
 * `read_committed`, the default, sees the outputs of each record once; the work itself may run more than once.
 *
 * `records$` is what a topic's `records$({ group })` has returned, itself: its acks and commits are transact's. The work
 * gives outputs (`topic.toRecord(value)`), one by one, in arrays, or none. They are written in the order of the records.
 *
 * Emits each transaction that was committed; cold. Completes when the records have and all are committed. Errors where
 * a record's work fails more often than `onError` allows, with a KafkaError `fenced` where another instance has opened
 * the `transactionalId`, `denied` where transactions aren't allowed, and with what the records end with. Everything else
 * is recovered from and told on the topic's `events$`. Before its partitions are handed over the open transaction is
 * committed, or aborted where that takes longer than `revokeTimeout`. Unsubscribing unsubscribes from the work, aborts
 * the open transaction unless it is being committed, and leaves the group.
 *
 * @example
 * transact(
 *   orders.records$({ group: 'billing' }),
 *   async ({ value }) => invoices.toRecord(await invoice(value), { key: value.id }),
 *   { transactionalId: 'billing-1' },
 * ).subscribe(({ records, produced }) => console.log(`${records} orders, ${produced} invoices`));
 */
export function transact<V, K>(
  records$: Observable<TopicRecord<V, K>>,
  work: OutputWork<V, K>,
  options: TransactOptions,
): Observable<Transaction> {
  const source = sourceOf(records$);
  if (source === undefined)
    throw new TypeError("records$: transact takes what a topic's records$ has returned, without a pipe");
  const settings = transactSettings(options, source.settings);
  const { clock } = source.context.kafka;
  return new Observable((subscriber) => {
    let opened = false;
    let closed = Promise.resolve();
    const session$ = new Observable<Transaction>((observer) => {
      const session = new Session(source, work, settings, observer);
      session.open().then(
        () => {
          opened = true;
        },
        (error) => observer.error(error),
      );
      return () => {
        closed = session.close();
      };
    });
    // Once it has begun, brokers that don't answer are waited for.
    const passing = (error: unknown): boolean =>
      error instanceof Unsettled || (opened && error instanceof KafkaError && error.reason === 'unreachable');
    const again = retry<Transaction>({
      delay: (error, times) =>
        passing(error) ? wait(clock, times, settings.policy, () => closed) : throwError(() => error),
      resetOnSuccess: true,
    });
    return session$.pipe(again).subscribe(subscriber);
  });
}

/** Emits once: after a delay that doubles with `times`, and not before the last session has closed. */
function wait(
  clock: Clock,
  times: number,
  { delay, maxDelay }: { readonly delay: number; readonly maxDelay: number },
  closed: () => Promise<void>,
): Observable<void> {
  return new Observable((subscriber) =>
    clock.after(Math.min(delay * 2 ** (times - 1), maxDelay), () => {
      void closed().then(() => subscriber.next());
    }),
  );
}
