/** The shell without a terminal: lines from stdin, JSON on stdout, no prompt and no colours; it stops at the first failure. */
import { Console } from 'node:console';
import { createInterface } from 'node:readline/promises';
import { tell } from '../connection.js';
import { explain } from '../exit.js';
import { print, shown } from '../output.js';
import { Stopped } from '../stop.js';
import type { Screen } from './screen.js';
import { Told } from './told.js';

export class Script implements Screen {
  readonly #keepGoing: boolean;
  readonly #stop: AbortSignal;
  #line = 0;

  constructor(keepGoing: boolean, stop: AbortSignal) {
    this.#keepGoing = keepGoing;
    this.#stop = stop;
  }

  /** Runs the lines of stdin. Rejects with the first failure, behind all lines where it keeps going. */
  async read(run: (line: string) => Promise<void>): Promise<void> {
    let failed: Told | undefined;
    for await (const line of createInterface({ input: process.stdin, signal: this.#stop })) {
      this.#line += 1;
      try {
        await run(line);
      } catch (error) {
        if (error instanceof Stopped) {
          if (error.code !== 0) throw error;
          break;
        }
        if (!(error instanceof Told)) this.error(error);
        failed ??= error instanceof Told ? error : new Told(error);
        if (!this.#keepGoing || this.#stop.aborted) break;
      }
    }
    if (failed !== undefined && !this.#stop.aborted) throw new Stopped(explain(failed.error).code);
  }

  /** Where a served module's console goes: stdout carries results. */
  console(): Console {
    return new Console(process.stderr, process.stderr);
  }

  value(value: unknown): void {
    print(value);
  }

  text(text: string): void {
    process.stdout.write(`${shown(text)}\n`);
  }

  remark(): void {}

  tell(text: string): void {
    tell(text);
  }

  error(error: unknown): void {
    process.stderr.write(`line ${this.#line}: ${explain(error).text}\n`);
  }
}
