/**
 * One call on its way through a client's middleware: what was made of it on the wire, and how long a
 * middleware may hold it. Above: middleware-client.ts. Below: the correlation's deadlines.
 */
import { defer, finalize, type Observable, type Subscriber, Subscription, tap } from 'rxjs';
import { onAbort } from '../abort.js';
import type { Correlation, PendingCall } from '../correlation.js';
import type { Expiring, Line } from '../deadlines.js';
import { NotSentError, UnknownError } from '../error.js';
import type { CallProgress, ClientCall } from './client-middleware.js';

export class Passage implements CallProgress, Expiring {
  expiresAt = 0;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Line | undefined;
  #latest: PendingCall | undefined;
  /** Calls under way below. */
  #below = 0;
  /** There has been one. */
  #sent = false;
  /** A stream that emits may be silent. */
  #open = false;

  constructor(
    readonly name: string,
    readonly kind: ClientCall['kind'],
    readonly correlation: Correlation,
    readonly timeout: number,
    readonly subscriber: Subscriber<unknown>,
  ) {}

  get id(): number | undefined {
    return this.#latest?.id;
  }

  get attempt(): number | undefined {
    return this.#latest?.attempts;
  }

  readonly made = (call: PendingCall): void => {
    this.#latest = call;
  };

  /** A call of its own for each subscription: while it is under way its own deadline counts. */
  making(call$: Observable<unknown>): Observable<unknown> {
    return defer(() => {
      this.#sent = true;
      this.#below += 1;
      this.correlation.deadlines.remove(this);
      return call$.pipe(
        finalize(() => {
          this.#below -= 1;
          this.#hold();
        }),
      );
    });
  }

  /** A call under way ends by its own listener to the signal, and knows what is known of it; this one ends a call that is held. */
  run(way: Observable<unknown>, signals: readonly AbortSignal[]): Subscription {
    const { subscriber } = this;
    for (const signal of signals) {
      const abort = () => queueMicrotask(() => this.#end('aborted', 'aborted by its caller', signal.reason));
      subscriber.add(onAbort(signal, abort));
    }
    subscriber.add(() => this.correlation.deadlines.remove(this));
    this.#hold();
    if (subscriber.closed) return Subscription.EMPTY;
    return way.pipe(tap(() => this.#emitted())).subscribe(subscriber);
  }

  expire(): void {
    if (this.correlation.closed) this.#end('closed', 'the connection was closed');
    else this.#end('timeout', `nothing within ${this.timeout} ms`);
  }

  #emitted(): void {
    if (this.kind !== 'stream' && this.kind !== 'gather') return;
    this.#open = true;
    this.correlation.deadlines.remove(this);
  }

  #hold(): void {
    if (this.#below > 0 || this.#open || this.line !== undefined || this.subscriber.closed) return;
    if (this.correlation.closed) this.expire();
    else this.correlation.deadlines.add(this, this.timeout);
  }

  #end(reason: 'aborted' | 'closed' | 'timeout', what: string, cause?: unknown): void {
    const text = `${this.name}: ${what} while a middleware held it`;
    this.subscriber.error(
      this.#sent ? new UnknownError(reason, text, { cause }) : new NotSentError(reason, text, { cause }),
    );
  }
}
