/**
 * Whether brokers answer, as an Observable: librdkafka tells when all connections are down but never when one is up
 * again, so that is asked for. Used by librdkafka.ts.
 */
import { type Observable, ReplaySubject } from 'rxjs';
import type { NativeError, NativeProducer } from './librdkafka-binding.js';
import { metadata } from './librdkafka-client.js';
import { Code, codeOf, toKafkaError } from './librdkafka-error.js';
import type { KafkaStatus } from './port.js';

/** Milliseconds between questions while no broker answers, and for which one holds a libuv thread. */
const ASK_AGAIN = 500;
const ANSWER = 200;

export class Status {
  readonly #status = new ReplaySubject<KafkaStatus>(1);
  readonly #handle: NativeProducer;
  readonly status$: Observable<KafkaStatus> = this.#status.asObservable();
  #state: KafkaStatus['state'] = 'connected';
  #asking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(handle: NativeProducer) {
    this.#handle = handle;
    this.#status.next({ state: 'connected' });
  }

  get reachable(): boolean {
    return this.#state === 'connected';
  }

  /** An error event of the producer's handle, which is polled all the time. */
  readonly onError = (error: NativeError): void => {
    // One closed connection to the only broker is "all down" too: whether it is, the question tells.
    if (codeOf(error) === Code.allBrokersDown && !this.#asking) this.#ask(error);
  };

  close(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#status.next({ state: 'closed' });
    this.#status.complete();
  }

  #ask(error: NativeError): void {
    this.#asking = true;
    metadata(this.#handle, ANSWER).then(
      () => {
        this.#asking = false;
        if (this.#state === 'reconnecting') this.#become({ state: 'connected' });
      },
      () => {
        if (this.#state === 'connected')
          this.#become({ state: 'reconnecting', reason: toKafkaError(error, 'No broker answers').message });
        if (this.#state === 'closed') return;
        this.#timer = setTimeout(() => this.#ask(error), ASK_AGAIN);
        this.#timer.unref();
      },
    );
  }

  #become(status: KafkaStatus): void {
    this.#state = status.state;
    this.#status.next(status);
  }
}
