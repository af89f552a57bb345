/** What users give to be done with a record, as one Observable. Used by processEach and transact. */
import { from, isObservable, Observable, type ObservableInput, of } from 'rxjs';

/** What the work on a record may give: an Observable or a Promise of results, one result, nothing. */
export type Work<R> = Observable<R> | PromiseLike<R> | R;

/** Also where the work throws. */
export function resultOf<T, R>(work: (record: T) => Work<R>, record: T): Observable<R> {
  try {
    const given = work(record);
    if (isObservable(given)) return given as Observable<R>;
    const pending = typeof (given as PromiseLike<R> | undefined)?.then === 'function';
    return pending ? from(given as ObservableInput<R>) : of(given as R);
  } catch (error) {
    return new Observable((subscriber) => subscriber.error(error));
  }
}
