/**
 * The answers of a job, brought into the order of the input and written in large pieces; after each
 * piece a checkpoint. A resumed job therefore ends with the same files as one that never stopped.
 */
import type { Checkpoint, Journal } from './journal.js';
import type { Sink } from './sink.js';

/** Milliseconds between two pieces. */
const INTERVAL = 100;
/** Characters that aren't written yet, at most: beyond it the job sends no more. */
const MAX_HELD = 32 * 1024 * 1024;

export interface Sinks {
  readonly output: Sink;
  readonly failures: Sink;
}

export class Results {
  readonly #sinks: Sinks;
  readonly #journal: Journal | undefined;
  /** Told when something was written, and of what couldn't be. */
  readonly #wrote: (error?: unknown) => void;
  /** Answers that came before an earlier one. */
  readonly #early = new Map<number, { readonly text: string; readonly failed: boolean }>();
  #next: number;
  #failed: number;
  #output = '';
  #failures = '';
  #held = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(
    from: Checkpoint,
    sinks: Sinks,
    journal: Journal | undefined,
    wrote: (error?: unknown) => void,
  ) {
    this.#next = from.next;
    this.#failed = from.failed;
    this.#sinks = sinks;
    this.#journal = journal;
    this.#wrote = wrote;
  }

  /** The first index without an answer. */
  get next(): number {
    return this.#next;
  }

  get full(): boolean {
    return this.#held >= MAX_HELD;
  }

  /** Takes the line of an answer, or of a failure; each index once. */
  add(index: number, text: string, failed: boolean): void {
    this.#held += text.length;
    if (index !== this.#next) {
      this.#early.set(index, { text, failed });
      return;
    }
    this.#append(text, failed);
    for (;;) {
      const early = this.#early.get(this.#next);
      if (early === undefined) break;
      this.#early.delete(this.#next);
      this.#append(early.text, early.failed);
    }
    this.#timer ??= setTimeout(this.#write, INTERVAL);
  }

  /**
   * Writes what is in order; what came before an earlier answer that is missing is dropped. Rejects with what has
   * refused a piece, be it an earlier one: nothing is written behind a gap.
   */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    clearTimeout(this.#timer);
    await this.#piece();
  }

  #append(text: string, failed: boolean): void {
    this.#next += 1;
    if (failed) {
      this.#failed += 1;
      this.#failures += text;
    } else this.#output += text;
  }

  readonly #write = (): void => {
    this.#writing = this.#piece();
    this.#writing.then(
      () => {
        this.#timer = this.#output + this.#failures === '' ? undefined : setTimeout(this.#write, INTERVAL);
        this.#wrote();
      },
      (error) => this.#wrote(error),
    );
  };

  async #piece(): Promise<void> {
    const [output, failures, next, failed] = [this.#output, this.#failures, this.#next, this.#failed];
    this.#output = this.#failures = '';
    const sinks = this.#sinks;
    if (output !== '') await sinks.output.write(output);
    if (failures !== '') await sinks.failures.write(failures);
    this.#held -= output.length + failures.length;
    if (this.#journal === undefined || output + failures === '') return;
    await Promise.all([sinks.output.sync(), sinks.failures.sync()]);
    await this.#journal.checkpoint({
      next,
      failed,
      output: sinks.output.bytes,
      failures: sinks.failures.bytes,
    });
  }
}
