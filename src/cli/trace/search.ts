/**
 * Where a call is looked for: in the topics of requests first, then in those where the requests have their
 * answers sent, in the inbox topic, and in those of the servers that answer, which get its control messages.
 */
import { filter, type MonoTypeOperatorFunction, type Observable } from 'rxjs';
import type { Connection, TopicRecord } from '../../index.js';
import type { TracedCalls } from './calls.js';
import { type Sighting, sightingsOf } from './sighting.js';

type Record = TopicRecord<Buffer, Buffer>;

export class Search {
  readonly topics = new Set<string>();
  /** Topics that requests name and that aren't there, or may not be seen. */
  readonly missing = new Set<string>();
  records = 0;
  readonly #waiting = new Set<string>();

  constructor(
    readonly connection: Connection,
    readonly id: string,
    readonly since: Date | 'earliest',
    readonly calls: TracedCalls,
  ) {}

  /** Reads what is there now, from `since` on, and ends early where `ending` does. */
  async run(requests: readonly string[], ending: MonoTypeOperatorFunction<Record>): Promise<void> {
    const there = new Set(await this.connection.topicNames());
    await this.#read(requests, ending);
    this.#waiting.add(this.connection.inbox.topic);
    while (this.#waiting.size > 0) {
      const next = [...this.#waiting].filter((topic) => !this.topics.has(topic));
      this.#waiting.clear();
      for (const topic of next) if (!there.has(topic)) this.missing.add(topic);
      await this.#read(
        next.filter((topic) => there.has(topic)),
        ending,
      );
    }
  }

  async #read(topics: readonly string[], ending: MonoTypeOperatorFunction<Record>): Promise<void> {
    if (topics.length === 0) return;
    for (const topic of topics) this.topics.add(topic);
    await this.#records$(topics)
      .pipe(ending)
      .forEach((record) => {
        this.records += 1;
        for (const sighting of sightingsOf(record, this.id)) {
          this.calls.add(sighting);
          this.#follow(sighting);
        }
      });
  }

  #records$(topics: readonly string[]): Observable<Record> {
    const { since, connection } = this;
    // The embedded cluster can't look a time up.
    const from = connection.embedded ? 'earliest' : since;
    const records$ = connection.topics(topics, { codec: 'raw' }).records$({ from, to: 'now' });
    return since === 'earliest'
      ? records$
      : records$.pipe(filter(({ timestamp }) => timestamp >= since.getTime()));
  }

  #follow({ sender, replyTopic, service, message }: Sighting): void {
    if (sender !== undefined) this.#want(sender.topic);
    else if (replyTopic !== undefined) this.#want(replyTopic);
    else if (message.method !== undefined && service !== undefined) this.#want(`${service}.replies`);
  }

  #want(topic: string): void {
    if (!this.topics.has(topic) && !this.missing.has(topic)) this.#waiting.add(topic);
  }
}
