/**
 * One attempt at a batch: works on its records, a bounded number at once, and writes what the work gives into the open
 * transaction, in the order of the records. The batch begins another one where it fails; below it is the producer.
 */
import { Subscription } from 'rxjs';
import type { Clock } from '../clock.js';
import {
  type ConsumerRecord,
  KafkaError,
  type ProducerRecord,
  type TransactionalProducer,
} from '../kafka/port.js';
import { wrong } from '../kafka/topic-options.js';
import type { TopicRecord } from '../kafka/topic-record.js';
import { resultOf, type Work } from './work.js';

/** A record to write in a transaction: what `topic.toRecord(value)` gives, or one of bytes. */
export type Output = Omit<ProducerRecord, 'partition'> & {
  /** @default the key's, a random one without a key */
  readonly partition?: number | null;
};

/** What the work on a record gives: outputs, one by one or in arrays, or nothing. */
export type OutputWork<V, K> = (
  record: TopicRecord<V, K>,
) => Work<Output | readonly Output[] | undefined | void>;

/** A record of a batch, through all attempts at it. */
export interface Item<V, K> {
  readonly raw: ConsumerRecord;
  /** Undefined where it didn't decode. */
  readonly record: TopicRecord<V, K> | undefined;
  /** Attempts that failed because of it. */
  failures: number;
  /** What is written for it in place of its outputs. */
  letter: ProducerRecord | undefined;
  /** Told when it is committed. */
  readonly done?: () => void;
}

/** An attempt failed because of one record. */
export class ItemFailure {
  readonly item: Item<any, any>;
  readonly cause: unknown;

  constructor(item: Item<any, any>, cause: unknown) {
    this.item = item;
    this.cause = cause;
  }
}

export interface AttemptSettings<V, K> {
  readonly clock: Clock;
  readonly producer: TransactionalProducer;
  readonly work: OutputWork<V, K>;
  readonly concurrency: number;
  /** Milliseconds for all of it. */
  readonly limit: number;
}

/** Outputs without a delivery report; more wait with their records. */
const MAX_IN_FLIGHT = 10_000;

/** Kafka refuses the record, not the client: trying again is of no use, another record may do. */
const REFUSED = new Set(['no topic', 'denied', 'too large']);

interface Slot<V, K> {
  readonly item: Item<V, K>;
  readonly outputs: ProducerRecord[];
  written: number;
  finished: boolean;
}

export class Attempt<V, K> {
  /** Resolves when the records are all that there will be, and all that their work gave is written. */
  readonly result: Promise<void>;
  produced = 0;
  readonly #settings: AttemptSettings<V, K>;
  /** In order of the records: written up to #written, begun up to #begun. */
  readonly #slots: Slot<V, K>[] = [];
  readonly #work = new Subscription();
  readonly #stopLimit: () => void;
  #resolve!: () => void;
  #reject!: (failure: unknown) => void;
  #written = 0;
  #begun = 0;
  #running = 0;
  #inFlight = 0;
  #writing = false;
  #ended = false;
  #settled = false;

  constructor(settings: AttemptSettings<V, K>) {
    this.#settings = settings;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#stopLimit = settings.clock.after(settings.limit, () => {
      const { item } = this.#slots[this.#written] ?? {};
      const error = new KafkaError('failed', `A transaction's work was not done within ${settings.limit} ms`);
      this.fail(item === undefined ? error : new ItemFailure(item, error));
    });
  }

  push(item: Item<V, K>): void {
    this.#slots.push({ item, outputs: [], written: 0, finished: false });
    this.#begin();
  }

  /** There will be no more records. */
  end(): void {
    this.#ended = true;
    this.#check();
  }

  /** Unsubscribes from the work and rejects. */
  fail(failure: unknown): void {
    if (this.#settled) return;
    this.#stop();
    this.#reject(failure);
  }

  #begin(): void {
    const { concurrency } = this.#settings;
    while (!this.#settled && this.#running < concurrency && this.#begun < this.#slots.length) {
      const slot = this.#slots[this.#begun] as Slot<V, K>;
      this.#begun += 1;
      this.#running += 1;
      this.#run(slot);
    }
  }

  #run(slot: Slot<V, K>): void {
    const { letter, record } = slot.item;
    const finish = (): void => {
      slot.finished = true;
      this.#running -= 1;
      this.#write();
      this.#begin();
    };
    if (letter !== undefined || record === undefined) {
      if (letter !== undefined) slot.outputs.push(letter);
      finish();
      return;
    }
    const fail = (error: unknown): void => this.fail(new ItemFailure(slot.item, error));
    const subscription = resultOf(this.#settings.work, record).subscribe({
      next: (given) => {
        try {
          for (const output of Array.isArray(given) ? given : [given])
            if (output !== undefined && output !== null) slot.outputs.push(checked(output));
        } catch (error) {
          fail(error);
        }
      },
      error: fail,
      complete: () => {
        if (!this.#settled) finish();
      },
    });
    this.#work.add(subscription);
  }

  /** What can be written now, in order. */
  #write(): void {
    if (this.#writing) return;
    this.#writing = true;
    for (let slot = this.#slots[this.#written]; slot?.finished && !this.#settled; ) {
      const output = slot.outputs[slot.written];
      if (output === undefined) {
        this.#written += 1;
        slot = this.#slots[this.#written];
      } else {
        if (this.#inFlight >= MAX_IN_FLIGHT) break;
        slot.written += 1;
        this.#send(output, slot.item);
      }
    }
    this.#writing = false;
    this.#check();
  }

  #send(output: ProducerRecord, item: Item<V, K>): void {
    this.#inFlight += 1;
    this.produced += 1;
    this.#settings.producer.send(output).then(
      () => {
        this.#inFlight -= 1;
        this.#write();
      },
      (error: KafkaError) => {
        const its = REFUSED.has(error.reason) || (error.reason === 'failed' && error.notSent);
        this.fail(its ? new ItemFailure(item, error) : error);
      },
    );
  }

  #check(): void {
    if (this.#settled || !this.#ended || this.#written < this.#slots.length || this.#inFlight > 0) return;
    this.#stop();
    this.#resolve();
  }

  #stop(): void {
    this.#settled = true;
    this.#stopLimit();
    this.#work.unsubscribe();
  }
}

function checked(output: Output): ProducerRecord {
  const { topic, value, partition = null } = output;
  if (typeof topic !== 'string') throw wrong("an output's topic", 'the name of a topic', topic);
  if (value !== null && !Buffer.isBuffer(value))
    throw wrong("an output's value", 'a Buffer or null (`topic.toRecord(value)` makes it)', typeof value);
  return { ...output, partition };
}
