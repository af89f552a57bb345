/**
 * The topics that a connection owns: made where they are missing, with timestamps that its clients set; and made again
 * where the brokers come back without them, as those of a cluster do that keeps nothing. Above: connection.ts.
 */
import { filter, skip } from 'rxjs';
import type { Kafka, KafkaError, TopicSpec } from '../kafka/port.js';
import { count, milliseconds } from './options.js';
import type { ServerIssue } from './server-settings.js';

interface Own {
  readonly spec: TopicSpec;
  readonly again: () => void;
}

export class OwnTopics {
  readonly #kafka: Kafka;
  readonly #own = new Map<string, Own>();

  constructor(kafka: Kafka, onIssue: (issue: ServerIssue) => void) {
    this.#kafka = kafka;
    const failed = (cause: KafkaError) => onIssue({ kind: 'kafka', message: cause.message, cause });
    // The status tells at once what it is; it completes with Kafka.
    const back$ = kafka.status$.pipe(
      skip(1),
      filter(({ state }) => state === 'connected'),
    );
    back$.subscribe(() => {
      for (const { spec, again } of this.#own.values())
        kafka.createTopic(spec).then((done) => done === 'created' && again(), failed);
    });
  }

  /** `retention` in milliseconds; `again` is told when the topic had to be made once more. */
  async create(
    topic: string,
    partitions: number,
    retention: number,
    again: () => void = () => {},
  ): Promise<void> {
    const spec: TopicSpec = {
      topic,
      partitions: count('partitions', partitions),
      config: {
        'retention.ms': String(milliseconds('retention', retention)),
        'message.timestamp.type': 'CreateTime',
      },
    };
    await this.#kafka.createTopic(spec);
    this.#own.set(topic, { spec, again });
  }

  /** Those of whom `again` would be told: they aren't made again. */
  disown(again: () => void): void {
    for (const [topic, own] of this.#own) if (own.again === again) this.#own.delete(topic);
  }
}
