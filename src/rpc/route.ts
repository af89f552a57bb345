/**
 * The way from a client to a service: which partition a call takes, the lanes to the partitions
 * and to the servers behind them, and the wait for a topic that isn't there yet.
 */
import type { Codec } from '../jsonrpc/codec.js';
import { notification } from '../jsonrpc/message.js';
import { partitionOf } from '../kafka/murmur2.js';
import type { Headers, Kafka } from '../kafka/port.js';
import { type Coalescer, Lane } from './coalesce.js';
import type { PendingCall } from './correlation.js';
import { controlHeaders, type Peer, requestHeaders } from './envelope.js';

/** Milliseconds between looks for a topic that calls wait for. */
const TOPIC_POLL = 250;
/** Calls without a key share a partition up to this many a turn, then take the next. */
const SPREAD = 200;

interface Waiting {
  readonly call: PendingCall;
  readonly message: unknown;
  readonly key: string | undefined;
}

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
  /** Bounded by the bound on pending calls: each of these is one. */
  #waiting: Waiting[] = [];
  #stopLooking: (() => void) | undefined;
  #closed = false;

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
    return `no topic ${this.topic}: is the service running?`;
  }

  /** Sends a call's request, now or as soon as its topic is there. */
  send(call: PendingCall, message: unknown, key: string | undefined): void {
    if (this.#lanes.length === 0) {
      if (this.#waiting.push({ call, message, key }) === 1) void this.#look();
      return;
    }
    if (call.partition < 0) {
      call.partition = key === undefined ? this.#next() : partitionOf(key, this.#lanes.length);
    }
    call.sent = true;
    this.#coalescer.send(this.#lanes[call.partition] as Lane, message, call);
  }

  /** Sends `$/cancel` for a call that was sent: to the server that answers for its partition, else after it. */
  cancel(call: PendingCall, server = this.#servers[call.partition]?.peer): void {
    const lane = server === undefined ? this.#lanes[call.partition] : this.#laneTo(call, server);
    if (lane !== undefined) this.#coalescer.send(lane, notification('$/cancel', { id: call.id }));
  }

  /** Sends `$/request`: `credit` is a total, so that a repeat is harmless. */
  grant(call: PendingCall, server: Peer, credit: number): void {
    this.#coalescer.send(this.#laneTo(call, server), notification('$/request', { id: call.id, credit }));
  }

  /** Remembers who answered for the call's partition. */
  answered(call: PendingCall, server: Peer | undefined): void {
    if (server !== undefined) this.#laneTo(call, server);
  }

  close(): void {
    this.#closed = true;
    this.#stopLooking?.();
    this.#waiting = [];
  }

  #laneTo(call: PendingCall, peer: Peer): Lane {
    const known = this.#servers[call.partition];
    if (known?.peer.instance === peer.instance) return known.lane;
    const lane = new Lane(
      peer.topic,
      peer.partition,
      controlHeaders(peer, this.#inbox, this.#codec),
      this.#codec,
    );
    this.#servers[call.partition] = { peer, lane };
    return lane;
  }

  /** One partition a turn, so that a turn's calls share a record; the next turn takes the next. */
  #next(): number {
    const waiting = this.#lanes[this.#current]?.messages.length ?? 0;
    if (waiting === 0 || waiting >= SPREAD) this.#current = (this.#current + 1) % this.#lanes.length;
    return this.#current;
  }

  async #look(): Promise<void> {
    let partitions: number | undefined;
    try {
      partitions = await this.#kafka.partitions(this.topic);
    } catch {
      // No broker answers, or not to us: the calls' own deadlines tell.
    }
    if (this.#closed) return;
    if (partitions === undefined) {
      this.#waiting = this.#waiting.filter(({ call }) => !call.ended);
      if (this.#waiting.length > 0) {
        this.#stopLooking = this.#kafka.clock.after(TOPIC_POLL, () => void this.#look());
      }
      return;
    }
    this.#lanes = Array.from(
      { length: partitions },
      (_, partition) => new Lane(this.topic, partition, this.#headers, this.#codec),
    );
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { call, message, key } of waiting) if (!call.ended) this.send(call, message, key);
  }
}
