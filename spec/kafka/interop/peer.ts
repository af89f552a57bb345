/** Another kind of peer as a process of its own: told what to do, and asked what it saw, in lines of JSON. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { brokers } from '../brokers.js';

/** What a peer is asked for: a call or a notification of its own, many at once, or what its handlers saw. */
export interface Task {
  readonly do: 'call' | 'notify' | 'many' | 'seen' | 'binary';
  readonly method?: string;
  readonly params?: unknown;
}

interface Line {
  readonly ready?: boolean;
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** What the peer's call ended with, where it was an error. */
export class PeerError extends Error {
  constructor(readonly error: any) {
    super(JSON.stringify(error));
  }
}

const START_LIMIT = 120_000;

export class Peer {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (line: Line) => void>();
  #lastId = 0;
  #errors = '';
  #ended = false;

  /** Resolves when the peer says that it is ready. */
  static async start(
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Peer> {
    const peer = new Peer(program, args, env);
    await peer.#ready();
    return peer;
  }

  private constructor(program: string, args: readonly string[], env: Record<string, string>) {
    this.#process = spawn(program, args, {
      env: { ...process.env, KAFKA_BROKERS: brokers, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stderr?.on('data', (text) => {
      this.#errors = `${this.#errors}${text}`.slice(-4_000);
    });
    this.#process.on('exit', () => this.#onEnd());
    this.#process.stdin?.on('error', () => {});
  }

  /** What the peer answers. */
  ask(task: Task): Promise<any> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(new PeerError(`the peer has ended:\n${this.#errors}`));
        return;
      }
      this.#waiting.set(id, (line) => {
        this.#waiting.delete(id);
        if (line.error === undefined) resolve(line.result);
        else reject(new PeerError(line.error));
      });
      this.#process.stdin?.write(`${JSON.stringify({ id, ...task })}\n`);
    });
  }

  /** Its result, or the error that it got. */
  outcome(task: Task): Promise<any> {
    return this.ask(task).catch(({ error }: PeerError) => ({ error }));
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }

  async #ready(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the peer ${why}:\n${this.#errors}`));
      timer = setTimeout(() => fail('is not ready'), START_LIMIT);
      this.#process.once('error', (error) => fail(String(error)));
      this.#process.once('exit', () => fail('has ended'));
      lines.on('line', (text) => {
        if (!text.startsWith('{')) return;
        const line = JSON.parse(text) as Line;
        if (line.ready === true) resolve();
        else if (line.id !== undefined) this.#waiting.get(line.id)?.(line);
      });
    }).finally(() => clearTimeout(timer));
  }

  #onEnd(): void {
    this.#ended = true;
    for (const tell of this.#waiting.values()) tell({ error: `the peer has ended:\n${this.#errors}` });
  }
}
