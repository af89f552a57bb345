/**
 * What stands behind a records$: transact reads it by itself, because its transactions commit what it reads. Topics
 * note it here.
 */
import type { Observable } from 'rxjs';
import type { ReadContext } from './topic-context.js';
import type { ReadSettings } from './topic-options.js';
import type { TopicRecord } from './topic-record.js';

export interface RecordsSource<V, K> {
  readonly context: ReadContext<V, K>;
  readonly settings: ReadSettings;
}

const sources = new WeakMap<Observable<unknown>, RecordsSource<any, any>>();

export function withSource<V, K>(
  records$: Observable<TopicRecord<V, K>>,
  source: RecordsSource<V, K>,
): Observable<TopicRecord<V, K>> {
  sources.set(records$, source);
  return records$;
}

/** Undefined for any Observable but what `records$` has returned. */
export const sourceOf = <V, K>(records$: Observable<TopicRecord<V, K>>): RecordsSource<V, K> | undefined =>
  sources.get(records$);
