/**
 * Keeps a group's stream on the topics that match its pattern: looks from time to time for those that have come and
 * those that are gone. Used by reading.
 */
import { type GroupMember, KafkaError, type TopicPartitionOffset } from './port.js';
import type { ReadContext } from './topic-context.js';
import type { ReadSettings } from './topic-options.js';

export class Following {
  readonly #context: ReadContext<any, any>;
  readonly #settings: ReadSettings;
  readonly #consumer: GroupMember;
  #names: readonly string[];
  #timer: (() => void) | undefined;
  #stopped = false;

  constructor(
    context: ReadContext<any, any>,
    settings: ReadSettings,
    consumer: GroupMember,
    names: readonly string[],
  ) {
    this.#context = context;
    this.#settings = settings;
    this.#consumer = consumer;
    this.#names = names;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#context.kafka.clock.after(this.#settings.metadataInterval, () => {
      void this.#look()
        .catch((error) => this.#warn(error))
        .then(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.();
  }

  async #look(): Promise<void> {
    const found = await this.#context.selection.find(this.#context.kafka);
    const come = found.filter((name) => !this.#names.includes(name));
    if (come.length === 0 && found.length === this.#names.length) return;
    const begin = this.#settings.from === 'latest' ? await this.#lows(come) : [];
    if (this.#stopped) return;
    this.#names = found;
    this.#consumer.resubscribe(found, begin);
  }

  /** All of a topic that has come is younger than the stream, so that its latest is its first. */
  async #lows(topics: readonly string[]): Promise<TopicPartitionOffset[]> {
    const { kafka } = this.#context;
    const lows: TopicPartitionOffset[] = [];
    for (const topic of topics) {
      const count = (await kafka.partitions(topic)) ?? 0;
      for (let partition = 0; partition < count; partition += 1) {
        const { low } = await kafka.watermarks({ topic, partition });
        lows.push({ topic, partition, offset: low });
      }
    }
    return lows;
  }

  /** While none is there, those that were are kept. */
  #warn(error: unknown): void {
    if (this.#stopped || (error instanceof KafkaError && error.reason === 'no topic')) return;
    const told = error instanceof KafkaError ? error : new KafkaError('failed', String(error));
    this.#context.tell({ type: 'error', group: this.#settings.group, error: told });
  }
}
