/**
 * A call hedged against a slow server: copies of it, under its id, go to other partitions while it has
 * no answer, and the first answer wins. A server that gets two of them runs one, it knows the repeat.
 * Above: client.ts. Below: the correlation.
 */

import type { RpcError } from '../jsonrpc/error.js';
import type { Response } from '../jsonrpc/message.js';
import type { KafkaError } from '../kafka/port.js';
import type { Link, Repeats } from './correlation.js';
import { attemptOf, type Envelope, type Meta } from './envelope.js';
import { type CallError, UnknownError } from './error.js';
import type { HedgeOptions } from './hedge-options.js';
import type { Plan } from './plan.js';
import { type RetryBudget, worthAnotherTry } from './retry.js';
import type { Routed } from './route.js';
import { UnaryCall } from './unary-call.js';

/** The call once more, on its way to another partition. */
class Copy implements Routed {
  constructor(
    readonly call: HedgedCall,
    readonly partition: number,
  ) {}

  get id(): number {
    return this.call.id;
  }

  get ended(): boolean {
    return this.call.ended;
  }

  get expiresAt(): number {
    return this.call.expiresAt;
  }

  get plan(): Plan {
    return this.call.plan;
  }

  onSent(): void {
    this.call.onSent();
  }

  delivered(): void {}

  undelivered(error: RpcError | KafkaError, message: unknown): void {
    this.call.undelivered(error, message);
  }
}

export class HedgedCall extends UnaryCall {
  /** Sends the call's request to the copy's partition, with its `meta` changed by what it is given. */
  resend: (copy: Routed, changed: Pick<Meta, 'attempt' | 'timeout'>) => void = () => {};
  readonly #policy: Required<HedgeOptions>;
  readonly #budget: RetryBudget;
  /** By attempt, from 1: the call itself, then its copies. */
  readonly #asked: Routed[] = [this];
  /** Attempts that failed while others were out. */
  readonly #failed = new Set<number>();
  /** One of them may have run. */
  #uncertain = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    link: Link,
    plan: Plan,
    timeout: number,
    policy: Required<HedgeOptions>,
    budget: RetryBudget,
    resolve: (result: unknown) => void,
    reject: (error: CallError) => void,
  ) {
    super(link, plan, timeout, resolve, reject);
    this.#policy = policy;
    this.#budget = budget;
  }

  override get repeats(): Repeats {
    return 'hedge';
  }

  override get attempts(): number {
    return this.#asked.length;
  }

  /** One was handed to Kafka: the next copy follows after the delay. */
  override onSent(): void {
    super.onSent();
    this.#stopTimer?.();
    const { clock } = this.link.correlation;
    const { attempts, delay } = this.#policy;
    // Timers of one instant fire in any order: the deadline must not find a new copy there.
    if (this.#asked.length >= attempts || clock.now() + delay >= this.expiresAt) return;
    this.#stopTimer = clock.after(delay, () => this.#another());
  }

  /** The sender is the server of the partition to which the attempt went that it answers, not of the call's. */
  override onResult(result: unknown, { sender }: Envelope, response: Response): void {
    if (!this.end()) return;
    const attempt = attemptOf(response) ?? 1;
    const asked = this.#asked[attempt - 1];
    if (asked !== undefined) this.link.route.answered(asked, sender);
    this.#release(attempt);
    this.settle(result);
  }

  /** Of an attempt: where it may be tried again another follows at once, or those that are out go on. */
  override fail(error: CallError, attempt = this.#oldest()): void {
    if (this.ended) return;
    if (worthAnotherTry(error)) {
      if (this.#failed.has(attempt)) return;
      this.#failed.add(attempt);
      if (this.#another() || this.#failed.size < this.#asked.length) {
        if (error._tag !== 'NotSent' && error._tag !== 'Failed') this.#uncertain = true;
        return;
      }
    }
    const out = this.#asked.length - this.#failed.size - (this.#failed.has(attempt) ? 0 : 1);
    if (out > 0) this.#uncertain = true;
    this.#release(attempt);
    this.finish(error);
  }

  override finish(error: CallError): void {
    const known = this.#uncertain && (error._tag === 'NotSent' || error._tag === 'Failed');
    super.finish(known ? new UnknownError(error.reason, error.message, { cause: error }) : error);
  }

  override cancel(): void {
    this.#release(undefined);
  }

  override end(answered = true): boolean {
    this.#stopTimer?.();
    const first = super.end(answered);
    if (first && answered) this.#budget.answered();
    return first;
  }

  #another(): boolean {
    const { link, expiresAt } = this;
    const asked = this.#asked;
    if (asked.length >= this.#policy.attempts) return false;
    const left = expiresAt - link.correlation.clock.now();
    const partition = link.route.another(asked.map((one) => one.partition));
    if (left <= 0 || partition === undefined || !this.#budget.take()) return false;
    const copy = new Copy(this, partition);
    asked.push(copy);
    this.resend(copy, { attempt: asked.length, timeout: left });
    return true;
  }

  /** Cancels what is out, but for the attempt that was answered. */
  #release(answered: number | undefined): void {
    this.#asked.forEach((one, index) => {
      const attempt = index + 1;
      if (attempt !== answered && !this.#failed.has(attempt)) this.link.route.cancel(one);
    });
  }

  /** An answer that names no attempt counts for the one that is out the longest. */
  #oldest(): number {
    const index = this.#asked.findIndex((_, at) => !this.#failed.has(at + 1));
    return index + 1;
  }
}
