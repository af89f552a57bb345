/**
 * Whether anybody serves a service, in the place of its route: calls wait until an instance has
 * answered, and where none answers a broadcast they end before their time. Below: ping, route.
 */
import type { Notification, Request } from '../jsonrpc/message.js';
import type { Link, PendingCall } from './correlation.js';
import type { Expiring, Line } from './deadlines.js';
import type { Peer } from './envelope.js';
import { NotSentError, UnknownError } from './error.js';
import { HeldRequests } from './held-requests.js';
import { milliseconds } from './options.js';
import { Ping } from './ping.js';
import type { Routed, Way } from './route.js';
import { NotifyCall } from './unary-call.js';

/** When it was made. */
const since = ({ expiresAt, timeout }: PendingCall): number => expiresAt - timeout;

export class Presence implements Way, Expiring {
  expiresAt = 0;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Line | undefined;

  /** What the client's calls are made with. */
  readonly link: Link;
  readonly #route: Way;
  readonly #pings: Link;
  readonly #service: string;
  readonly #absentAfter: number;
  #present = false;
  /** Since it was looked at last. */
  #heard = false;
  #ping: Ping | undefined;
  readonly #held = new HeldRequests<Routed>();

  /** The link as it is where nobody wants to know. */
  static over(link: Link, service: string, absentAfter: number | undefined): Link {
    if (absentAfter === undefined) return link;
    milliseconds('absentAfter', absentAfter);
    if (link.broadcast !== undefined) return new Presence(link, link.broadcast, service, absentAfter).link;
    throw new TypeError(
      "absentAfter: expected no interop beside it: only callstream's servers answer broadcasts",
    );
  }

  private constructor(link: Link, broadcast: Way, service: string, absentAfter: number) {
    this.link = { ...link, route: this };
    this.#route = link.route;
    this.#pings = { ...link, route: broadcast };
    this.#service = service;
    this.#absentAfter = absentAfter;
  }

  get obstacle(): string {
    return this.#present
      ? this.#route.obstacle
      : `no server of ${this.#service} has answered: is it running?`;
  }

  send(call: Routed, message: Request | Notification, key: string | undefined): void {
    if (this.#present) {
      if (this.line === undefined && this.#ping === undefined) this.#watch();
      this.#route.send(call, message, key);
    } else {
      this.#held.push({ call, message, key });
      if (this.line === undefined) this.#ask();
    }
  }

  another(tried: readonly number[]): number | undefined {
    return this.#route.another(tried);
  }

  cancel(call: Routed, server?: Peer): void {
    this.#route.cancel(call, server);
  }

  grant(call: Routed, server: Peer, credit: number): void {
    this.#route.grant(call, server, credit);
  }

  answered(call: Routed, peer: Peer | undefined): void {
    this.#hear();
    this.#route.answered(call, peer);
  }

  /** The watch is over: nobody waits, somebody was heard, or it is time to ask. */
  expire(): void {
    const [oldest] = this.#waiting();
    if (oldest === undefined) {
      this.#held.take();
      return;
    }
    const { clock } = this.link.correlation;
    const quiet = !this.#heard && clock.now() - since(oldest) >= this.#absentAfter;
    if (quiet || !this.#present) this.#ask();
    else this.#watch();
  }

  #watch(): void {
    this.#heard = false;
    this.link.correlation.deadlines.add(this, this.#absentAfter);
  }

  #hear(): void {
    this.#heard = true;
    if (this.#present) return;
    this.#present = true;
    this.#held.sendBy(this, this.link.correlation.clock.now());
  }

  #ask(): void {
    if (this.#ping !== undefined) return;
    this.#heard = false;
    const ping = new Ping(
      this.#pings,
      this.#service,
      this.#absentAfter,
      () => this.#hear(),
      (asked) => this.#asked(ping, asked),
    );
    if (!this.link.correlation.add(ping)) return;
    this.#ping = ping;
    ping.ask();
  }

  /** What is made after the question waits for the next one: a server may have come since. */
  #asked(ping: Ping, asked: boolean): void {
    this.#ping = undefined;
    if (this.link.correlation.closed) return;
    if (this.#heard || !asked) {
      this.#watch();
      return;
    }
    this.#present = false;
    for (const call of [...this.#waiting()]) if (since(call) <= since(ping)) this.#giveUp(call);
    const [next] = this.#waiting();
    if (next !== undefined) this.#ask();
  }

  /** As at its timeout. What was sent may be with a server that is too busy to answer, or one that has died. */
  #giveUp(call: PendingCall): void {
    if (call.ended) return;
    const silence = `no server of ${this.#service} has answered a broadcast within ${this.#absentAfter} ms`;
    const error = call.sent
      ? new UnknownError('no server', `${call.plan.name}: no answer, and ${silence}: it has gone, or is busy`)
      : new NotSentError('no server', `${call.plan.name}: not sent: ${silence}: is it running?`);
    if (call.retry?.after(error) === true) return;
    if (call.sent) call.cancel();
    call.finish(error);
  }

  /** The first made first; a stream that has opened, or a notification on its way, waits for no server. */
  *#waiting(): Generator<PendingCall> {
    for (const call of this.link.correlation.unanswered(this.link)) {
      if (!(call.sent && call instanceof NotifyCall)) yield call;
    }
  }
}
