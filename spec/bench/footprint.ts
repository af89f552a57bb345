/** What is there when nothing happens: the heap of calls that wait, and the CPU of a connection that is idle. */
import { setTimeout as sleep } from 'node:timers/promises';
import { labelOf, unanswered } from './contenders.js';
import type { Pending } from './load.js';
import { type Pair, Worker } from './processes.js';
import { percent, table, whole } from './table.js';

export interface PendingFigure extends Pending {
  readonly name: string;
  readonly count: number;
}

const PENDING = 100_000;

/** Calls with a string of 64 bytes each, to a topic that nobody reads. */
export async function measurePending(brokers: string): Promise<PendingFigure[]> {
  const figures: PendingFigure[] = [];
  for (const name of Object.keys(unanswered)) {
    const client = await Worker.start('call', name, brokers, { flags: ['--expose-gc'] });
    try {
      const { result } = await client.run<Pending>({ kind: 'pending', count: PENDING });
      figures.push({ name, count: PENDING, ...result });
    } finally {
      await client.stop();
    }
  }
  return figures;
}

export function pendingTable(figures: readonly PendingFigure[]): string {
  return table(
    ['calls that wait', 'how many', 'heap bytes each', 'in Buffers', 'rejected'],
    figures.map(({ name, count, heap, external, rejected }) => [
      labelOf(name),
      whole(count),
      whole(heap),
      whole(external),
      whole(rejected),
    ]),
  );
}

export interface IdleFigure {
  readonly name: string;
  /** Shares of one core. */
  readonly client: number;
  readonly server: number;
}

const IDLE = 5_000;

/** All at once: none of them has anything to do. */
export async function measureIdle(pairs: readonly Pair[]): Promise<IdleFigure[]> {
  await sleep(2_000);
  const start = performance.now();
  const cpu = () =>
    Promise.all(
      pairs.map(
        async ({ client, server }) => [(await client.usage()).cpu, (await server.usage()).cpu] as const,
      ),
    );
  const before = await cpu();
  await sleep(IDLE);
  const after = await cpu();
  const seconds = (performance.now() - start) / 1_000;
  return pairs.map(({ name }, index) => {
    const share = (side: 0 | 1) => ((after[index]?.[side] ?? 0) - (before[index]?.[side] ?? 0)) / seconds;
    return { name, client: share(0), server: share(1) };
  });
}

export function idleTable(figures: readonly IdleFigure[]): string {
  return table(
    ['idle CPU, of one core', 'client', 'server'],
    figures.map(({ name, client, server }) => [labelOf(name), percent(client), percent(server)]),
  );
}
