/**
 * The connection between one client's process and the broker. While it is cut, what was sent waits
 * and is delivered after it is restored, as a client that retries does.
 */
import type { Clock } from '../clock.js';
import { KafkaError } from '../kafka/port.js';
import { Lane } from './lane.js';
import type { ProcessClock } from './process-clock.js';

export class MemoryLink {
  /** The broker's clock: what is on its way arrives even if the process dies. */
  readonly base: Clock;
  readonly process: ProcessClock;
  /** Milliseconds one way, for what is sent now. */
  readonly hop: () => number;
  readonly toBroker: Lane;
  readonly toProcess: Lane;
  readonly #lanes = new Set<Lane>();
  readonly #changed = new Set<() => void>();
  readonly #waiting = new Set<(error: KafkaError) => void>();
  #up: boolean;
  #closed = false;

  constructor(base: Clock, process: ProcessClock, hop: () => number, up: boolean) {
    this.base = base;
    this.process = process;
    this.hop = hop;
    this.#up = up;
    this.toBroker = this.lane(base);
    this.toProcess = this.lane(process);
  }

  get up(): boolean {
    return this.#up;
  }

  /** A member's session runs out while its client isn't alive. */
  get alive(): boolean {
    return this.#up && this.process.running;
  }

  /** A way of its own, in either direction, that stands still while the link is cut. */
  lane(clock: Clock): Lane {
    const lane = new Lane(clock, !this.#up);
    this.#lanes.add(lane);
    return lane;
  }

  /** Told when the link is cut or restored and when the process stops or goes on. */
  onChange(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  changed(): void {
    for (const listener of [...this.#changed]) listener();
  }

  cut(): void {
    if (!this.#up) return;
    this.#up = false;
    for (const lane of this.#lanes) lane.hold();
    this.changed();
  }

  restore(): void {
    if (this.#up || this.process.killed) return;
    this.#up = true;
    for (const lane of this.#lanes) lane.release();
    this.changed();
  }

  /** Asks the broker: a hop there and a hop back, in order. Rejects with what `answer` throws. */
  request<T>(answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new KafkaError('closed', 'this Kafka client is closed', { notSent: true }));
        return;
      }
      this.#waiting.add(reject);
      const reply = (settle: () => void) =>
        this.toProcess.push(this.hop(), () => {
          this.#waiting.delete(reject);
          settle();
        });
      this.toBroker.push(this.hop(), () => {
        try {
          const value = answer();
          reply(() => resolve(value));
        } catch (error) {
          reply(() => reject(error));
        }
      });
    });
  }

  close(): void {
    this.#closed = true;
    for (const reject of this.#waiting) reject(new KafkaError('closed', 'this Kafka client was closed'));
    this.#waiting.clear();
    this.toProcess.close();
  }
}
