/**
 * The way from a client to every instance of a service, in the place of a Route: one record for each
 * partition of the inbox topic, with the service's name as its correlation id (design: broadcast).
 * Above: gather.ts. Below: coalesce.
 */
import type { Codec } from '../jsonrpc/codec.js';
import { type Notification, notification, type Request } from '../jsonrpc/message.js';
import { type Kafka, KafkaError } from '../kafka/port.js';
import { type Coalescer, Lane } from './coalesce.js';
import { controlHeaders, type Peer } from './envelope.js';
import { inTime } from './held-requests.js';
import type { Routed, Way } from './route.js';

export class Broadcast implements Way {
  readonly obstacle: string;
  readonly #kafka: Kafka;
  readonly #coalescer: Coalescer;
  readonly #service: string;
  readonly #codec: Codec;
  readonly #inbox: Peer;
  /** One a partition of the inbox topic. */
  #lanes: readonly Lane[] = [];

  constructor(kafka: Kafka, coalescer: Coalescer, service: string, codec: Codec, inbox: Peer) {
    this.obstacle = `the partitions of ${inbox.topic} are not known yet`;
    this.#kafka = kafka;
    this.#coalescer = coalescer;
    this.#service = service;
    this.#codec = codec;
    this.#inbox = inbox;
  }

  /** Records that a request takes, as it was sent last. */
  get partitions(): number {
    return this.#lanes.length;
  }

  /** Sends a request to all partitions that there are now; a partition that can't be reached fails the call. */
  send(call: Routed, message: Request | Notification): void {
    this.#look().then(
      () => {
        if (call.ended) return;
        const sent = inTime(message, call, this.#kafka.clock.now());
        call.onSent();
        for (const lane of this.#lanes) this.#coalescer.send(lane, sent, call);
      },
      (error: unknown) => {
        const { reason, message: why } =
          error instanceof KafkaError ? error : new KafkaError('failed', `${error}`);
        call.undelivered(new KafkaError(reason, why, { notSent: true }), message);
      },
    );
  }

  /** Sends `$/cancel` to everyone who may have the call. */
  cancel(call: Routed): void {
    const cancel = notification('$/cancel', { id: call.id });
    for (const lane of this.#lanes) this.#coalescer.send(lane, cancel);
  }

  /** There is nobody else. */
  another(): undefined {}

  /** What is asked of many has one answer each: no credit, and nobody's partition. */
  grant(): void {}

  answered(): void {}

  async #look(): Promise<void> {
    const { topic } = this.#inbox;
    const partitions = await this.#kafka.partitions(topic);
    if (partitions === undefined) throw new KafkaError('no topic', `no topic ${topic}`);
    if (partitions === this.#lanes.length) return;
    const headers = controlHeaders({ ...this.#inbox, instance: this.#service }, this.#inbox, this.#codec);
    this.#lanes = Array.from(
      { length: partitions },
      (_, partition) => new Lane(topic, partition, headers, this.#codec),
    );
  }
}
