/**
 * The question who serves a service, to all of its instances (design: broadcast): any answer will do, and silence
 * means something only where it was asked and heard as it should be. Above: presence.ts. Below: broadcast, correlation.
 */
import { type Link, PendingCall } from './correlation.js';
import { Plan } from './plan.js';
import type { Routed } from './route.js';

/** A server that doesn't know the method says so. */
const PING = '$/ping';

/** It stays until its time is over, for the answers of those behind the first. */
export class Ping extends PendingCall {
  /** Records that Kafka has taken, and when the last of them was. */
  #delivered = 0;
  #deliveredAt = 0;
  #stopWaiting: (() => void) | undefined;

  constructor(
    link: Link,
    service: string,
    timeout: number,
    readonly onAnswer: () => void,
    /** Whether it was asked and heard as it should be. */
    readonly onEnd: (asked: boolean) => void,
  ) {
    super(link, new Plan(service, PING), timeout);
  }

  /** Once more after half of its time, for servers that have come since; nothing depends on what becomes of that. */
  ask(): void {
    const { correlation, route } = this.link;
    const message = this.message(undefined, {});
    route.send(this, message, undefined);
    this.#stopWaiting = correlation.clock.after(this.timeout / 2, () => {
      const { expiresAt, id, plan } = this;
      const again: Routed = {
        id,
        plan,
        expiresAt,
        partition: -1,
        ended: false,
        onSent() {},
        delivered() {},
        undelivered() {},
      };
      route.send(again, message, undefined);
    });
  }

  onResult(): void {
    this.#stopWaiting?.();
    this.onAnswer();
  }

  override onError(): void {
    this.onResult();
  }

  override delivered(): void {
    this.#delivered += 1;
    this.#deliveredAt = this.link.correlation.clock.now();
  }

  override undelivered(): void {}

  override cancel(): void {}

  override end(answered = true): boolean {
    this.#stopWaiting?.();
    return super.end(answered);
  }

  onFailure(): void {
    this.onEnd(false);
  }

  override expire(): void {
    const { broadcast, correlation } = this.link;
    const late = correlation.clock.now() - this.expiresAt;
    // Where this process was busy itself, what has come is read behind its timers, and more may be on its way.
    correlation.clock.soon(() => {
      if (!this.end(false)) return;
      const listened = late <= this.timeout / 4 && this.#deliveredAt <= this.expiresAt - this.timeout / 2;
      this.onEnd(listened && this.#delivered > 0 && this.#delivered === broadcast?.partitions);
    });
  }
}
