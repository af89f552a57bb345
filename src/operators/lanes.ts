/**
 * Work in lanes: one piece of a lane at a time and in order, a bounded number over all lanes, first come first
 * served. processEach stands on it.
 */
export class Lanes<T> {
  readonly #concurrency: number;
  readonly #run: (item: T, done: () => void) => void;
  /** What waits behind a lane's running piece. */
  readonly #lanes = new Map<unknown, T[]>();
  /** Pieces whose lane is free, with it. */
  #ready: { readonly lane: unknown; readonly item: T }[] = [];
  #head = 0;
  #running = 0;
  #waiting = 0;
  #starting = false;

  /** `run` calls `done` once when the piece is finished. */
  constructor(concurrency: number, run: (item: T, done: () => void) => void) {
    this.#concurrency = concurrency;
    this.#run = run;
  }

  /** Nothing runs, nothing waits. */
  get idle(): boolean {
    return this.#running === 0 && this.#waiting === 0;
  }

  /** Without a lane the piece waits for nothing but a place. */
  push(item: T, lane?: unknown): void {
    this.#waiting += 1;
    const queue = lane === undefined ? undefined : this.#lanes.get(lane);
    if (queue === undefined) {
      if (lane !== undefined) this.#lanes.set(lane, []);
      this.#ready.push({ lane, item });
      this.#start();
    } else queue.push(item);
  }

  /** What waits is dropped, and returned. */
  clear(): T[] {
    const left = [
      ...this.#ready.slice(this.#head).map(({ item }) => item),
      ...[...this.#lanes.values()].flat(),
    ];
    this.#ready = [];
    this.#head = 0;
    this.#lanes.clear();
    this.#waiting = 0;
    return left;
  }

  #start(): void {
    if (this.#starting) return;
    this.#starting = true;
    for (; this.#running < this.#concurrency && this.#head < this.#ready.length; ) {
      const { lane, item } = this.#ready[this.#head] as { lane: unknown; item: T };
      this.#head += 1;
      this.#running += 1;
      this.#waiting -= 1;
      let finished = false;
      this.#run(item, () => {
        if (finished) return;
        finished = true;
        this.#running -= 1;
        this.#free(lane);
        this.#start();
      });
    }
    this.#starting = false;
    if (this.#head === this.#ready.length || this.#head >= 1_024) {
      this.#ready = this.#ready.slice(this.#head);
      this.#head = 0;
    }
  }

  #free(lane: unknown): void {
    const queue = lane === undefined ? undefined : this.#lanes.get(lane);
    const item = queue?.shift();
    if (item !== undefined) this.#ready.push({ lane, item });
    else this.#lanes.delete(lane);
  }
}
