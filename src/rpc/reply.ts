/**
 * The answer to one call of a record: once it is delivered the call is done. One that can't be
 * sent is replaced, once, by an error that can; a notification has none.
 */
import type { ErrorObject, RpcError } from '../jsonrpc/error.js';
import { failure, type Id, success } from '../jsonrpc/message.js';
import type { KafkaError } from '../kafka/port.js';
import type { Outcome } from './coalesce.js';
import { undeliverable, type Work } from './work.js';

export class Reply implements Outcome {
  readonly work: Work;
  /** Undefined: a notification. */
  readonly id: Id | undefined;
  /** Of the request, where it names one. */
  readonly attempt: number | undefined;
  #substituted = false;

  constructor(work: Work, id: Id | undefined, attempt?: number) {
    this.work = work;
    this.id = id;
    this.attempt = attempt;
  }

  /** Sends the answer. Notifications get none, not even an error (JSON-RPC 2.0 section 4.1). */
  send(error: RpcError | ErrorObject | undefined, result?: unknown): void {
    if (this.id === undefined) this.work.finish();
    else {
      const answer = error === undefined ? success(this.id, result) : failure(this.id, error);
      const { attempt } = this;
      const says = attempt !== undefined && (error !== undefined || attempt > 1);
      this.work.answer(says ? { ...answer, meta: { attempt } } : answer, this);
    }
  }

  delivered(): void {
    this.work.finish();
  }

  undelivered(error: RpcError | KafkaError): void {
    if (this.#substituted) {
      this.work.stats.lost += 1;
      this.work.finish();
    } else {
      this.#substituted = true;
      this.send(undeliverable(error));
    }
  }
}
