/**
 * The records of one topic for answers, read without a group from the end on, for all of a
 * connection's clients that expect answers there.
 */
import type { ConsumerRecord, Kafka, KafkaError } from '../../kafka/port.js';

type Listener = (record: ConsumerRecord) => void;

export class Replies {
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #partition: number | undefined;
  readonly #partitions: number;
  readonly #onError: (error: KafkaError) => void;
  readonly #listeners: Listener[] = [];
  #opening: Promise<void> | undefined;
  /** In position: whatever is sent from now on arrives. */
  ready = false;

  /** `partition`: the only one to read; `partitions`: of the topic where it is missing. */
  constructor(
    kafka: Kafka,
    { topic, partition, partitions }: { topic: string; partition?: number; partitions: number },
    onError: (error: KafkaError) => void,
  ) {
    this.#kafka = kafka;
    this.#topic = topic;
    this.#partition = partition;
    this.#partitions = partitions;
    this.#onError = onError;
  }

  listen(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Resolves in position; a failure is for who waits, the next tries again. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const topic = this.#topic;
    let size = await this.#kafka.partitions(topic);
    if (size === undefined) {
      await this.#kafka.createTopic({ topic, partitions: this.#partitions });
      size = (await this.#kafka.partitions(topic)) ?? this.#partitions;
    }
    const all = Array.from({ length: size }, (_, partition) => partition);
    const from = await Promise.all(
      (this.#partition === undefined ? all : [this.#partition]).map(async (partition) => {
        const { high } = await this.#kafka.watermarks({ topic, partition });
        return { topic, partition, offset: high };
      }),
    );
    await this.#kafka.assign(from, {
      onRecord: (record) => {
        for (const listener of this.#listeners) listener(record);
      },
      onError: this.#onError,
    });
    this.ready = true;
  }
}
