/** The processes of a contender, and questions to them: each has a limit, after which its process counts as stuck. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Load } from './load.js';
import type { Answer, Usage } from './worker.js';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
const START_LIMIT = 60_000;
/** Milliseconds on top of a load's own. */
const ANSWER_LIMIT = 60_000;

/** Where CPU profiles of the processes go, if anywhere. */
export const profiling: { directory: string | undefined } = { directory: undefined };

export class Worker {
  readonly #child: ChildProcess;

  static async start(
    role: 'serve' | 'call',
    name: string,
    address: string,
    options: { readonly connections?: number; readonly flags?: readonly string[] } = {},
  ): Promise<Worker> {
    const { connections = 1, flags = [] } = options;
    const { directory } = profiling;
    const profile = directory === undefined ? '' : `${directory}/${name}-${role}.cpuprofile`;
    const child = fork(WORKER, [role, name, address, String(connections), profile], {
      execArgv: ['--import', 'tsx', ...flags],
    });
    const worker = new Worker(child);
    await worker.#next(START_LIMIT, `${name} did not start`);
    return worker;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Runs a load; resolves with its result and what the process has used up to now. */
  async run<T = undefined>(load: Load): Promise<Usage & { readonly result: T }> {
    this.#child.send(load);
    const milliseconds = load.kind === 'calls' ? load.milliseconds : 0;
    const answer = (await this.#next(milliseconds + ANSWER_LIMIT, `no answer to ${load.kind}`)) as Answer;
    if ('error' in answer) throw new Error(answer.error);
    return answer as Usage & { result: T };
  }

  usage(): Promise<Usage> {
    return this.run({ kind: 'usage' });
  }

  /** Lets it exit by itself, so that a profile is written; kills it where that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    if (child.connected) child.disconnect();
    await gone;
    clearTimeout(timer);
  }

  async #next(limit: number, what: string): Promise<unknown> {
    const stop = new AbortController();
    const { signal } = stop;
    const timer = setTimeout(() => stop.abort(), limit);
    const died = once(this.#child, 'exit', { signal }).then(([status, by]) => {
      throw new Error(`${what}: its process ended (${status ?? by})`);
    });
    try {
      const [message] = await Promise.race([once(this.#child, 'message', { signal }), died]);
      return message;
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw signal.aborted ? new Error(`${what} in ${limit / 1000} s`) : error;
    } finally {
      clearTimeout(timer);
      died.catch(() => {});
      stop.abort();
    }
  }
}

/** A contender at work: its server and its client, each in a process of its own. */
export interface Pair {
  readonly name: string;
  readonly server: Worker;
  readonly client: Worker;
}

export async function startPair(name: string, address: string): Promise<Pair> {
  const server = await Worker.start('serve', name, address);
  try {
    return { name, server, client: await Worker.start('call', name, address) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

export async function stopPair({ server, client }: Pair): Promise<void> {
  await client.stop();
  await server.stop();
}
