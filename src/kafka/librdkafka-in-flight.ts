/**
 * Records in librdkafka's hands, each as the opaque that comes back with its report. They are used again: a young
 * object behind each of the binding's handles makes every scavenge of V8 dear. Used by the producer.
 */
import type { DeliveryObserver } from './port.js';

/** Opaques that are kept while nothing is in flight; as many more as librdkafka's queue takes while they are needed. */
export const MAX_KEPT = 10_000;

/** A record's topic, and who is told of it. */
export class Opaque {
  topic = '';
  /** Undefined while nothing is in flight by it. */
  observer: DeliveryObserver | undefined;
  token = 0;
}

export class InFlight {
  #all: Opaque[] = [];
  #free: Opaque[] = [];

  get size(): number {
    return this.#all.length - this.#free.length;
  }

  add(topic: string, observer: DeliveryObserver, token: number): Opaque {
    const opaque = this.#free.pop() ?? this.#another();
    opaque.topic = topic;
    opaque.observer = observer;
    opaque.token = token;
    return opaque;
  }

  /** False where it was removed before. Its topic and token stand until the next `add`. */
  remove(opaque: Opaque): boolean {
    if (opaque.observer === undefined) return false;
    opaque.observer = undefined;
    this.#free.push(opaque);
    if (this.size === 0 && this.#all.length > MAX_KEPT) {
      this.#all = this.#all.slice(0, MAX_KEPT);
      this.#free = [...this.#all];
    }
    return true;
  }

  /** What is in flight; they are removed one by one. */
  list(): Opaque[] {
    return this.#all.filter(({ observer }) => observer !== undefined);
  }

  #another(): Opaque {
    const opaque = new Opaque();
    this.#all.push(opaque);
    return opaque;
  }
}
