/** The parent's end of a server process. */
import { type ChildProcess, fork } from 'node:child_process';
import { on, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Asked, Told } from './server.js';

const FILE = fileURLToPath(new URL('./server.ts', import.meta.url));

type ToldOf<K extends Told['kind']> = Extract<Told, { kind: K }>;

export class ServerProcess {
  readonly #child: ChildProcess;

  /** Resolves once it serves. */
  static async start(brokers: string, name: string): Promise<ServerProcess> {
    const server = new ServerProcess(
      fork(FILE, [brokers, name], {
        execArgv: ['--import', 'tsx', '--expose-gc'],
        serialization: 'advanced',
      }),
    );
    await server.next('ready');
    return server;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask(asked: Asked): void {
    this.#child.send(asked);
  }

  /** What it tells next, of this kind. */
  async next<K extends Told['kind']>(kind: K): Promise<ToldOf<K>> {
    for await (const [told] of on(this.#child, 'message', { close: ['exit'] })) {
      if ((told as Told).kind === kind) return told as ToldOf<K>;
    }
    throw new Error(`the server process ended without a word of ${kind}`);
  }

  async memory(): Promise<ToldOf<'memory'>> {
    const answer = this.next('memory');
    this.ask('memory');
    return answer;
  }

  /** Drains it; resolves with the ids of the calls that it ran. */
  async stop(): Promise<readonly number[]> {
    const answer = this.next('ran');
    const gone = once(this.#child, 'exit');
    this.ask('stop');
    const { ids } = await answer;
    await gone;
    return ids;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
