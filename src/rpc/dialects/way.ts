/**
 * The way from a client to a service of another dialect, in the place of a Route: waits for the topic
 * and for the reader of the answers, gives each call an id for the wire, and makes of the answers
 * what a callstream server would send. Above: client and correlation. Below: one dialect.
 */
import { randomInt } from 'node:crypto';
import { isRight } from 'fp-ts/lib/Either.js';
import type { RpcError } from '../../jsonrpc/error.js';
import { type Notification, notification, type Request, type Response } from '../../jsonrpc/message.js';
import { validate } from '../../jsonrpc/validate.js';
import type { ConsumerRecord, Kafka, KafkaError } from '../../kafka/port.js';
import type { Coalescer, Outcome } from '../coalesce.js';
import type { Envelope } from '../envelope.js';
import { HeldRequests } from '../held-requests.js';
import type { ReplyListener } from '../inbox.js';
import type { Routed, Way } from '../route.js';
import type { ClientDialect } from './dialect.js';
import type { Replies } from './replies.js';

/** Milliseconds between looks for a topic that calls wait for. */
const TOPIC_POLL = 250;

/** Its answers come as if from a callstream server: a stream is bound to one. */
const ENVELOPE: Envelope = {
  replyTopic: undefined,
  replyPartition: null,
  correlationId: undefined,
  contentType: undefined,
  callstream: false,
  sender: { topic: '', partition: 0, instance: 'another dialect' },
  bytes: 0,
};

type Message = Request | Notification;

/** A call that waits for an answer. */
class Sent implements Outcome {
  items = 0;
  last: unknown = null;

  constructor(
    readonly call: Routed,
    /** The call takes items one by one. */
    readonly streams: boolean,
    readonly forget: (call: Routed) => void,
  ) {}

  delivered(): void {
    this.call.delivered();
  }

  undelivered(error: RpcError | KafkaError, message: unknown): void {
    this.forget(this.call);
    this.call.undelivered(error, message);
  }
}

export class DialectWay implements Way {
  readonly #kafka: Kafka;
  readonly #coalescer: Coalescer;
  readonly #correlation: ReplyListener;
  readonly #dialect: ClientDialect;
  readonly #replies: Replies;
  /** Digits, which every dialect can carry; unlike those of other clients of the same topics. */
  readonly #prefix = String(randomInt(1e13, 1e14));
  readonly #topics = new Set<string>();
  readonly #sent = new Map<number, Sent>();
  readonly #held = new HeldRequests<Routed>();
  /** For the topics that they wait for. */
  #looking = false;
  #stopLooking: (() => void) | undefined;
  #closed = false;
  obstacle = 'the connection begins';

  constructor(
    kafka: Kafka,
    coalescer: Coalescer,
    correlation: ReplyListener,
    dialect: ClientDialect,
    replies: Replies,
  ) {
    this.#kafka = kafka;
    this.#coalescer = coalescer;
    this.#correlation = correlation;
    this.#dialect = dialect;
    this.#replies = replies;
    replies.listen((record) => this.#onRecord(record));
  }

  /** Sends a request, now or as soon as its topic is there. A call that is under way isn't repeated: its server would run it twice. */
  send(call: Routed, message: Message, key: string | undefined): void {
    if (this.#sent.has(call.id)) return;
    if (!this.#replies.ready || !this.#topics.has(this.#dialect.topicOf(message.method))) {
      this.#held.push({ call, message, key });
      if (!this.#looking) void this.#look();
      return;
    }
    call.onSent();
    const wanted = message.id !== undefined;
    const streams = (message.meta as { credit?: unknown } | undefined)?.credit !== undefined;
    const outcome = wanted ? new Sent(call, streams, this.#forget) : call;
    if (outcome instanceof Sent) this.#sent.set(call.id, outcome);
    const lane = this.#dialect.lane(message, wanted ? `${this.#prefix}${call.id}` : undefined, key);
    this.#coalescer.send(lane, message, outcome);
  }

  /** Nobody waits any more. The server can't be told. */
  cancel(call: Routed): void {
    this.#sent.delete(call.id);
  }

  /** Its servers know no copies. */
  another(): undefined {}

  /** Its servers know no credit. */
  grant(): void {}

  answered(): void {}

  close(): void {
    this.#closed = true;
    this.#stopLooking?.();
    this.#held.take();
    this.#sent.clear();
  }

  readonly #forget = (call: Routed): void => {
    this.#sent.delete(call.id);
  };

  #onRecord(record: ConsumerRecord): void {
    const id = this.#dialect.idOf(record);
    if (id === undefined || !id.startsWith(this.#prefix)) return;
    const sent = this.#sent.get(Number(id.slice(this.#prefix.length)));
    if (sent === undefined) return;
    const reply = this.#dialect.read(record);
    if (reply.kind === 'answer') {
      // Elsewhere a stream's items come in one answer.
      const items = sent.call.plan.kind === 'stream' && reply.error == null ? reply.result : undefined;
      if (Array.isArray(items)) this.#all(sent, items);
      else this.#end(sent, reply);
    } else if (reply.kind === 'item') this.#item(sent, reply.item);
    else if (reply.item !== null) this.#all(sent, [reply.item]);
    else if (sent.items > 0 || sent.call.plan.kind === 'stream') this.#all(sent, []);
    else this.#end(sent, { result: null });
  }

  /** Its last items; to a call that asked for no stream the last of all is the answer. */
  #all(sent: Sent, items: readonly unknown[]): void {
    if (sent.streams) this.#open(sent);
    for (const item of items) this.#item(sent, item);
    this.#end(sent, { result: sent.streams ? null : sent.last });
  }

  #open({ call: { id } }: Sent): void {
    this.#correlation.onStreamMessage(notification('$/open', { id }), ENVELOPE);
  }

  #item(sent: Sent, item: unknown): void {
    const { id } = sent.call;
    sent.last = item;
    const next = notification('$/next', { id, seq: sent.items, items: [item] });
    sent.items += 1;
    this.#correlation.onStreamMessage(next, ENVELOPE);
  }

  #end(sent: Sent, { result, error }: { readonly result?: unknown; readonly error?: unknown }): void {
    const { id } = sent.call;
    this.#sent.delete(id);
    const response =
      error === undefined || error === null
        ? { jsonrpc: '2.0', id, result: result ?? null }
        : { jsonrpc: '2.0', id, error: typeof error === 'object' ? error : { message: String(error) } };
    const valid = validate(response);
    const answer = (isRight(valid) ? valid.right : valid.left) as Response;
    this.#correlation.onResponse(answer, ENVELOPE);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    try {
      this.obstacle = await this.#ready();
    } catch (error) {
      this.obstacle = String(error);
    }
    if (this.#closed) return;
    const isReady = ({ message }: { message: Message }) =>
      this.#replies.ready && this.#topics.has(this.#dialect.topicOf(message.method));
    for (const one of this.#held.take()) {
      if (isReady(one)) this.send(one.call, one.message, one.key);
      else this.#held.push(one);
    }
    this.#looking = this.#held.waiting().length > 0;
    if (this.#looking) {
      this.#stopLooking = this.#kafka.clock.after(TOPIC_POLL, () => void this.#look());
    }
  }

  /** The answers are read first: none may come too early. */
  async #ready(): Promise<string> {
    await this.#replies.open();
    let missing = '';
    for (const topic of new Set(
      this.#held.waiting().map(({ message }) => this.#dialect.topicOf(message.method)),
    )) {
      if ((await this.#kafka.partitions(topic)) === undefined) missing = topic;
      else this.#topics.add(topic);
    }
    return `no topic ${missing}: is the service running?`;
  }
}
