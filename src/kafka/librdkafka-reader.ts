/**
 * A consumer of explicit partitions and offsets, without a group: reads what it was assigned until it is closed.
 * Above it stands librdkafka.ts, below it one flow after another.
 */
import type { Binding } from './librdkafka-binding.js';
import { Delivery } from './librdkafka-delivery.js';
import { toKafkaError } from './librdkafka-error.js';
import { Flow } from './librdkafka-flow.js';
import { Flows } from './librdkafka-flows.js';
import { type Base, consumerProperties } from './librdkafka-properties.js';
import {
  type Consumer,
  type ConsumerHandlers,
  KafkaError,
  type ReadingOptions,
  type TopicPartition,
  type TopicPartitionOffset,
} from './port.js';

/** librdkafka wants a group's name, and looks for its coordinator, even where nothing is committed or joined. */
export const READER_GROUP = 'callstream.reader';

export interface ConsumerSettings {
  readonly binding: Binding;
  readonly base: Base;
  readonly connectTimeout: number;
  readonly watermarks: (at: TopicPartition) => Promise<{ readonly low: number; readonly high: number }>;
  /** Told when a consumer has closed. */
  readonly onClosed: (consumer: Consumer) => void;
}

export class Reader implements Consumer {
  readonly #settings: ConsumerSettings;
  readonly #handlers: ConsumerHandlers;
  readonly #options: ReadingOptions;
  readonly #doing: string;
  readonly #delivery: Delivery;
  readonly #flows: Flows;
  #closed: Promise<void> | undefined;

  constructor(
    settings: ConsumerSettings,
    from: readonly TopicPartitionOffset[],
    handlers: ConsumerHandlers,
    options: ReadingOptions,
  ) {
    this.#settings = settings;
    this.#options = options;
    // The text of an error, of a right that is missing say, doesn't name the topic.
    this.#doing = `Reading ${[...new Set(from.map(({ topic }) => topic))].join(', ')}`;
    this.#handlers = handlers;
    this.#flows = new Flows(
      () => this.#open(),
      () => this.#delivery.partitions,
      (error) => handlers.onError(error),
    );
    this.#delivery = new Delivery(handlers, this.#flows);
    this.#delivery.add(from);
  }

  /** Resolves when reading has begun; offsets are explicit, so nothing produced meanwhile is missed. */
  async start(): Promise<this> {
    try {
      await this.#flows.start();
      return this;
    } catch (error) {
      await this.close();
      throw toKafkaError(error as Error, 'Opening a consumer');
    }
  }

  pause(): void {
    this.#delivery.pause();
  }

  resume(): void {
    this.#delivery.resume();
  }

  async commit(): Promise<void> {
    throw new KafkaError('failed', 'A consumer without a group has nowhere to commit to');
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#delivery.stop();
    await this.#flows.close();
    this.#settings.onClosed(this);
  }

  async #open(): Promise<Flow> {
    const { binding, base, connectTimeout } = this.#settings;
    // Where a record is gone that was to be read, reading goes on with the oldest that is left.
    const properties = consumerProperties(base, {
      group: READER_GROUP,
      from: 'earliest',
      isolation: this.#options.isolation,
      ends: this.#delivery.ends,
    });
    const flow = new Flow(binding, properties, {
      onMessage: (message) => {
        this.#flows.alive();
        this.#delivery.accept(message);
      },
      onEnd: this.#delivery.end,
      onWarning: (error) => this.#handlers.onError(toKafkaError(error, this.#doing)),
      onDeath: (error) => this.#flows.died(toKafkaError(error, this.#doing)),
    });
    // Where the last flow got to; what it brought while paused is kept.
    const positions = this.#delivery.positions();
    await flow.open(connectTimeout, (native) => {
      native.assign(positions);
      if (this.#delivery.holding) native.pause(positions);
    });
    return flow;
  }
}
