/**
 * processEach: work on what is acknowledged, a topic's records or a stream's items, acked when it is done. Between
 * records$ or call$ and whoever wants the results.
 */
import { Observable, type OperatorFunction, type Subscription } from 'rxjs';
import type { Acknowledgeable } from '../acknowledgeable.js';
import { clockOf } from '../clock.js';
import { PartitionMap } from '../kafka/partition-map.js';
import { type DeadLetters, isDeadLetters } from '../kafka/topic-dead-letter.js';
import { count, wrong } from '../kafka/topic-options.js';
import { TopicRecord } from '../kafka/topic-record.js';
import { known } from '../known.js';
import type { StreamItem } from '../rpc/stream-item.js';
import { Lanes } from './lanes.js';
import { resultOf, type Work } from './work.js';

/** When and how often failed work is tried again. */
export interface ProcessRetry {
  /** Tries after the first. @default 3 */
  readonly attempts?: number;
  /** Milliseconds before the first of them, doubled by each. @default 100 */
  readonly delay?: number;
  /** Milliseconds that the delay doubles up to. @default 10000 */
  readonly maxDelay?: number;
}

/** What becomes of a record whose work failed. */
export type OnProcessError =
  | 'stop'
  | {
      /** @default none: the first failure counts */
      readonly retry?: ProcessRetry;
      /** The topic that takes the record once its tries are used up; it is then acked. @default none: stop */
      readonly deadLetter?: DeadLetters;
    };

/** How records are worked on. */
export interface ProcessOptions {
  /** Records worked on at once. @default 64 */
  readonly concurrency?: number;
  /**
   * What is worked on one after the other, in order: the records of a `key` (those without one in no order), of a
   * `partition`, or nothing (`false`). @default 'key'
   */
  readonly ordered?: 'key' | 'partition' | false;
  /**
   * `stop`: the stream ends with the error, and the record is read again by the next of its group. Otherwise the work
   * is tried again, its key or partition waiting, and then the record goes to a dead-letter topic, with its value, its
   * headers and the error's message. @default 'stop'
   */
  readonly onError?: OnProcessError;
}

/** How a stream's items are worked on: they have no key and no partition, and are no record to be kept. */
export interface ProcessItemOptions extends Pick<ProcessOptions, 'concurrency'> {
  /**
   * `stop`: the stream ends with the error, and with it the handler at the other end. Otherwise the work is tried
   * again first. @default 'stop'
   */
  readonly onError?: 'stop' | { readonly retry?: ProcessRetry };
}

const PROCESS: Readonly<Record<keyof ProcessOptions, true>> = {
  concurrency: true,
  ordered: true,
  onError: true,
};
const ON_ERROR: Readonly<Record<keyof Exclude<OnProcessError, 'stop'>, true>> = {
  retry: true,
  deadLetter: true,
};
const RETRY: Readonly<Record<keyof ProcessRetry, true>> = {
  attempts: true,
  delay: true,
  maxDelay: true,
};

/** The options for what is worked on. */
export type ProcessOptionsOf<A> = A extends StreamItem<any> ? ProcessItemOptions : ProcessOptions;

/**
 * Works on each record of a topic, or each item of a stream that was called with `ack: true`, and acks it when the
 * work's Observable completes or its Promise resolves: at least once for records. Emits what the work gives, as it
 * comes. Completes when the source has and all work is done; errors by `onError`, and with what the source ends with.
 * Unsubscribing unsubscribes from the work; what wasn't done is not acked.
 *
 * What comes waits in here while `concurrency` are worked on; how many there can be is the records' `maxUnacked`, the
 * stream's `window`.
 *
 * @example
 * orders.records$({ group: 'billing' }).pipe(
 *   processEach((record) => charge(record.value), { concurrency: 64, onError: { retry: {}, deadLetter: failed } }),
 * ).subscribe();
 */
export function processEach<A, R>(
  work: (given: A) => Work<R>,
  given?: ProcessOptionsOf<A>,
): OperatorFunction<A & Acknowledgeable, R> {
  const options = (given ?? {}) as ProcessOptions;
  known(options, PROCESS);
  const { ordered = 'key' } = options;
  const concurrency = count('concurrency', options.concurrency ?? 64);
  if (ordered !== 'key' && ordered !== 'partition' && ordered !== false)
    throw wrong('ordered', "'key', 'partition' or false", ordered);
  const policy = policyOf(options.onError ?? 'stop');
  const forRecords = policy.deadLetter !== undefined ? 'onError.deadLetter' : options.ordered && 'ordered';
  return (source) =>
    new Observable<R>((subscriber) => {
      const laneOf = lanesOf(ordered);
      const inner = new Map<A & Acknowledgeable, () => void>();
      let ended = false;
      const attempt = (record: A & Acknowledgeable, tries: number, done: () => void): void => {
        const settle = (): void => {
          inner.delete(record);
          record.ack();
          done();
          if (ended && lanes.idle) subscriber.complete();
        };
        const onError = (error: unknown): void => {
          if (subscriber.closed) return;
          if (tries < policy.attempts) {
            const wait = Math.min(policy.delay * 2 ** tries, policy.maxDelay);
            inner.set(
              record,
              clockOf(record).after(wait, () => attempt(record, tries + 1, done)),
            );
          } else if (policy.deadLetter === undefined) subscriber.error(error);
          else {
            inner.set(record, () => {});
            policy.deadLetter.deadLetter(record as unknown as TopicRecord<any, any>, error).then(
              () => (subscriber.closed ? record.ack() : settle()),
              (failure) => subscriber.error(failure),
            );
          }
        };
        let subscription: Subscription | undefined;
        inner.set(record, () => subscription?.unsubscribe());
        subscription = resultOf(work, record).subscribe({
          next: (result) => subscriber.next(result),
          error: onError,
          complete: settle,
        });
        // Unsubscribed by its first results: there was nothing yet to unsubscribe from.
        if (subscriber.closed) subscription.unsubscribe();
      };
      const lanes = new Lanes<A & Acknowledgeable>(concurrency, (record, done) => attempt(record, 0, done));
      // The source first: a stream that hears of room would send more.
      subscriber.add(
        source.subscribe({
          next: (record) => {
            if (record instanceof TopicRecord) lanes.push(record, laneOf(record));
            else if (!forRecords) lanes.push(record);
            else subscriber.error(new TypeError(`${forRecords}: only for the records of a topic`));
          },
          error: (error) => subscriber.error(error),
          complete: () => {
            ended = true;
            if (lanes.idle) subscriber.complete();
          },
        }),
      );
      subscriber.add(() => {
        for (const [record, stop] of inner) {
          stop();
          record.nack();
        }
        for (const record of lanes.clear()) record.nack();
      });
    });
}

/** Every field decided; throws a TypeError that names the one that is wrong. */
export function policyOf(onError: OnProcessError) {
  if (onError === 'stop') return { attempts: 0, delay: 0, maxDelay: 0, deadLetter: undefined };
  if (typeof onError !== 'object' || onError === null)
    throw wrong('onError', "'stop' or { retry, deadLetter }", onError);
  known(onError, ON_ERROR, 'onError.');
  const { retry, deadLetter } = onError;
  if (retry !== undefined) known(retry, RETRY, 'onError.retry.');
  if (deadLetter !== undefined && !isDeadLetters(deadLetter))
    throw wrong('onError.deadLetter', 'a topic', deadLetter);
  return {
    attempts: retry === undefined ? 0 : count('onError.retry.attempts', retry.attempts ?? 3),
    delay: count('onError.retry.delay', retry?.delay ?? 100),
    maxDelay: count('onError.retry.maxDelay', retry?.maxDelay ?? 10_000, 2_147_483_647),
    deadLetter,
  };
}

/** What a record is worked on behind; partitions, of several topics perhaps, go by a number each. */
function lanesOf(ordered: 'key' | 'partition' | false): (record: TopicRecord<any, any>) => unknown {
  if (ordered === false) return () => undefined;
  const numbers = new PartitionMap<number>();
  let last = 0;
  return (record) => {
    const { key } = record;
    if (ordered === 'key' && key === null) return undefined;
    let number = numbers.get(record);
    if (number === undefined) {
      last += 1;
      number = last;
      numbers.set(record, number);
    }
    if (ordered === 'partition') return number;
    return `${number}/${Buffer.isBuffer(key) ? key.toString('latin1') : key}`;
  };
}
