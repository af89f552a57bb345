/**
 * The journal of a job: what the job is, then checkpoints. A checkpoint is appended when what it
 * tells of is on the disk, so that the last one that can be read is always true.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { UsageError } from '../usage-error.js';
import type { InputIdentity } from './input.js';
import { type Lock, lockOf } from './lock.js';

/** What must be the same when a job is resumed. */
export interface JobIdentity {
  readonly service: string;
  readonly method: string;
  readonly input: InputIdentity;
  readonly format: string;
  readonly map: string | undefined;
  readonly output: string;
  readonly failures: string;
}

export interface Checkpoint {
  /** The first index that has no answer yet. */
  readonly next: number;
  /** Of them, those that have failed. */
  readonly failed: number;
  /** Bytes of the output, and of the failures, that hold the answers before `next`. */
  readonly output: number;
  readonly failures: number;
}

export const BEGINNING: Checkpoint = { next: 0, failed: 0, output: 0, failures: 0 };

export class Journal {
  /** False once the job is done. */
  open = true;

  private constructor(
    readonly file: string,
    /** Begins the idempotency keys of the job's calls. */
    readonly job: string,
    /** Where the job was when the journal was opened. */
    readonly at: Checkpoint,
    private readonly handle: FileHandle,
    private readonly lock: Lock,
  ) {}

  /** Begins a job; refuses where another was left unfinished. */
  static begin(file: string, identity: JobIdentity): Promise<Journal> {
    const job = Journal.newJob();
    const begun = Journal.#open(file, 'wx', async (handle) => {
      await handle.writeFile(`${JSON.stringify({ job, ...identity })}\n`);
      await handle.sync();
      return { job, at: BEGINNING };
    });
    return begun.catch(async (error: NodeJS.ErrnoException) => {
      if (error instanceof UsageError) throw error;
      if (error.code !== 'EEXIST') {
        await rm(file, { force: true });
        throw new UsageError(`${file}: can't be written (${error.code})`);
      }
      return Journal.#open(file, 'r', async () => {
        throw new UsageError(
          `${file}: a job was left unfinished: --resume goes on with it; remove the file to begin anew`,
        );
      });
    });
  }

  /** Opens the journal of a job that was left unfinished; refuses one of another job. */
  static resume(file: string, identity: JobIdentity): Promise<Journal> {
    const resumed = Journal.#open(file, constants.O_RDWR | constants.O_APPEND, async (handle) => {
      const text = await handle.readFile('utf8');
      // What stands behind the last newline was cut off by a crash.
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      const lines = whole.split('\n').slice(0, -1);
      const { job, ...left } = parsed<JobIdentity & { job: string }>(lines[0]) ?? {};
      if (typeof job !== 'string')
        throw new UsageError(`--resume: ${file}: it is no journal of a job: remove it to begin anew`);
      refuseAnother(left, identity);
      let at = BEGINNING;
      for (const line of lines.slice(1)) at = parsed<Checkpoint>(line) ?? at;
      await handle.truncate(Buffer.byteLength(whole));
      return { job, at };
    });
    return resumed.catch((error: NodeJS.ErrnoException) => {
      if (error instanceof UsageError) throw error;
      throw error.code === 'ENOENT'
        ? new UsageError(`--resume: there is no journal ${file}: no job was left unfinished`)
        : new UsageError(`--resume: ${file}: can't be read (${error.code})`);
    });
  }

  /** Refuses where another process has it. */
  static async #open(
    file: string,
    flags: string | number,
    read: (handle: FileHandle) => Promise<{ readonly job: string; readonly at: Checkpoint }>,
  ): Promise<Journal> {
    const handle = await open(file, flags);
    const lock = await lockOf(handle);
    try {
      if (lock === undefined) throw new UsageError(`${file}: another process is at work on this job`);
      const { job, at } = await read(handle);
      return new Journal(file, job, at, handle, lock);
    } catch (error) {
      lock?.release();
      await handle.close();
      throw error;
    }
  }

  static newJob(): string {
    return randomBytes(9).toString('base64url');
  }

  async checkpoint(at: Checkpoint): Promise<void> {
    await this.handle.write(`${JSON.stringify(at)}\n`);
  }

  async close(): Promise<void> {
    await this.handle.close();
    this.lock.release();
  }

  /** The job is done: there is nothing to resume. */
  async remove(): Promise<void> {
    this.open = false;
    await rm(this.file, { force: true });
  }
}

function parsed<T>(line: string | undefined): (Partial<T> & T) | undefined {
  try {
    return JSON.parse(line ?? '');
  } catch {
    return undefined;
  }
}

function refuseAnother(left: Partial<JobIdentity>, now: JobIdentity): void {
  for (const part of ['service', 'method', 'format', 'map', 'output', 'failures', 'input'] as const) {
    const [before, given] = [left[part], now[part]].map((value) => JSON.stringify(value) ?? 'none');
    if (before === given) continue;
    const what =
      part === 'input'
        ? 'the input is another one, or has changed since'
        : `${part} was ${before}, not ${given}`;
    throw new UsageError(`--resume: this is not the job that was left: ${what}`);
  }
}
