/**
 * Values on their way to Kafka: no more in flight than the bound, reports in the order of the values, nothing that
 * was taken is dropped. The sink and publishAll stand on it; below it a topic's publish.
 */
import type { Clock } from '../clock.js';
import { type DeliveryReport, KafkaError } from './port.js';

/** Milliseconds after which a full queue is tried again where no report of this outlet makes room. */
const AGAIN = 10;

/** Who hears of it. */
export interface OutletObserver {
  report(report: DeliveryReport): void;
  /** Once, behind the reports of what was before it; nothing more is sent. */
  error(error: unknown): void;
  /** One more may be taken without waiting. */
  room(): void;
}

interface Slot<V> {
  readonly value: V;
  report: DeliveryReport | undefined;
  error: { readonly cause: unknown } | undefined;
}

export class Outlet<V> {
  readonly #send: (value: V) => Promise<DeliveryReport>;
  readonly #clock: Clock;
  readonly #maxInFlight: number;
  readonly #observer: OutletObserver;
  /** In flight or reported behind one that isn't, from #head on. */
  #slots: Slot<V>[] = [];
  #head = 0;
  #waiting: V[] = [];
  #next = 0;
  /** Refused by a full queue, in order: sent before what waits. */
  #refused: Slot<V>[] = [];
  #broken = false;
  #stopTimer: (() => void) | undefined;

  constructor(
    send: (value: V) => Promise<DeliveryReport>,
    clock: Clock,
    maxInFlight: number,
    observer: OutletObserver,
  ) {
    this.#send = send;
    this.#clock = clock;
    this.#maxInFlight = maxInFlight;
    this.#observer = observer;
  }

  /** Values that wait for a place. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /** Everything that was taken is reported. */
  get empty(): boolean {
    return this.waiting === 0 && this.#head === this.#slots.length;
  }

  get hasRoom(): boolean {
    return !this.#broken && this.waiting === 0 && this.#refused.length === 0 && this.#placesLeft;
  }

  push(value: V): void {
    if (this.#broken) return;
    if (this.hasRoom) this.#begin(value);
    else this.#waiting.push(value);
  }

  /** Reported ones behind one in flight hold a place too: they are memory. */
  get #placesLeft(): boolean {
    return this.#slots.length - this.#head < this.#maxInFlight;
  }

  #begin(value: V): void {
    const slot: Slot<V> = { value, report: undefined, error: undefined };
    this.#slots.push(slot);
    this.#start(slot);
  }

  #start(slot: Slot<V>): void {
    this.#send(slot.value).then(
      (report) => {
        slot.report = report;
        this.#settled();
      },
      (error) => {
        if (error instanceof KafkaError && error.reason === 'queue full') this.#refuse(slot);
        else {
          slot.error = { cause: error };
          this.#broken = true;
          this.#settled();
        }
      },
    );
  }

  /**
   * All that was sent behind it in this turn was refused too, and comes here in order; a report, which makes room,
   * comes in a turn of its own.
   */
  #refuse(slot: Slot<V>): void {
    this.#refused.push(slot);
    this.#stopTimer ??= this.#clock.after(AGAIN, () => {
      this.#stopTimer = undefined;
      this.#advance();
    });
  }

  #settled(): void {
    for (let slot = this.#slots[this.#head]; slot !== undefined; slot = this.#slots[this.#head]) {
      if (slot.error !== undefined) {
        this.#stopTimer?.();
        this.#observer.error(slot.error.cause);
        return;
      }
      if (slot.report === undefined) break;
      this.#head += 1;
      this.#observer.report(slot.report);
    }
    if (this.#head >= 1_024 || this.#head === this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    this.#advance();
  }

  #advance(): void {
    if (this.#broken) return;
    for (const slot of this.#refused.splice(0)) this.#start(slot);
    while (this.waiting > 0 && this.#refused.length === 0 && this.#placesLeft) {
      this.#begin(this.#waiting[this.#next] as V);
      this.#next += 1;
      if (this.#next >= 1_024) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
    }
    if (this.waiting === 0) {
      this.#waiting = [];
      this.#next = 0;
    }
    this.#observer.room();
  }
}
