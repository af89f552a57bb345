/** The ways of one connection to services of other dialects, and the readers of answers that they share. */
import type { Kafka } from '../../kafka/port.js';
import type { Coalescer } from '../coalesce.js';
import type { Correlation, Link } from '../correlation.js';
import type { Peer } from '../envelope.js';
import type { ServerIssue } from '../server-settings.js';
import { Replies } from './replies.js';
import { type ClientInterop, chosen } from './table.js';
import { DialectWay } from './way.js';

/** Milliseconds; peers of other kinds give no sign of life within a stream. */
const NO_LEASE = 2_147_483_647;

export class CalledDialects {
  readonly #correlation: Correlation;
  readonly #kafka: Kafka;
  readonly #coalescer: Coalescer;
  readonly #peer: Peer;
  readonly #onIssue: (issue: ServerIssue) => void;
  readonly #ways = new Map<string, DialectWay>();
  readonly #replies = new Map<string, Replies>();

  constructor(
    correlation: Correlation,
    kafka: Kafka,
    coalescer: Coalescer,
    peer: Peer,
    onIssue: (issue: ServerIssue) => void,
  ) {
    this.#correlation = correlation;
    this.#kafka = kafka;
    this.#coalescer = coalescer;
    this.#peer = peer;
    this.#onIssue = onIssue;
  }

  /** What the calls of a client share. */
  link(service: string, interop: ClientInterop): Link {
    return { correlation: this.#correlation, route: this.#way(service, interop), lease: NO_LEASE };
  }

  /** One a service and options. */
  #way(service: string, interop: ClientInterop): DialectWay {
    const id = JSON.stringify([service, interop]);
    let way = this.#ways.get(id);
    if (way === undefined) {
      const [[dialect, options] = [], another] = chosen(interop);
      if (dialect === undefined || another !== undefined) {
        throw new TypeError('interop: expected one dialect: a service is called in one');
      }
      const called = dialect.call(service, options, this.#peer);
      const replies = this.#repliesOn(called.replies);
      way = new DialectWay(this.#kafka, this.#coalescer, this.#correlation, called, replies);
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
      replies = new Replies(this.#kafka, where, (cause) =>
        this.#onIssue({ kind: 'kafka', message: cause.message, cause }),
      );
      this.#replies.set(id, replies);
    }
    return replies;
  }
}
