/**
 * The answer to one call of a record. Its delivery is the record's work's to hear of, so that nothing is kept of a
 * call that has its answer; only one that names an attempt hears for itself. A notification has none.
 */
import type { ErrorObject, RpcError } from '../jsonrpc/error.js';
import { failure, type Id, success } from '../jsonrpc/message.js';
import type { KafkaError } from '../kafka/port.js';
import type { Outcome } from './coalesce.js';
import { withAttempt } from './envelope.js';
import type { Work } from './work.js';

export class Reply implements Outcome {
  readonly work: Work;
  /** Undefined: a notification. */
  readonly id: Id | undefined;
  /** Of the request, where it names one. */
  readonly attempt: number | undefined;

  constructor(work: Work, id: Id | undefined, attempt?: number) {
    this.work = work;
    this.id = id;
    this.attempt = attempt;
  }

  /** Sends the answer. Notifications get none, not even an error (JSON-RPC 2.0 section 4.1). */
  send(error: RpcError | ErrorObject | undefined, result?: unknown): void {
    const { work, id, attempt } = this;
    if (id === undefined) work.finish();
    else {
      const answer = error === undefined ? success(id, result) : failure(id, error);
      work.answer(withAttempt(answer, attempt), attempt === undefined ? work : this);
    }
  }

  /** What waits for it is a commit, which has time. */
  get patient(): boolean {
    return true;
  }

  delivered(): void {
    this.work.delivered();
  }

  undelivered(error: RpcError | KafkaError, message: unknown): void {
    this.work.undelivered(error, message, this.attempt);
  }
}
