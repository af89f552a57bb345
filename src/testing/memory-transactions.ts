/** A producer of transactions whose broker is in memory. */
import {
  type Consumer,
  type DeliveryReport,
  type Kafka,
  KafkaError,
  type ProducerRecord,
  sendOne,
  type TopicPartitionOffset,
  type TransactionalProducer,
} from '../kafka/port.js';
import { GroupConsumer } from './group-consumer.js';
import type { MemoryLink } from './memory-link.js';
import { MemoryProducer, type ProducerBroker } from './memory-producer.js';
import type { Claim, Coordinator } from './transaction-coordinator.js';

export class MemoryTransactions implements TransactionalProducer {
  readonly #client: Kafka;
  readonly #coordinator: Coordinator;
  readonly #link: MemoryLink;
  readonly #claim: Claim;
  readonly #producer: MemoryProducer;
  readonly #onClosed: () => void;
  #open = false;
  /** A record of the open transaction failed: as with librdkafka, it can only be aborted. */
  #failed = false;
  #closed = false;

  constructor(
    client: Kafka,
    broker: ProducerBroker & { readonly transactions: Coordinator },
    link: MemoryLink,
    claim: Claim,
    onClosed: () => void,
  ) {
    this.#client = client;
    this.#coordinator = broker.transactions;
    this.#link = link;
    this.#claim = claim;
    this.#onClosed = onClosed;
    const own: ProducerBroker = {
      ...broker,
      append: (log, record, extraDelay) =>
        this.#coordinator.append(claim, log, record, link.base.now() + link.hop() + extraDelay),
    };
    this.#producer = new MemoryProducer(client, own, link);
  }

  async begin(): Promise<void> {
    this.#check(false);
    this.#open = true;
    this.#failed = false;
  }

  async send(record: ProducerRecord): Promise<DeliveryReport> {
    this.#check(true);
    try {
      return await sendOne(this.#producer, {
        ...record,
        timestamp: record.timestamp ?? this.#client.clock.now(),
      });
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  async sendOffsets(offsets: readonly TopicPartitionOffset[], consumer: Consumer): Promise<void> {
    this.#check(true);
    if (!(consumer instanceof GroupConsumer))
      throw new KafkaError('failed', 'Offsets belong to a group: this consumer has none');
    const member = consumer.membership(offsets);
    const copy = offsets.map((at) => ({ ...at }));
    await this.#link.request(() => this.#coordinator.stage(this.#claim, member, copy));
  }

  async commit(): Promise<void> {
    this.#check(true);
    if (this.#failed) throw new KafkaError('failed', 'A record of the transaction failed: abort it');
    await this.#link.request(() => this.#coordinator.end(this.#claim, 'committed'));
    this.#open = false;
  }

  async abort(): Promise<void> {
    this.#check(true);
    // What is on its way would arrive behind the abort.
    while (this.#producer.pending > 0) await this.#producer.flush(this.#link.hop() + 1);
    await this.#link.request(() => this.#coordinator.end(this.#claim, 'aborted'));
    this.#open = false;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#producer.close();
    this.#onClosed();
  }

  #check(open: boolean): void {
    if (this.#closed) throw new KafkaError('closed', 'these transactions are closed', { notSent: true });
    if (this.#open !== open)
      throw new KafkaError('failed', open ? 'no transaction is open' : 'a transaction is open', {
        code: -172,
      });
  }
}
