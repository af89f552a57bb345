/**
 * One record of requests being worked on: it is done when all its calls are answered, and only
 * then may its offset be committed. A callstream peer gets each answer as it is ready; any other
 * gets the answers of a batch in one array (JSON-RPC 2.0 section 6).
 */
import { isRight } from 'fp-ts/lib/Either.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import { failure, type Id, isFailure, type Response } from '../jsonrpc/message.js';
import { KafkaError } from '../kafka/port.js';
import type { Caller } from './caller.js';
import type { Coalescer, Outcome } from './coalesce.js';
import { withAttempt } from './envelope.js';

export class Work implements Outcome {
  readonly caller: Caller;
  readonly stats: { lost: number };
  readonly #coalescer: Coalescer;
  readonly #onDone: (work: Work) => void;
  readonly #answers: Response[] | undefined;
  #open: number;
  /** Errors in the place of answers that couldn't be sent. */
  #substitutes: Set<unknown> | undefined;

  constructor(
    caller: Caller,
    coalescer: Coalescer,
    stats: { lost: number },
    calls: number,
    batch: boolean,
    onDone: (work: Work) => void,
  ) {
    this.caller = caller;
    this.stats = stats;
    this.#coalescer = coalescer;
    this.#open = calls;
    this.#onDone = onDone;
    this.#answers = batch && !caller.callstream ? [] : undefined;
  }

  /** Sends an answer; `outcome` hears of its delivery unless it waits for the others of its batch. */
  answer(response: Response, outcome: Outcome): void {
    if (this.#answers === undefined) {
      this.#coalescer.send(this.caller.lane(response.id, response), response, outcome);
    } else {
      this.#answers.push(response);
      this.finish();
    }
  }

  /** One call less: answered, or a notification that needs no answer. */
  finish(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#answers === undefined || this.#answers.length === 0) this.#onDone(this);
    else this.#coalescer.send(this.caller.lane(this.#answers[0]?.id ?? null), this.#answers, this);
  }

  /** What waits for it is a commit, which has time. */
  get patient(): boolean {
    return true;
  }

  delivered(): void {
    if (this.#answers === undefined) this.finish();
    else this.#onDone(this);
  }

  /**
   * What can't be sent, an answer or all of a batch, is replaced, once, by an error that can. An error that Kafka may
   * have all the same is said again as it is: a refusal that its caller has heard must not become another one.
   */
  undelivered(error: RpcError | KafkaError, message: unknown, attempt?: number): void {
    const answers = this.#answers;
    if (this.#substitutes?.has(message)) {
      this.stats.lost += answers?.length ?? 1;
      this.delivered();
    } else if (answers === undefined) {
      const answer = message as Response;
      const same = again(error) && isFailure(answer);
      const { id } = answer;
      this.#substitute(same ? answer : withAttempt(failure(id, undeliverable(error)), attempt), id);
    } else {
      const { codec } = this.caller.lane(null);
      const all = error instanceof KafkaError;
      const kept = (answer: Response) => !all && isRight(codec.encode(answer));
      const sent = answers.map((it) => (kept(it) ? it : failure(it.id, undeliverable(error))));
      this.#substitute(sent, answers[0]?.id ?? null);
    }
  }

  #substitute(message: Response | readonly Response[], id: Id): void {
    this.#substitutes ??= new Set();
    this.#substitutes.add(message);
    this.#coalescer.send(this.caller.lane(id), message, this);
  }
}

/** Whether what wasn't delivered may be delivered when it is sent once more. */
export function again(error: RpcError | KafkaError): boolean {
  return error instanceof KafkaError && error.reason !== 'too large';
}

/** What a caller learns of an answer that it can't get. */
export function undeliverable(error: RpcError | KafkaError): RpcError {
  return error instanceof KafkaError
    ? new RpcError(errors.internalError.code, undefined, {
        data: `the answer was not delivered: ${error.reason}`,
      })
    : error;
}
