/** A copying process killed again and again, and what a reader of committed records finds meanwhile and then. */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endWith, lastValueFrom, map, type Observable } from 'rxjs';
import { connect } from '../../src/index.js';
import { brokers, unique } from './brokers.js';

const worker = fileURLToPath(new URL('./transact-worker.ts', import.meta.url));

export interface Plan {
  readonly kills: number;
  readonly records: number;
  readonly maxBatch: number;
  /** Milliseconds for all of it. */
  readonly within: number;
}

export interface Figures {
  readonly kills: number;
  /** Told by the processes; one that is killed may not have told of its last. */
  readonly transactions: number;
  /** By the processes themselves, because their work failed. */
  readonly aborted: number;
  /** What a reader of uncommitted records finds beyond the committed ones. */
  readonly undone: number;
  readonly duplicates: number;
  readonly missing: number;
  readonly seconds: number;
}

/** Numbers are copied from topic to topic by one process after another, each killed up to 600 ms after it has copied some. */
export async function killAgainAndAgain({ kills, records, maxBatch, within }: Plan): Promise<Figures> {
  const connection = await connect({ brokers, onIssue: () => {} });
  const begin = Date.now();
  const name = unique('transact');
  const input = connection.topic(name);
  const output = connection.topic(`${name}.copies`);
  await Promise.all([input.create(), output.create()]);
  let killed = 0;
  /** A portion before each kill and one behind the last: there is always something to copy. */
  const publish = () => {
    const due = (portions: number) => Math.floor((records * portions) / (kills + 1));
    return lastValueFrom(input.publishAll(numbers(due(killed), due(killed + 1)), { key: String }));
  };
  let transactions = 0;
  let aborted = 0;
  let ended: string | undefined;
  const start = (): ChildProcess => {
    const args = [brokers, name, `${name}.copies`, `${name}-1`, String(maxBatch)];
    const child = fork(worker, args, { execArgv: ['--import', 'tsx'] });
    child.on('message', (message: { records?: number; aborted?: string; ended?: string }) => {
      if (message.records !== undefined) transactions += 1;
      if (message.aborted !== undefined) aborted += 1;
      ended ??= message.ended;
    });
    return child;
  };
  const copied = new Set<unknown>();
  const reading = output.records$().subscribe(({ value }) => copied.add(value));
  const until = async (count: number) => {
    while (copied.size < count) {
      if (ended !== undefined || Date.now() - begin > within)
        throw new Error(`${copied.size} of ${records} copied: ${ended ?? `not within ${within} ms`}`);
      await sleep(5);
    }
  };
  let child = start();
  try {
    await publish();
    while (killed < kills) {
      await until(copied.size + 1);
      await sleep(Math.random() * 600);
      child.kill('SIGKILL');
      killed += 1;
      child = start();
      await publish();
    }
    await until(records);
  } finally {
    child.kill('SIGKILL');
    reading.unsubscribe();
  }
  const copies = await values(output.records$({ to: 'now' }));
  const all = await values(output.records$({ to: 'now', isolation: 'read_uncommitted' }));
  await connection.close();
  const distinct = new Set(copies).size;
  return {
    kills: killed,
    transactions,
    aborted,
    undone: all.length - copies.length,
    duplicates: copies.length - distinct,
    missing: records - distinct,
    seconds: Math.round((Date.now() - begin) / 1_000),
  };
}

function* numbers(from: number, to: number): Generator<number> {
  for (let i = from; i < to; i += 1) yield i;
}

function values(records$: Observable<{ readonly value: unknown }>): Promise<unknown[]> {
  const found: unknown[] = [];
  return lastValueFrom(
    records$.pipe(
      map(({ value }) => found.push(value)),
      endWith(0),
    ),
  ).then(() => found);
}
