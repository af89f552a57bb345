/**
 * The shell at a terminal: a prompt, history, completion, Ctrl-C. What comes while a line is being
 * typed is written above it. Below: readline.
 */
import { Console } from 'node:console';
import { createInterface, type Interface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { shown } from '../output.js';
import { Stopped } from '../stop.js';
import type { Completion } from './completion.js';
import { dim, type Looks, shownError, shownValue } from './display.js';
import { type History, isKept, MAX_LINES } from './history.js';
import type { Screen } from './screen.js';
import { Told } from './told.js';

/** Lines typed or pasted ahead while a call runs; more are dropped, and that is told. */
const MAX_AHEAD = 1_000;

export interface TerminalOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream & { readonly columns?: number };
  readonly colors: boolean;
  readonly history: History;
  complete(line: string): Promise<Completion>;
  prompt(): string;
}

export class Terminal implements Screen {
  readonly #options: TerminalOptions;
  readonly #readline: Interface;
  /** Lines that wait for their turn. */
  readonly #ahead: string[] = [];
  /** Of the line that runs. */
  #running: AbortController | undefined;
  /** Tells the one who waits that a line is there, or that there are no more. */
  #wake = () => {};
  #closed = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
    const { input, output, history } = options;
    this.#readline = createInterface({
      input,
      output,
      terminal: true,
      history: [...history.lines],
      historySize: MAX_LINES,
      removeHistoryDuplicates: true,
      completer: (line: string) => this.#complete(line),
    });
    this.#readline
      .on('history', (lines: string[]) => {
        if (lines[0] !== undefined && !isKept(lines[0])) lines.shift();
      })
      .on('line', (line) => this.#take(line))
      .on('SIGINT', () => this.#interrupt())
      .on('close', () => {
        this.#closed = true;
        this.#running?.abort();
        this.#wake();
      });
  }

  /** Reads and runs lines until one throws Stopped, Ctrl-D, or `close`. */
  async read(run: (line: string, signal: AbortSignal) => Promise<void>): Promise<void> {
    for (;;) {
      const line = await this.#next();
      if (line === undefined) return;
      this.#running = new AbortController();
      this.#readline.setPrompt('');
      try {
        await run(line, this.#running.signal);
      } catch (error) {
        if (error instanceof Stopped) return;
        if (!(error instanceof Told)) this.error(error);
      } finally {
        this.#running = undefined;
      }
    }
  }

  close(): void {
    this.#readline.close();
  }

  value(value: unknown): void {
    this.#write(shownValue(value, this.#looks));
  }

  text(text: string): void {
    this.#write(shown(text));
  }

  remark(text: string): void {
    this.#write(dim(shown(text), this.#looks));
  }

  tell(text: string): void {
    this.#write(dim(text, this.#looks));
  }

  error(error: unknown): void {
    this.#write(shownError(error, this.#looks));
  }

  /** Where a served module's console goes. */
  console(): Console {
    const stream = new Writable({
      decodeStrings: false,
      write: (text, _, done) => {
        this.#write(String(text).replace(/\n$/, ''));
        done();
      },
    });
    return new Console({ stdout: stream, stderr: stream, colorMode: this.#options.colors });
  }

  get #looks(): Looks {
    return { colors: this.#options.colors, columns: this.#options.output.columns ?? 80 };
  }

  #take(line: string): void {
    try {
      this.#options.history.add(line);
    } catch (error) {
      this.tell(`the history can't be written: ${(error as Error).message}`);
    }
    if (this.#ahead.length >= MAX_AHEAD) this.tell(`over ${MAX_AHEAD} lines wait: dropped ${line}`);
    else this.#ahead.push(line);
    this.#wake();
  }

  async #next(): Promise<string | undefined> {
    const prompt = this.#options.prompt();
    const ahead = this.#ahead.shift();
    if (ahead !== undefined) {
      // It was echoed where it was typed: amid what the lines before it have written.
      this.#options.output.write(`${prompt}${ahead}\n`);
      return ahead;
    }
    if (this.#closed) return undefined;
    this.#readline.setPrompt(prompt);
    this.#readline.prompt(true);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return this.#closed ? undefined : (this.#ahead.shift() ?? this.#next());
  }

  /** Ends what runs or is about to, else the line that is typed, else the shell. */
  #interrupt(): void {
    const waited = this.#ahead.splice(0).length > 0;
    if (this.#running !== undefined) this.#running.abort();
    else if (waited) return;
    else if (this.#readline.line === '') this.#readline.close();
    else for (const name of ['e', 'u']) this.#readline.write(null, { ctrl: true, name });
  }

  async #complete(line: string): Promise<[string[], string]> {
    const { hits, typed, hint } = await this.#options.complete(line);
    if (hint !== undefined && hits.length !== 1) this.tell(hint);
    return [[...hits], typed];
  }

  /** Above the line that is typed, which is drawn again below. */
  #write(text: string): void {
    const { output } = this.#options;
    const drawn = !this.#closed && (this.#running === undefined || this.#readline.line !== '');
    if (!drawn) {
      output.write(`${text}\n`);
      return;
    }
    const { rows } = this.#readline.getCursorPos();
    const up = rows === 0 ? '' : `\x1b[${rows}A`;
    output.write(`\r${up}\x1b[J${text}\n`);
    // By which readline would go up; undocumented, and wrong for a line that was pasted.
    Object.assign(this.#readline, { prevRows: 0 });
    this.#readline.prompt(true);
  }
}
