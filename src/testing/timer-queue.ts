/** Timers by time, then insertion: a binary heap that forgets cancelled ones. */
export interface Timer {
  readonly at: number;
  readonly order: number;
  work: (() => void) | undefined;
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class TimerQueue {
  #heap: Timer[] = [];
  #order = 0;
  #cancelled = 0;

  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  add(at: number, work: () => void): Timer {
    const timer: Timer = { at, order: this.#order, work };
    this.#order += 1;
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
    return timer;
  }

  /** Does nothing to a timer that ran or was cancelled. */
  cancel(timer: Timer): void {
    if (timer.work === undefined) return;
    timer.work = undefined;
    this.#cancelled += 1;
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#compact();
  }

  /** The first timer at or before `time`. It stays in the queue until `take`. */
  due(time: number): Timer | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].work === undefined) {
      this.#cancelled -= 1;
      this.#shift();
    }
    const first = this.#heap[0];
    return first !== undefined && first.at <= time ? first : undefined;
  }

  /** Takes the first timer out and returns its work. */
  take(): (() => void) | undefined {
    const timer = this.#shift();
    const work = timer?.work;
    if (timer !== undefined) timer.work = undefined;
    return work;
  }

  /** A sorted array is a heap. */
  #compact(): void {
    this.#heap = this.#heap.filter((timer) => timer.work !== undefined);
    this.#heap.sort((a, b) => a.at - b.at || a.order - b.order);
    this.#cancelled = 0;
  }

  #shift(): Timer | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#down(0);
    }
    return first;
  }

  #up(from: number): void {
    const heap = this.#heap;
    const timer = heap[from] as Timer;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(timer, heap[parent] as Timer)) break;
      heap[at] = heap[parent] as Timer;
      at = parent;
    }
    heap[at] = timer;
  }

  #down(from: number): void {
    const heap = this.#heap;
    const timer = heap[from] as Timer;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      if (!before(heap[child] as Timer, timer)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = timer;
  }
}
