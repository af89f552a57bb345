/** When the next call may be made: at a rate, and slower while a server refuses more. Above: job.ts. */

/** Milliseconds of the first pause, which doubles with each refusal up to the last. */
const FIRST_PAUSE = 25;
const LAST_PAUSE = 1_000;
/** Milliseconds between looks at a rate: the calls of one share records. */
const TICK = 10;

export class Pace {
  /** Calls a millisecond. */
  readonly #rate: number | undefined;
  /** Told when calls may be made again. */
  readonly #go: () => void;
  #tokens = 1;
  #since = performance.now();
  #pause = FIRST_PAUSE;
  #paused = false;
  #timer: NodeJS.Timeout | undefined;

  /** `rate` is in calls a second. */
  constructor(rate: number | undefined, go: () => void) {
    this.#rate = rate === undefined ? undefined : rate / 1_000;
    this.#go = go;
  }

  /** Whether a call may be made now; else `go` tells when. */
  take(): boolean {
    if (this.#paused) return false;
    if (this.#rate === undefined) return true;
    this.#refill(this.#rate);
    if (this.#tokens < 1) {
      this.#wait(Math.max(TICK, (1 - this.#tokens) / this.#rate));
      return false;
    }
    this.#tokens -= 1;
    return true;
  }

  /** A server refuses for now. The refusals of one pause are one. */
  slow(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#wait(this.#pause);
    this.#pause = Math.min(LAST_PAUSE, this.#pause * 2);
  }

  /** A server answers. */
  quicken(): void {
    if (!this.#paused) this.#pause = FIRST_PAUSE;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** What a standstill has saved up is no more than the calls of a tick or two. */
  #refill(rate: number): void {
    const now = performance.now();
    const most = Math.max(1, rate * TICK * 2);
    this.#tokens = Math.min(most, this.#tokens + (now - this.#since) * rate);
    this.#since = now;
  }

  #wait(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#paused = false;
      this.#go();
    }, milliseconds);
  }
}
