/** What goes wrong with records on their way, by the wish of a test. */
import type { Kafka, KafkaError, ProducerRecord } from '../kafka/port.js';
import type { Random } from './random.js';

/** Milliseconds, or a function drawn for each record. */
export type Delay = number | (() => number);

/** Which records, how often, and what happens to them. Every fault that matches has its effect. */
export interface Fault {
  /** @default any */
  readonly topic?: string;
  /** @default any */
  readonly partition?: number;
  /** The sender. @default any */
  readonly client?: Kafka;
  /** A further condition. */
  readonly where?: (record: ProducerRecord, partition: number) => boolean;
  /** The chance of a matching record to be hit, drawn from the broker's `random`. @default 1 */
  readonly chance?: number;
  /** Records to hit before the fault is over. @default Infinity */
  readonly times?: number;

  /** The record takes this much longer to be written; later ones of its sender and partition wait behind it. */
  readonly delay?: Delay;
  /** The record takes this much longer to be read; later ones of its partition wait behind it. */
  readonly deliveryDelay?: Delay;
  /** The delivery report takes this much longer. */
  readonly reportDelay?: Delay;
  /** `send` rejects, though the record is `written`, or because it is `unwritten`. */
  readonly report?: 'written' | 'unwritten';
  /** What `send` rejects with. @default reason `failed`, code -192: message timed out */
  readonly error?: KafkaError;
  /** The record is appended that many times more. */
  readonly duplicates?: number;
  /** The duplicates are appended this much later. @default 0 */
  readonly duplicateAfter?: Delay;
}

/** What happens to one record. */
export interface Effect {
  delay: number;
  deliveryDelay: number;
  reportDelay: number;
  duplicates: number;
  duplicateAfter: number;
  report: 'written' | 'unwritten' | undefined;
  error: KafkaError | undefined;
}

const NONE: Readonly<Effect> = {
  delay: 0,
  deliveryDelay: 0,
  reportDelay: 0,
  duplicates: 0,
  duplicateAfter: 0,
  report: undefined,
  error: undefined,
};

const drawn = (delay: Delay | undefined): number => (typeof delay === 'function' ? delay() : (delay ?? 0));

export class Faults {
  readonly #random: Random;
  readonly #faults = new Set<{ readonly fault: Fault; left: number }>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The returned function ends the fault. */
  inject(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    this.#faults.add(entry);
    return () => this.#faults.delete(entry);
  }

  clear(): void {
    this.#faults.clear();
  }

  effectOn(record: ProducerRecord, partition: number, client: Kafka): Readonly<Effect> {
    if (this.#faults.size === 0) return NONE;
    const effect = { ...NONE };
    for (const entry of this.#faults) {
      const { fault } = entry;
      if (fault.topic !== undefined && fault.topic !== record.topic) continue;
      if (fault.partition !== undefined && fault.partition !== partition) continue;
      if (fault.client !== undefined && fault.client !== client) continue;
      if (fault.where !== undefined && !fault.where(record, partition)) continue;
      if (fault.chance !== undefined && this.#random() >= fault.chance) continue;
      entry.left -= 1;
      if (entry.left <= 0) this.#faults.delete(entry);
      effect.delay += drawn(fault.delay);
      effect.deliveryDelay += drawn(fault.deliveryDelay);
      effect.reportDelay += drawn(fault.reportDelay);
      effect.duplicates += fault.duplicates ?? 0;
      effect.duplicateAfter += drawn(fault.duplicateAfter);
      effect.report ??= fault.report;
      effect.error ??= fault.error;
    }
    return effect;
  }
}
