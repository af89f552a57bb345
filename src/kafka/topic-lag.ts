/**
 * How far a stream is behind: asks for the ends of its partitions from time to time, while somebody looks at the
 * topic's events. Used by reading.
 */
import { PartitionMap } from './partition-map.js';
import type { TopicPartition, TopicPartitionOffset } from './port.js';
import type { ReadContext } from './topic-context.js';
import type { ReadSettings } from './topic-options.js';

export class Lag {
  readonly #context: ReadContext<any, any>;
  readonly #settings: ReadSettings;
  readonly #assigned: () => readonly TopicPartition[];
  /** The next offset of each partition; none where nothing has arrived yet. */
  readonly #next = new PartitionMap<number>();
  #timer: (() => void) | undefined;

  constructor(
    context: ReadContext<any, any>,
    settings: ReadSettings,
    assigned: () => readonly TopicPartition[],
  ) {
    this.#context = context;
    this.#settings = settings;
    this.#assigned = assigned;
  }

  start(): void {
    this.#timer = this.#context.kafka.clock.after(this.#settings.lagInterval, () => {
      this.start();
      if (this.#context.observed) void this.#ask();
    });
  }

  stop(): void {
    this.#timer?.();
  }

  passed(record: TopicPartitionOffset): void {
    this.#next.set(record, record.offset + 1);
  }

  async #ask(): Promise<void> {
    const { kafka, tell } = this.#context;
    for (const { topic, partition } of this.#assigned()) {
      const next = this.#next.get({ topic, partition });
      const marks = await kafka.watermarks({ topic, partition }).catch(() => undefined);
      if (marks === undefined || next === undefined) continue;
      tell({
        type: 'lag',
        group: this.#settings.group,
        topic,
        partition,
        lag: Math.max(0, marks.high - next),
      });
    }
  }
}
