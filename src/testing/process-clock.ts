/**
 * The clock of one client: the broker's, as a process sees it. Killed, its work never runs; frozen
 * (SIGSTOP), what became due runs at the thaw, in order.
 */
import type { Clock } from '../clock.js';

export class ProcessClock implements Clock {
  readonly #base: Clock;
  readonly #timers = new Set<() => void>();
  #held: { work: (() => void) | undefined }[] = [];
  #state: 'running' | 'frozen' | 'killed' = 'running';
  #draining = false;

  constructor(base: Clock) {
    this.#base = base;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  get killed(): boolean {
    return this.#state === 'killed';
  }

  now(): number {
    return this.#base.now();
  }

  after(ms: number, work: () => void): () => void {
    if (this.killed) return () => {};
    let undo: () => void;
    const cancel = this.#base.after(ms, () => {
      this.#timers.delete(cancel);
      undo = this.#perform(work);
    });
    this.#timers.add(cancel);
    undo = () => {
      if (this.#timers.delete(cancel)) cancel();
    };
    return () => undo();
  }

  soon(work: () => void): void {
    if (!this.killed) this.#base.soon(() => this.#perform(work));
  }

  freeze(): void {
    if (this.running) this.#state = 'frozen';
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    this.#drain();
  }

  kill(): void {
    this.#state = 'killed';
    this.#held = [];
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** Runs `work` or keeps it for the thaw; the returned function takes back what was kept. */
  #perform(work: () => void): () => void {
    if (this.killed) return () => {};
    if (this.running && this.#held.length === 0) {
      work();
      return () => {};
    }
    const held = { work: work as (() => void) | undefined };
    this.#held.push(held);
    return () => {
      held.work = undefined;
    };
  }

  /** One piece at a time, promise callbacks between them; what becomes due meanwhile waits behind. */
  #drain(): void {
    if (this.#draining || !this.running || this.#held.length === 0) return;
    this.#draining = true;
    this.#base.soon(() => {
      this.#draining = false;
      if (!this.running) return;
      try {
        this.#held.shift()?.work?.();
      } finally {
        this.#drain();
      }
    });
  }
}
