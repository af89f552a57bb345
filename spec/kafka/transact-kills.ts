/** A copying process killed again and again, and what a reader of committed records then finds. */
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
  kills: number;
  transactions: number;
  aborted: number;
  duplicates: number;
  missing: number;
  /** What a reader of uncommitted records finds beyond them: written by transactions that the kills ended. */
  undone: number;
  seconds: number;
}

export async function killAgainAndAgain({ kills, records, maxBatch, within }: Plan): Promise<Figures> {
  const connection = await connect({ brokers, onIssue: () => {} });
  const begin = Date.now();
  const name = unique('transact');
  const input = connection.topic(name);
  const output = connection.topic(`${name}.copies`);
  await Promise.all([input.create(), output.create()]);
  await lastValueFrom(
    input.publishAll(
      (function* () {
        for (let i = 1; i <= records; i += 1) yield i;
      })(),
      { key: String },
    ),
  );
  const figures = { kills: 0, transactions: 0, aborted: 0, duplicates: 0, missing: 0, undone: 0, seconds: 0 };
  let consumed = 0;
  let ended: string | undefined;
  const start = (): ChildProcess => {
    const child = fork(worker, [brokers, name, `${name}.copies`, `${name}-1`, String(maxBatch)], {
      execArgv: ['--import', 'tsx'],
    });
    child.on('message', (message: { records?: number; aborted?: string; ended?: string }) => {
      if (message.records !== undefined) {
        figures.transactions += 1;
        consumed += message.records;
      }
      if (message.aborted !== undefined) figures.aborted += 1;
      ended ??= message.ended;
    });
    return child;
  };
  const left = () => begin + within - Date.now();
  let child = start();
  try {
    while (consumed < records) {
      if (left() < 0 || ended !== undefined)
        throw new Error(`${consumed} of ${records} copied: ${ended ?? 'not in time'}`);
      const before = figures.transactions;
      while (figures.transactions === before && consumed < records && ended === undefined && left() > 0)
        await sleep(5);
      if (figures.kills < kills) {
        await sleep(Math.random() * 600);
        child.kill('SIGKILL');
        figures.kills += 1;
        child = start();
      }
    }
  } finally {
    child.kill('SIGKILL');
  }
  const copies = await values(output.records$({ to: 'now' }));
  const all = await values(output.records$({ to: 'now', isolation: 'read_uncommitted' }));
  const distinct = new Set(copies);
  figures.duplicates = copies.length - distinct.size;
  figures.missing = records - distinct.size;
  figures.undone = all.length - copies.length;
  figures.seconds = Math.round((Date.now() - begin) / 1_000);
  await connection.close();
  return figures;
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
