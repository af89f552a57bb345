/**
 * Values on their way to Kafka: no more in flight than the bound, as many more whose reports wait for their turn,
 * which is that of the values; nothing that was taken is dropped. The sink and publishAll stand on it; below it the port.
 */
import type { Acknowledgeable } from '../acknowledgeable.js';
import type { DeliveryObserver, DeliveryReport, Kafka, KafkaError, ProducerRecord } from './port.js';

/** Milliseconds after which a full queue is tried again where no report of this outlet makes room. */
const AGAIN = 10;

/**
 * The part of the places in use up to which a full outlet waits before it sends again, many at once: librdkafka's threads
 * are woken once for all of them, and put them into larger batches.
 */
const REFILL = 3 / 4;

/** Who hears of it. */
export interface OutletObserver<V> {
  /** What is acked when a value is delivered, whatever becomes of the others, and nacked when it isn't. */
  readonly ackOf?: ((value: V) => Acknowledgeable) | undefined;
  report(report: DeliveryReport): void;
  /** Once, behind the reports of what was before it; nothing more is sent. */
  error(error: unknown): void;
  /** One more may be taken without waiting. */
  room(): void;
}

export class Outlet<V> implements DeliveryObserver {
  readonly #kafka: Kafka;
  readonly #toRecord: (value: V) => ProducerRecord;
  readonly #maxInFlight: number;
  readonly #observer: OutletObserver<V>;
  /** Numbers, from 0, of the first value without its turn to be reported, and of the next to be sent. */
  #head = 0;
  #tail = 0;
  /** Values between them without a report. */
  #inFlight = 0;
  /** All places were taken, and few are free yet. */
  #full = false;
  /** Reports from #head on that came before their turn: a ring by the values' numbers, whose length is a power of 2. */
  #reports: (DeliveryReport | undefined)[] = [undefined];
  /** Of the values without their fate, where anybody is to be told: a ring as that of the reports. */
  #acks: (Acknowledgeable | undefined)[] = [undefined];
  #waiting: V[] = [];
  #next = 0;
  /** The last value that was sent, refused by a full queue. */
  #refused: ProducerRecord | undefined;
  /** The first value that failed. */
  #failure: { readonly at: number; readonly cause: unknown } | undefined;
  #reporting = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    kafka: Kafka,
    toRecord: (value: V) => ProducerRecord,
    maxInFlight: number,
    observer: OutletObserver<V>,
  ) {
    this.#kafka = kafka;
    this.#toRecord = toRecord;
    this.#maxInFlight = maxInFlight;
    this.#observer = observer;
  }

  /** Values that wait for a place. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /** Everything that was taken is reported. */
  get empty(): boolean {
    return this.waiting === 0 && this.#head === this.#tail;
  }

  get hasRoom(): boolean {
    return this.waiting === 0 && this.#placesLeft;
  }

  push(value: V): void {
    if (this.#failure !== undefined) this.giveUp(value);
    else if (this.hasRoom) this.#send(value);
    else this.#waiting.push(value);
  }

  /** It is never sent. */
  giveUp(value: V): void {
    try {
      this.#observer.ackOf?.(value).nack();
    } catch {
      // Had it been sent, it would have failed by this.
    }
  }

  delivered(report: DeliveryReport, number: number): void {
    this.#reports[number & (this.#reports.length - 1)] = report;
    this.#inFlight -= 1;
    if (this.#full && this.#inFlight <= this.#maxInFlight * REFILL) this.#full = false;
    if (this.#observer.ackOf !== undefined) this.#settle(number)?.ack();
    if (number === this.#head) this.#report();
    else this.#advance();
  }

  undelivered(cause: unknown, number: number): void {
    this.#inFlight -= 1;
    if (this.#failure === undefined || number < this.#failure.at) this.#failure = { at: number, cause };
    this.#stopTimer?.();
    if (this.#observer.ackOf !== undefined) {
      this.#settle(number)?.nack();
      if (this.#refused !== undefined) this.#settle(this.#tail - 1)?.nack();
      for (const value of this.#waiting.splice(this.#next)) this.giveUp(value);
    }
    if (number === this.#head) this.#report();
  }

  /** Reports behind one that is missing are memory, and bounded too: a partition may answer long after the others. */
  get #placesLeft(): boolean {
    return (
      this.#failure === undefined &&
      this.#refused === undefined &&
      !this.#full &&
      this.#tail - this.#head < 2 * this.#maxInFlight
    );
  }

  #send(value: V): void {
    const number = this.#tail;
    if (number - this.#head === this.#reports.length) this.#grow();
    this.#tail += 1;
    this.#inFlight += 1;
    if (this.#inFlight === this.#maxInFlight) this.#full = true;
    let record: ProducerRecord;
    try {
      const { ackOf } = this.#observer;
      if (ackOf !== undefined) this.#acks[number & (this.#reports.length - 1)] = ackOf(value);
      record = this.#toRecord(value);
    } catch (error) {
      this.undelivered(error, number);
      return;
    }
    this.#produce(record, number);
  }

  #produce(record: ProducerRecord, number: number): void {
    const refusal: KafkaError | undefined = this.#kafka.produce(record, this, number);
    if (refusal === undefined) return;
    if (refusal.reason !== 'queue full') {
      this.undelivered(refusal, number);
      return;
    }
    this.#refused = record;
    this.#stopTimer ??= this.#kafka.clock.after(AGAIN, () => {
      this.#stopTimer = undefined;
      this.#advance();
    });
  }

  #grow(): void {
    if (this.#observer.ackOf !== undefined) this.#acks = this.#grown(this.#acks);
    this.#reports = this.#grown(this.#reports);
  }

  #grown<T>(ring: readonly T[]): (T | undefined)[] {
    const grown = new Array<T | undefined>(this.#reports.length * 2).fill(undefined);
    for (let number = this.#head; number < this.#tail; number += 1)
      grown[number & (grown.length - 1)] = ring[number & (this.#reports.length - 1)];
    return grown;
  }

  /** Takes it out: its fate is known. */
  #settle(number: number): Acknowledgeable | undefined {
    const at = number & (this.#reports.length - 1);
    const settled = this.#acks[at];
    this.#acks[at] = undefined;
    return settled;
  }

  #report(): void {
    // A value that is pushed by the subscriber of a report, and fails, is told of behind that report.
    if (this.#reporting) return;
    this.#reporting = true;
    while (this.#head < this.#tail) {
      if (this.#failure?.at === this.#head) {
        this.#observer.error(this.#failure.cause);
        return;
      }
      const at = this.#head & (this.#reports.length - 1);
      const report = this.#reports[at];
      if (report === undefined) break;
      this.#reports[at] = undefined;
      this.#head += 1;
      this.#observer.report(report);
    }
    this.#reporting = false;
    this.#advance();
  }

  #advance(): void {
    if (this.#failure !== undefined) return;
    const refused = this.#refused;
    if (refused !== undefined) {
      this.#refused = undefined;
      this.#produce(refused, this.#tail - 1);
    }
    while (this.waiting > 0 && this.#placesLeft) {
      const value = this.#waiting[this.#next] as V;
      this.#next += 1;
      if (this.#next >= 1_024 || this.#next === this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
      this.#send(value);
    }
    this.#observer.room();
  }
}
