/**
 * One call to every instance of a service: each may answer once, and nobody knows how many there
 * are, so that enough answers, silence or the time end it. Above: client.ts. Below: the correlation.
 */
import { type Either, left } from 'fp-ts/lib/Either.js';
import type { Subscriber } from 'rxjs';
import type { RpcError } from '../jsonrpc/error.js';
import { isReserved } from '../jsonrpc/message.js';
import { type Link, PendingCall, type Repeats } from './correlation.js';
import type { Envelope, Peer } from './envelope.js';
import type { CallError } from './error.js';
import type { Gathered, GatherOptions } from './gather-options.js';
import { count, milliseconds } from './options.js';
import type { Plan } from './plan.js';

const DEFAULT_COUNT = 1_000;
/** Milliseconds by which timers of a process that runs come too late. */
const LATE = 20;

export class GatherCall extends PendingCall {
  readonly #count: number;
  readonly #stall: number | undefined;
  readonly #subscriber: Subscriber<Gathered<unknown>>;
  readonly #heard = new Set<string>();
  #stopWaiting: (() => void) | undefined;

  constructor(
    link: Link,
    plan: Plan,
    timeout: number,
    options: GatherOptions,
    subscriber: Subscriber<Gathered<unknown>>,
  ) {
    super(link, plan, timeout);
    this.#count = count('count', options.count ?? DEFAULT_COUNT);
    this.#stall = options.stall === undefined ? undefined : milliseconds('stall', options.stall);
    this.#subscriber = subscriber;
  }

  /** One answer of each; of one that doesn't name itself nobody can tell. */
  override listensTo({ sender }: Envelope): boolean {
    return sender !== undefined && !this.#heard.has(sender.instance);
  }

  override get repeats(): Repeats {
    return 'never';
  }

  onResult(result: unknown, { sender }: Envelope): void {
    this.#answer(sender as Peer, this.plan.checkResult(result));
  }

  override onError(error: RpcError, { sender }: Envelope): void {
    this.#answer(sender as Peer, left(error));
  }

  onFailure(error: CallError): void {
    this.#subscriber.error(error);
  }

  override expire(): void {
    if (this.sent) this.#complete();
    else super.expire();
  }

  override end(answered = true): boolean {
    this.#stopWaiting?.();
    return super.end(answered);
  }

  /** What the protocol answers by itself is answered at once: there is nothing to cancel. */
  override cancel(): void {
    if (!isReserved(this.plan.method)) super.cancel();
  }

  #answer({ instance }: Peer, result: Either<CallError, unknown>): void {
    this.#heard.add(instance);
    this.#subscriber.next({ instance, result });
    if (this.ended) return;
    if (this.#heard.size >= this.#count) this.#complete();
    else if (this.#stall !== undefined) {
      this.#stopWaiting?.();
      this.#listen(this.#stall);
    }
  }

  /** A process that stood still has not listened: what came meanwhile is there to be read, as long again. */
  #listen(ms: number): void {
    const { clock } = this.link.correlation;
    const due = clock.now() + ms;
    this.#stopWaiting = clock.after(ms, () => {
      const late = clock.now() - due;
      if (late > LATE) this.#listen(late);
      else this.#complete();
    });
  }

  #complete(): void {
    this.cancel();
    if (this.end()) this.#subscriber.complete();
  }
}
