/**
 * Kafka's transactions: a native producer of its own with a `transactional.id`. Above it stands librdkafka.ts, below
 * it the producer. Each call but `send` holds one of libuv's threads until the broker has answered.
 */
import type { Binding, NativeError, NativeProducer } from './librdkafka-binding.js';
import { codeOf, toKafkaError } from './librdkafka-error.js';
import { Member } from './librdkafka-member.js';
import { LibrdkafkaProducer } from './librdkafka-producer.js';
import { type Base, transactionalBase } from './librdkafka-properties.js';
import {
  type Consumer,
  type DeliveryReport,
  KafkaError,
  type ProducerRecord,
  type TopicPartitionOffset,
  type TransactionalOptions,
  type TransactionalProducer,
} from './port.js';

/** The binding's own default of 5 s would give a commit up that the broker goes on with. */
const REST_OF_TRANSACTION = -1;

/** How often a call is tried that librdkafka calls retriable, which goes on where it was. */
const TRIES = 3;

type Callback = (error: NativeError | null) => void;

/** The binding copies these from librdkafka's error; what it makes itself, for a closed handle, has garbage in them. */
type TransactionError = NativeError & { readonly isRetriable?: boolean };

export class LibrdkafkaTransactions implements TransactionalProducer {
  readonly #options: TransactionalOptions;
  readonly #producer: LibrdkafkaProducer;
  readonly #onClosed: () => void;
  readonly #embedded: boolean;
  /** One call at a time: librdkafka refuses a second, and a close under a call would free its handle. */
  #calls: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(binding: Binding, base: Base, options: TransactionalOptions, onClosed: () => void) {
    this.#options = options;
    this.#embedded = base.embedded;
    this.#onClosed = onClosed;
    this.#producer = new LibrdkafkaProducer(binding, transactionalBase(base, options), () => {});
  }

  /** Rejects, and closes, where the transactions can't begin. */
  async open(timeout: number): Promise<void> {
    try {
      if (this.#embedded)
        throw new KafkaError(
          'failed',
          'The embedded cluster has no transactions: it neither hides nor undoes what an aborted one wrote. They need a Kafka.',
        );
      await this.#producer.connect(timeout);
      await this.#call('Beginning', (native, done) => native.initTransactions(this.#options.timeout, done));
    } catch (error) {
      await this.close();
      throw toKafkaError(error as Error, `Opening the transactions of ${this.#options.id}`);
    }
  }

  begin(): Promise<void> {
    return this.#call('Beginning a transaction', (native, done) => native.beginTransaction(done));
  }

  send(record: ProducerRecord): Promise<DeliveryReport> {
    return this.#producer.send(record);
  }

  sendOffsets(offsets: readonly TopicPartitionOffset[], consumer: Consumer): Promise<void> {
    if (!(consumer instanceof Member))
      return Promise.reject(new KafkaError('failed', 'Offsets belong to a group: this consumer has none'));
    return consumer.lend(offsets, (member) =>
      this.#call('Sending offsets', (native, done) =>
        native.sendOffsetsToTransaction([...offsets], member, this.#options.timeout, done),
      ),
    );
  }

  commit(): Promise<void> {
    return this.#call('Committing', (native, done) => native.commitTransaction(REST_OF_TRANSACTION, done));
  }

  abort(): Promise<void> {
    return this.#call('Aborting', (native, done) => native.abortTransaction(REST_OF_TRANSACTION, done));
  }

  close(): Promise<void> {
    this.#closed ??= this.#calls.then(async () => {
      await this.#producer.close();
      this.#onClosed();
    });
    return this.#closed;
  }

  #call(doing: string, work: (native: NativeProducer, done: Callback) => void): Promise<void> {
    const result = this.#calls.then(() => this.#try(doing, work, TRIES));
    this.#calls = result.catch(() => {});
    return result;
  }

  #try(doing: string, work: (native: NativeProducer, done: Callback) => void, tries: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const { handle } = this.#producer;
      if (this.#closed || !handle.isConnected()) {
        reject(new KafkaError('closed', `${doing}: the transactions of ${this.#options.id} are closed`));
        return;
      }
      work(handle, (error: TransactionError | null) => {
        if (error === null) resolve();
        else if (error.isRetriable === true && tries > 1) resolve(this.#try(doing, work, tries - 1));
        else reject(this.#error(error, doing));
      });
    });
  }

  #error(error: TransactionError, doing: string): KafkaError {
    const { reason, message } = toKafkaError(error, `${doing} as ${this.#options.id}`);
    const code = codeOf(error);
    const why =
      reason === 'fenced' ? `${message}: another producer has opened this transactional id` : message;
    return new KafkaError(reason, why, code === undefined ? {} : { code });
  }
}
