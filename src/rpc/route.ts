/**
 * The way from a client to a service: which partition a call takes, the lanes to the partitions
 * and to the servers behind them, and the wait for a topic that isn't there yet.
 */
import type { Method } from '../contract.js';
import type { Codec } from '../jsonrpc/codec.js';
import { type Notification, notification, type Request } from '../jsonrpc/message.js';
import { partitionOf } from '../kafka/murmur2.js';
import type { Headers, Kafka } from '../kafka/port.js';
import { type Coalescer, Lane, type Outcome } from './coalesce.js';
import { controlHeaders, type Peer, requestHeaders } from './envelope.js';
import { HeldRequests } from './held-requests.js';

/** Milliseconds between looks for a topic that calls wait for. */
const TOPIC_POLL = 250;
/** Calls without a key share a partition up to this many a turn, then take the next. */
const SPREAD = 200;

/** What a route knows of a call. */
export interface Routed extends Outcome {
  readonly id: number;
  /** Of the request topic; below 0 until it is chosen. */
  partition: number;
  /** Told when its request is handed to Kafka. */
  onSent(): void;
  readonly ended: boolean;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly plan: { readonly kind: Method['kind'] | undefined };
}

/** What a call needs of the way to its service, whoever serves it. */
export type Way = Pick<Route, 'send' | 'another' | 'cancel' | 'grant' | 'answered' | 'obstacle'>;

export class Route {
  readonly topic: string;
  readonly #kafka: Kafka;
  readonly #coalescer: Coalescer;
  readonly #codec: Codec;
  readonly #inbox: Peer;
  readonly #headers: Headers;
  /** One a partition; empty while the topic is unknown. */
  #lanes: Lane[] = [];
  /** The server that last answered for a partition: cancels go to its inbox. */
  readonly #servers: ({ readonly peer: Peer; readonly lane: Lane } | undefined)[] = [];
  #current = 0;
  readonly #held = new HeldRequests<Routed>();
  /** For the topic that they wait for. */
  #looking = false;
  #stopLooking: (() => void) | undefined;
  #closed = false;
  /** Why the topic could not even be asked for. */
  #trouble: string | undefined;

  constructor(kafka: Kafka, coalescer: Coalescer, topic: string, codec: Codec, inbox: Peer) {
    this.topic = topic;
    this.#kafka = kafka;
    this.#coalescer = coalescer;
    this.#codec = codec;
    this.#inbox = inbox;
    this.#headers = requestHeaders(inbox, codec);
  }

  /** Why a call isn't sent yet, for the error at its deadline. */
  get obstacle(): string {
    return this.#trouble ?? `no topic ${this.topic}: is the service running?`;
  }

  /** Sends a call's request, now or as soon as its topic is there. */
  send(call: Routed, message: Request | Notification, key: string | undefined): void {
    if (this.#lanes.length === 0) {
      this.#held.push({ call, message, key });
      if (!this.#looking) void this.#look();
      return;
    }
    if (call.partition < 0) {
      call.partition = key === undefined ? this.#next() : partitionOf(key, this.#lanes.length);
    }
    call.onSent();
    this.#coalescer.send(this.#lanes[call.partition] as Lane, message, call);
  }

  /** A partition besides those that were tried, rather one of another server; undefined where there is none. */
  another(tried: readonly number[]): number | undefined {
    const asked = tried.map((partition) => this.#servers[partition]?.peer.instance);
    const size = this.#lanes.length;
    let found: number | undefined;
    for (let step = 1; step < size; step += 1) {
      const partition = ((tried[0] ?? 0) + step) % size;
      if (tried.includes(partition)) continue;
      const server = this.#servers[partition]?.peer.instance;
      if (server === undefined || !asked.includes(server)) return partition;
      found ??= partition;
    }
    return found;
  }

  /** Sends `$/cancel` for a call that was sent: to the server that answers for its partition, else after it. */
  cancel(call: Routed, server = this.#servers[call.partition]?.peer): void {
    const lane = server === undefined ? this.#lanes[call.partition] : this.#laneTo(call, server);
    if (lane !== undefined) this.#coalescer.send(lane, notification('$/cancel', { id: call.id }));
  }

  /** Sends `$/request`: `credit` is a total, so that a repeat is harmless. */
  grant(call: Routed, server: Peer, credit: number): void {
    this.#coalescer.send(this.#laneTo(call, server), notification('$/request', { id: call.id, credit }));
  }

  /** Remembers who answered for the call's partition. */
  answered(call: Routed, peer: Peer | undefined): void {
    const known = this.#servers[call.partition];
    if (peer === undefined || known?.peer === peer) return;
    this.#servers[call.partition] = { peer, lane: this.#laneTo(call, peer) };
  }

  close(): void {
    this.#closed = true;
    this.#stopLooking?.();
    this.#held.take();
  }

  #laneTo(call: Routed, peer: Peer): Lane {
    const known = this.#servers[call.partition];
    if (known?.peer.instance === peer.instance) return known.lane;
    const headers = controlHeaders(peer, this.#inbox, this.#codec);
    return new Lane(peer.topic, peer.partition, headers, this.#codec);
  }

  /** One partition a turn, so that a turn's calls share a record; the next turn takes the next. */
  #next(): number {
    const waiting = this.#lanes[this.#current]?.messages.length ?? 0;
    if (waiting === 0 || waiting >= SPREAD) this.#current = (this.#current + 1) % this.#lanes.length;
    return this.#current;
  }

  async #look(): Promise<void> {
    let partitions: number | undefined;
    this.#looking = true;
    try {
      partitions = await this.#kafka.partitions(this.topic);
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = String(error);
    }
    if (this.#closed) return;
    if (partitions === undefined) {
      this.#looking = this.#held.waiting().length > 0;
      if (this.#looking) {
        this.#stopLooking = this.#kafka.clock.after(TOPIC_POLL, () => void this.#look());
      } else this.#held.take();
      return;
    }
    this.#lanes = Array.from(
      { length: partitions },
      (_, partition) => new Lane(this.topic, partition, this.#headers, this.#codec),
    );
    this.#held.sendBy(this, this.#kafka.clock.now());
  }
}
