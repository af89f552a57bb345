/**
 * The calls that end at once: with their one answer, or, for a notification, with Kafka's delivery
 * report. Above: client.ts. Below: the correlation.
 */
import { isLeft } from 'fp-ts/lib/Either.js';
import { type Notification, notification, type Params, type Response } from '../jsonrpc/message.js';
import { type Link, PendingCall, type Repeats } from './correlation.js';
import type { Envelope, Meta } from './envelope.js';
import type { CallError } from './error.js';
import type { Plan } from './plan.js';

/** A call that is answered once. */
export class UnaryCall extends PendingCall {
  protected readonly resolve: (result: unknown) => void;
  readonly #reject: (error: CallError) => void;

  constructor(
    link: Link,
    plan: Plan,
    timeout: number,
    resolve: (result: unknown) => void,
    reject: (error: CallError) => void,
  ) {
    super(link, plan, timeout);
    this.resolve = resolve;
    this.#reject = reject;
  }

  /** Its answer says as much as a report would. */
  get patient(): boolean {
    return true;
  }

  override onResult(result: unknown, envelope: Envelope, _response: Response): void {
    if (!this.end()) return;
    this.link.route.answered(this, envelope.sender);
    this.settle(result);
  }

  protected settle(result: unknown): void {
    if (this.plan.accepts(result)) {
      this.resolve(result);
      return;
    }
    const checked = this.plan.checkResult(result);
    if (isLeft(checked)) this.#reject(checked.left);
    else this.resolve(checked.right);
  }

  override onFailure(error: CallError): void {
    this.#reject(error);
  }
}

/** A call that is never answered: it ends with Kafka's delivery report. */
export class NotifyCall extends UnaryCall {
  override get patient(): boolean {
    return false;
  }

  override delivered(): void {
    if (this.end()) this.resolve(undefined);
  }

  override get repeats(): Repeats {
    return 'never';
  }

  protected override get requestId(): undefined {
    return undefined;
  }

  override message(params: Params | undefined, meta: Meta): Notification {
    return notification(this.plan.method, params, meta);
  }

  override cancel(): void {}
}
