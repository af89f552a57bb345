/** Three servers of one service, restarted one after the other under a steady load: nothing fails, nothing runs twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../src/index.js';
import { unique } from '../brokers.js';
import { ServerProcess } from './peer.js';

const SERVERS = 3;
/** Milliseconds between bursts, and from a server's return to the next one's leave. */
const TICK = 10;
const PAUSE = 2_000;

export interface RollingReport {
  readonly calls: number;
  readonly restarts: number;
  readonly failed: number;
  /** Calls that ran more than once. */
  readonly twice: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
  /** The first few failures. */
  readonly errors: readonly string[];
}

export async function rollingRestart(
  brokers: string,
  { seconds, rate }: { readonly seconds: number; readonly rate: number },
): Promise<RollingReport> {
  const name = unique('rolling');
  const connection = await connect({ brokers });
  const client = connection.client(name, {
    timeout: 20_000,
    retry: { attempts: 5, perTry: 8_000 },
  });
  const servers: ServerProcess[] = [];
  const runs = new Map<number, number>();
  const count = (ids: readonly number[]) => {
    for (const id of ids) runs.set(id, (runs.get(id) ?? 0) + 1);
  };
  try {
    for (let i = 0; i < SERVERS; i += 1) servers.push(await ServerProcess.start(brokers, name));
    await sleep(PAUSE);
    const begin = performance.now();
    const over = () => performance.now() - begin > seconds * 1e3;

    let restarts = 0;
    const restarting = (async () => {
      while (!over()) {
        const leaving = servers.shift() as ServerProcess;
        count(await leaving.stop());
        servers.push(await ServerProcess.start(brokers, name));
        restarts += 1;
        await sleep(PAUSE);
      }
    })();

    const delays: number[] = [];
    const errors: string[] = [];
    let failed = 0;
    let calls = 0;
    const pending: Promise<void>[] = [];
    const call = async (id: number) => {
      const start = performance.now();
      try {
        await client.call('work', [id]);
        delays.push(performance.now() - start);
      } catch (error) {
        failed += 1;
        if (errors.length < 10) errors.push(String(error));
      }
    };
    let ended: boolean;
    do {
      ended = over();
      const due = Math.floor(((performance.now() - begin) / 1e3) * rate);
      for (; calls < due; calls += 1) pending.push(call(calls));
      await sleep(TICK);
    } while (!ended);
    await Promise.all(pending);
    await restarting;
    for (const server of servers.splice(0)) count(await server.stop());
    delays.sort((a, b) => a - b);
    const quantile = (q: number) =>
      delays[Math.min(delays.length - 1, Math.floor(q * delays.length))] ?? Number.NaN;
    return {
      calls,
      restarts,
      failed,
      twice: [...runs.values()].filter((times) => times > 1).length,
      seconds: (performance.now() - begin) / 1e3,
      p50: quantile(0.5),
      p99: quantile(0.99),
      slowest: quantile(1),
      errors,
    };
  } finally {
    for (const server of servers) server.kill();
    await connection.close();
  }
}
