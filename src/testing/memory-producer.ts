/** The sending half of a client: records in order for each partition, a delivery report for each. */
import {
  type DeliveryObserver,
  type DeliveryReport,
  type Kafka,
  KafkaError,
  type ProducerRecord,
} from '../kafka/port.js';
import type { Effect } from './faults.js';
import type { Lane } from './lane.js';
import type { MemoryLink } from './memory-link.js';
import { type MemoryLog, type StoredRecord, stored } from './memory-log.js';

/** What the broker gives a producer. */
export interface ProducerBroker {
  readonly maxRecordBytes: number;
  readonly maxQueued: number;
  readonly deliveryTimeout: number;
  /** The partition for a record, or undefined where there is none. */
  route(record: ProducerRecord): MemoryLog | undefined;
  mayWrite(topic: string): boolean;
  effectOn(record: ProducerRecord, partition: number, client: Kafka): Readonly<Effect>;
  /** Throws where it is refused. */
  append(log: MemoryLog, record: StoredRecord, extraDelay: number): number;
}

interface Ways {
  readonly there: Lane;
  readonly back: Lane;
}

interface Pending {
  readonly since: number;
  settled: boolean;
  readonly observer: DeliveryObserver;
  readonly token: number;
}

export class MemoryProducer {
  readonly #client: Kafka;
  readonly #broker: ProducerBroker;
  readonly #link: MemoryLink;
  readonly #ways = new Map<MemoryLog | undefined, Ways>();
  readonly #pending = new Set<Pending>();
  readonly #flushed = new Set<() => void>();
  #stopExpiry: (() => void) | undefined;

  constructor(client: Kafka, broker: ProducerBroker, link: MemoryLink) {
    this.#client = client;
    this.#broker = broker;
    this.#link = link;
    link.onChange(() => this.#watchExpiry());
  }

  /** Records without their delivery report. */
  get pending(): number {
    return this.#pending.size;
  }

  produce(record: ProducerRecord, observer: DeliveryObserver, token: number): KafkaError | undefined {
    const content = stored(record);
    const refusal = this.#refusal(record, content);
    if (refusal !== undefined) return refusal;
    const pending: Pending = { since: this.#link.base.now(), settled: false, observer, token };
    this.#pending.add(pending);
    const log = this.#broker.route(record);
    const effect = this.#broker.effectOn(record, log?.partition ?? -1, this.#client);
    const ways = this.#waysTo(log);
    ways.there.push(this.#link.hop() + effect.delay, () => {
      if (!pending.settled) this.#arrive(record, content, log, effect, ways, pending);
    });
    this.#watchExpiry();
    return undefined;
  }

  flush(timeout: number): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#flushed.delete(done);
        stopWaiting();
        resolve();
      };
      const stopWaiting = this.#link.process.after(timeout, done);
      this.#flushed.add(done);
    });
  }

  close(): void {
    this.#stopExpiry?.();
    for (const ways of this.#ways.values()) {
      ways.there.close();
      ways.back.close();
    }
    for (const pending of this.#pending) {
      this.#settle(pending, new KafkaError('closed', 'closed before the delivery report'));
    }
  }

  #refusal(record: ProducerRecord, { bytes }: StoredRecord): KafkaError | undefined {
    const { maxRecordBytes, maxQueued } = this.#broker;
    if (bytes > maxRecordBytes) {
      const text = `a record of ${bytes} bytes for ${record.topic}: at most ${maxRecordBytes}`;
      return new KafkaError('too large', text, { code: 10, notSent: true });
    }
    if (this.#pending.size >= maxQueued) {
      return new KafkaError('queue full', `${maxQueued} records wait to be sent`, {
        code: -184,
        notSent: true,
      });
    }
    for (const header of record.headers ?? []) {
      for (const [name, value] of Object.entries(header)) {
        if (typeof value === 'string' && isAscii(value)) continue;
        const text = `the header ${name} is not an ASCII string: node-rdkafka can't send it`;
        return new KafkaError('failed', text, { notSent: true });
      }
    }
    return undefined;
  }

  #waysTo(log: MemoryLog | undefined): Ways {
    let ways = this.#ways.get(log);
    if (ways === undefined) {
      ways = { there: this.#link.lane(this.#link.base), back: this.#link.lane(this.#link.process) };
      this.#ways.set(log, ways);
    }
    return ways;
  }

  /** At the broker. A topic that was missing may have been created on the way. */
  #arrive(
    record: ProducerRecord,
    content: StoredRecord,
    routed: MemoryLog | undefined,
    effect: Readonly<Effect>,
    { back }: Ways,
    pending: Pending,
  ): void {
    const log = routed ?? this.#broker.route(record);
    const answer = (outcome: DeliveryReport | KafkaError) =>
      back.push(this.#link.hop() + effect.reportDelay, () => this.#settle(pending, outcome));
    const { topic } = record;
    if (log === undefined) {
      const where = record.partition === null ? topic : `${topic} [${record.partition}]`;
      answer(new KafkaError('no topic', `no topic or partition ${where}`, { code: 3, notSent: true }));
      return;
    }
    if (!this.#broker.mayWrite(topic)) {
      answer(new KafkaError('denied', `not allowed to write to ${topic}`, { code: 29 }));
      return;
    }
    if (effect.report !== 'unwritten') {
      let offset: number;
      try {
        offset = this.#broker.append(log, content, effect.deliveryDelay);
      } catch (error) {
        answer(error as KafkaError);
        return;
      }
      if (effect.report === undefined) answer({ topic, partition: log.partition, offset });
    }
    if (effect.report !== undefined) {
      answer(effect.error ?? new KafkaError('failed', 'Local: Message timed out', { code: -192 }));
    }
    for (let i = 0; i < effect.duplicates; i += 1) {
      const again = () => this.#broker.append(log, content, effect.deliveryDelay);
      if (effect.duplicateAfter > 0) this.#link.base.after(effect.duplicateAfter, again);
      else again();
    }
  }

  #settle(pending: Pending, outcome: DeliveryReport | KafkaError): void {
    if (pending.settled) return;
    pending.settled = true;
    this.#pending.delete(pending);
    if (this.#pending.size === 0) for (const done of [...this.#flushed]) done();
    const { observer, token } = pending;
    if (outcome instanceof KafkaError) observer.undelivered(outcome, token);
    else observer.delivered(outcome, token);
  }

  /** While the link is cut, what has waited for `deliveryTimeout` is given up: written or not, nobody knows. */
  #watchExpiry(): void {
    const { up, process } = this.#link;
    const [oldest] = this.#pending;
    if (up || oldest === undefined) {
      this.#stopExpiry?.();
      this.#stopExpiry = undefined;
      return;
    }
    const { deliveryTimeout } = this.#broker;
    this.#stopExpiry ??= process.after(Math.max(0, oldest.since + deliveryTimeout - process.now()), () => {
      this.#stopExpiry = undefined;
      for (const pending of this.#pending) {
        if (pending.since + deliveryTimeout > process.now()) break;
        this.#settle(pending, new KafkaError('unreachable', 'Local: Message timed out', { code: -192 }));
      }
      this.#watchExpiry();
    });
  }
}

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
};
