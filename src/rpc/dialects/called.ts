/** The ways of one connection to services of other dialects, and the readers of answers that they share. */
import type { Kafka, KafkaError } from '../../kafka/port.js';
import type { Coalescer } from '../coalesce.js';
import type { Peer } from '../envelope.js';
import type { ReplyListener } from '../inbox.js';
import { Replies } from './replies.js';
import { chosen, type ClientInterop } from './table.js';
import { DialectWay } from './way.js';

/** What the ways need of their connection. */
export interface CalledContext {
  readonly kafka: Kafka;
  readonly coalescer: Coalescer;
  readonly correlation: ReplyListener;
  readonly peer: Peer;
  readonly onError: (error: KafkaError) => void;
}

export class CalledDialects {
  readonly #context: CalledContext;
  readonly #ways = new Map<string, DialectWay>();
  readonly #replies = new Map<string, Replies>();

  constructor(context: CalledContext) {
    this.#context = context;
  }

  /** One a service and options. */
  way(service: string, interop: ClientInterop): DialectWay {
    const id = JSON.stringify([service, interop]);
    let way = this.#ways.get(id);
    if (way === undefined) {
      const [[dialect, options] = [], another] = chosen(interop);
      if (dialect === undefined || another !== undefined) {
        throw new TypeError('interop: expected one dialect: a service is called in one');
      }
      const { kafka, coalescer, correlation, peer } = this.#context;
      const called = dialect.call(service, options, peer);
      way = new DialectWay(kafka, coalescer, correlation, called, this.#repliesOn(called.replies));
      this.#ways.set(id, way);
    }
    return way;
  }

  close(): void {
    for (const way of this.#ways.values()) way.close();
  }

  #repliesOn(where: { topic: string; partition?: number; partitions: number }): Replies {
    const id = `${where.topic}/${where.partition ?? 'all'}`;
    let replies = this.#replies.get(id);
    if (replies === undefined) {
      replies = new Replies(this.#context.kafka, where, this.#context.onError);
      this.#replies.set(id, replies);
    }
    return replies;
  }
}
