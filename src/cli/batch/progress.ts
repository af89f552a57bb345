/** How far a job is: a bar on a terminal, elsewhere a line every few seconds. Both on stderr. */
import { SingleBar } from 'cli-progress';
import { tell } from '../connection.js';
import { shownNumber } from '../figures.js';
import type { Input } from './input.js';
import type { Job } from './job.js';

/** Milliseconds between lines. */
const LINES = 5_000;
const BAR = 200;
/** The share of the latest interval in the rate that is shown. */
const SMOOTHING = 0.2;

export class Progress {
  readonly #job: Job;
  readonly #input: Input;
  /** Rows that an earlier run has done. */
  readonly #before: number;
  readonly #bar: SingleBar | undefined;
  readonly #timer: NodeJS.Timeout;
  #rate = 0;
  #done = 0;
  #at = performance.now();

  constructor(job: Job, input: Input, before: number, bar: boolean) {
    this.#job = job;
    this.#input = input;
    this.#before = before;
    if (bar) {
      // On top of a terminal's line, and gone at the end: the summary takes its place.
      const looks = { format: '{bar} {text}', barsize: 24, hideCursor: true, clearOnComplete: true };
      this.#bar = new SingleBar({ ...looks, gracefulExit: false });
      this.#bar.start(1, 0, { text: '' });
    }
    this.#timer = setInterval(() => this.#show(), bar ? BAR : LINES);
  }

  /** Writes a line that stays; the bar goes on below it. */
  tell(text: string): void {
    const active = this.#bar?.isActive === true;
    if (active) this.#bar?.stop();
    tell(text);
    if (active) this.#bar?.start(1, 0, { text: '' });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#bar?.stop();
  }

  #show(): void {
    const { answered, failed, inFlight } = this.#job;
    const done = answered + failed;
    this.#measure(done);
    const all = this.#before + done;
    const total = this.#total();
    const left = total === undefined || this.#rate < 1 ? undefined : (total - all) / this.#rate;
    const text = [
      `${shownNumber(all)}${total === undefined ? '' : ` of ${this.#input.ended ? '' : '~'}${shownNumber(total)}`} rows`,
      `${shownNumber(this.#rate)}/s`,
      ...(left === undefined ? [] : [`${duration(left)} left`]),
      `${shownNumber(failed)} failed`,
      `${shownNumber(inFlight)} in flight`,
    ].join(', ');
    if (this.#bar === undefined) this.tell(text);
    else {
      this.#bar.setTotal(Math.max(1, total ?? 0));
      this.#bar.update(total === undefined ? 0 : Math.min(all, total), { text });
    }
  }

  #measure(done: number): void {
    const now = performance.now();
    const latest = ((done - this.#done) * 1_000) / (now - this.#at);
    const smooth = this.#bar !== undefined && this.#rate > 0;
    this.#rate = smooth ? this.#rate + SMOOTHING * (latest - this.#rate) : latest;
    this.#done = done;
    this.#at = now;
  }

  /** By the rows and bytes so far, until all is read. */
  #total(): number | undefined {
    const { ended, rows, bytes, size } = this.#input;
    if (ended) return rows;
    return size === undefined || bytes === 0 ? undefined : Math.max(rows, Math.round((rows / bytes) * size));
  }
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
