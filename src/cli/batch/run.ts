/** From the options of `callstream batch` to a job that has ended: opens all that it needs, and closes it. */
import { rm } from 'node:fs/promises';
import type { Connection } from '../../index.js';
import { type ConnectionOptions, open } from '../connection.js';
import { counted, shownNumber } from '../figures.js';
import { tellOutages } from '../outages.js';
import { line } from '../output.js';
import { Stopped, stopOnSignals, stopWithStdout } from '../stop.js';
import { UsageError } from '../usage-error.js';
import { filesOf, isRegular, type JobFiles } from './files.js';
import { Input } from './input.js';
import { Job } from './job.js';
import { BEGINNING, Journal } from './journal.js';
import { asTheyAre, mappingOf } from './mapping.js';
import { Progress } from './progress.js';
import { Results } from './results.js';
import { FileSink, type Sink, streamSink } from './sink.js';

export interface BatchOptions extends ConnectionOptions {
  readonly csv?: true;
  readonly map?: string;
  readonly output?: string;
  readonly failures?: string;
  readonly resume?: true;
  readonly journal: boolean;
  readonly strict?: true;
  readonly concurrency: number;
  readonly rate?: number;
  readonly retry: number;
  readonly timeout: number;
}

export async function runBatch(
  service: string,
  method: string,
  file: string | undefined,
  options: BatchOptions,
): Promise<void> {
  const files = filesOf(file, options);
  if (options.strict) await check(file, options);
  const input = await inputOf(file, options);
  const journal =
    files.journal === undefined
      ? undefined
      : await journalOf(files.journal, service, method, input, files, options);
  const fresh = journal?.at.next === 0 && !options.resume;
  let touched = false;
  try {
    const connection = await open(options, 'fail');
    try {
      const job = await work(connection, service, method, input, journal, files, options, (one) => {
        touched = one.touched;
      });
      if (job.failed > 0 || (journal?.at.failed ?? 0) > 0) throw new Stopped(1);
    } finally {
      await connection.close();
    }
  } catch (error) {
    const done = error instanceof Stopped && error.code === 1 && error.text === '';
    if (journal !== undefined && !done) {
      if (fresh && !touched) await journal.remove();
      else if (journal.open) tellResume(options);
    }
    throw error;
  } finally {
    await journal?.close();
    await input.close();
  }
}

/** The whole file, before anything is sent. */
async function check(file: string | undefined, options: BatchOptions): Promise<void> {
  const input = await inputOf(file, options);
  if (input.size === undefined) throw new UsageError('--strict reads the input twice: expected a file');
  try {
    for (let entries = await input.next(); entries !== undefined; entries = await input.next()) {
      const bad = entries.find(({ problem }) => problem !== undefined);
      if (bad !== undefined) throw new UsageError(`${input.name}: line ${bad.line}: ${bad.problem}`);
    }
  } finally {
    await input.close();
  }
}

function inputOf(file: string | undefined, { csv, map }: BatchOptions): Promise<Input> {
  return Input.open(file, csv ? 'csv' : 'ndjson', map === undefined ? asTheyAre : mappingOf(map));
}

async function journalOf(
  file: string,
  service: string,
  method: string,
  input: Input,
  { output = '', failures = '' }: JobFiles,
  { csv, map, resume }: BatchOptions,
): Promise<Journal> {
  const identity = {
    service,
    method,
    format: csv ? 'csv' : 'ndjson',
    map,
    output,
    failures,
    input: await input.identity(),
  };
  return resume ? Journal.resume(file, identity) : Journal.begin(file, identity);
}

async function work(
  connection: Connection,
  service: string,
  method: string,
  input: Input,
  journal: Journal | undefined,
  files: JobFiles,
  options: BatchOptions,
  ended: (job: Job) => void,
): Promise<Job> {
  const { timeout, interop, concurrency, rate, retry } = options;
  const at = journal?.at ?? BEGINNING;
  const client = await UsageError.from(() => connection.client(service, { timeout, interop }));
  const output = await sinkOf(files.output, process.stdout, at.output);
  const failures = await sinkOf(files.failures, process.stderr, at.failures);
  const wrote = (error?: unknown) => (error === undefined ? job.pump() : job.abort(unwritten(error)));
  const results: Results = new Results(at, { output, failures }, journal, wrote);
  const key = journal?.job ?? (retry > 1 ? Journal.newJob() : undefined);
  const job: Job = new Job(client, input, results, {
    method,
    concurrency,
    rate,
    attempts: retry,
    key,
    // Bytes, which take a look at every value, come with MessagePack alone; control characters act on a terminal alone.
    line:
      options.codec === 'msgpack' || (files.output === undefined && process.stdout.isTTY)
        ? line
        : (value) => `${JSON.stringify(value)}\n`,
    tell: (text) => progress.tell(text),
  });
  const bar =
    Boolean(process.stderr.isTTY) &&
    files.failures !== undefined &&
    !(files.output === undefined && process.stdout.isTTY);
  const progress = new Progress(job, input, at.next, bar);
  if (at.next > 0) progress.tell(`${shownNumber(at.next)} rows are done already`);
  stopWith(job, progress, files.output === undefined);
  const outage = watchOutages(connection, job, timeout, (text) => progress.tell(text));
  const start = performance.now();
  try {
    await job.run();
  } finally {
    ended(job);
    outage.unsubscribe();
    const written = results.flush().catch((error) => {
      throw unwritten(error);
    });
    await written.finally(() => {
      progress.stop();
      return Promise.all([output.close(), failures.close()]);
    });
    if (failures.bytes === 0 && files.failures !== undefined && isRegular(files.failures))
      await rm(files.failures, { force: true });
    summary(job, (performance.now() - start) / 1_000, failures.bytes > 0 ? files.failures : undefined);
  }
  await journal?.remove();
  return job;
}

function sinkOf(file: string | undefined, stream: NodeJS.WriteStream, bytes: number): Promise<Sink> | Sink {
  return file === undefined ? streamSink(stream) : FileSink.open(file, bytes);
}

function unwritten(error: unknown): unknown {
  return new Stopped(1, `error: the results can't be written: ${(error as Error).message}`);
}

/** A signal lets calls in flight finish; a reader of stdout that has gone wants no more. */
function stopWith(job: Job, progress: Progress, stdout: boolean): void {
  const stop = stopOnSignals();
  if (stdout) stopWithStdout(stop);
  stop.signal.addEventListener('abort', () => {
    const { reason } = stop.signal;
    if (reason.code < 128) {
      job.abort(reason);
      return;
    }
    progress.tell(`${shownNumber(job.inFlight)} calls in flight may finish; a second signal ends at once`);
    job.stop(reason);
  });
}

/** The broker may be away for as long as a call may take. */
function watchOutages(connection: Connection, job: Job, timeout: number, tell: (text: string) => void) {
  const subscription = tellOutages(connection, tell, { ms: timeout, giveUp: (error) => job.abort(error) });
  subscription.add(connection.status$.subscribe(({ state }) => job.connected(state === 'connected')));
  return subscription;
}

function summary({ answered, failed }: Job, seconds: number, failures: string | undefined): void {
  const rows = answered + failed;
  const where = failures === undefined ? '' : `, see ${failures}`;
  const rate = shownNumber(rows / Math.max(seconds, 0.001));
  process.stderr.write(
    `callstream: ${counted(rows, 'row')} in ${seconds.toFixed(1)} s (${rate}/s), ${shownNumber(failed)} failed${where}\n`,
  );
}

/** The same command once more, as a shell takes it. */
function tellResume({ resume }: BatchOptions): void {
  const words = [...process.argv.slice(2), ...(resume ? [] : ['--resume'])];
  const quoted = words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  );
  process.stderr.write(`callstream: the job isn't done; to go on: callstream ${quoted.join(' ')}\n`);
}
