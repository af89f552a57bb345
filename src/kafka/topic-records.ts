/**
 * The records of one topic or of several, and what happens around them. Topics stand on it; below it one reading a
 * subscription.
 */
import type { Either } from 'fp-ts/lib/Either.js';
import { Observable, Subject } from 'rxjs';
import type { Kafka } from './port.js';
import type { TopicReader } from './topic-api.js';
import type { ReadContext } from './topic-context.js';
import { nameOf, type TopicEvent } from './topic-events.js';
import { iterateRecords } from './topic-iterator.js';
import { type OffsetsByTopic, type ReadOptions, readSettings } from './topic-options.js';
import { Reading } from './topic-reading.js';
import type { TopicRecord } from './topic-record.js';
import type { TopicSelection } from './topic-selection.js';
import { withSource } from './topic-source.js';

/** Told of what nobody observes on `events$`. */
export type OnIssue = (issue: { kind: 'record' | 'kafka'; message: string; cause?: unknown }) => void;

/** How keys and values are read. */
export interface RecordFormat<V, K> {
  readValue(bytes: Buffer): Either<string, V>;
  readKey(bytes: Buffer): Either<string, K>;
}

export class TopicRecords<V, K, O = OffsetsByTopic> implements TopicReader<V, K, O> {
  readonly events$: Observable<TopicEvent>;
  readonly stats = { invalid: 0, errors: 0 };
  readonly #events = new Subject<TopicEvent>();
  readonly #onIssue: OnIssue;
  readonly #context: ReadContext<V, K>;

  constructor(
    kafka: Kafka,
    selection: TopicSelection,
    { readValue, readKey }: RecordFormat<V, K>,
    onIssue: OnIssue,
  ) {
    const events = this.#events;
    this.events$ = events.asObservable();
    this.#onIssue = onIssue;
    this.#context = {
      kafka,
      selection,
      readValue,
      readKey,
      get observed() {
        return events.observed;
      },
      tell: (event) => this.tell(event),
    };
  }

  records$(options: ReadOptions<O> = {}): Observable<TopicRecord<V, K>> {
    const settings = readSettings(options, this.#context.selection);
    const records$ = new Observable<TopicRecord<V, K>>((subscriber) => {
      const reading = new Reading<V, K>(this.#context, settings, {
        ready: true,
        next: (record) => subscriber.next(record),
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      reading.start();
      return () => void reading.stop();
    });
    return withSource(records$, { context: this.#context, settings });
  }

  records(options: ReadOptions<O> = {}): AsyncIterable<TopicRecord<V, K>, undefined> {
    const settings = readSettings(options, this.#context.selection);
    return { [Symbol.asyncIterator]: () => iterateRecords(this.#context, settings) };
  }

  protected tell(event: TopicEvent): void {
    if (event.type === 'invalid') this.stats.invalid += 1;
    else if (event.type === 'error') this.stats.errors += 1;
    if (this.#events.observed) this.#events.next(event);
    else if (event.type === 'invalid')
      this.#onIssue({ kind: 'record', message: `${nameOf(event.record)}: ${event.reason}` });
    else if (event.type === 'error')
      this.#onIssue({ kind: 'kafka', message: event.error.message, cause: event.error });
  }
}
