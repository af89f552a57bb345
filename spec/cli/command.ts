/** Runs the command line as a process of its own, from source, with a temp folder and an environment of the spec's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

export class Command {
  static readonly #running = new Set<Command>();
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(
    temp: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    stdin?: string,
  ) {
    const { KAFKA_BROKERS: _, ...inherited } = process.env;
    this.child = spawn(process.execPath, ['--import', 'tsx', join(root, 'src/cli/main.ts'), ...args], {
      cwd: root,
      env: { ...inherited, TMPDIR: temp, ...env },
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.end(stdin);
    Command.#running.add(this);
    this.child.stdout?.setEncoding('utf8').on('data', (data) => {
      this.stdout += data;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (data) => {
      this.stderr += data;
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        Command.#running.delete(this);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves when stdout or stderr matches, from a place on; rejects when the command ends without. */
  async until(pattern: RegExp, of: 'stdout' | 'stderr' = 'stdout', from = 0): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this[of].slice(from));
      if (match !== null) return match;
      if (!Command.#running.has(this)) {
        throw new Error(
          `ended with ${this.child.exitCode ?? this.child.signalCode}: ${this.stdout}${this.stderr}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Resolves once all have ended: none writes into its folder any more. */
  static async killAll(): Promise<void> {
    for (const command of Command.#running) command.kill('SIGKILL');
    await Promise.all([...Command.#running].map(({ ended }) => ended));
  }
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'callstream-spec-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
