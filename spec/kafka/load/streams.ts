/** Many streams at once, a long one to a slow subscriber, and how soon a cancel arrives: each with its figures. */
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, Subject, tap } from 'rxjs';
import { connect, type UntypedClient } from '../../../src/index.js';
import { unique } from '../brokers.js';
import { ServerProcess } from './peer.js';

const LIMIT = 300_000;

/** Runs with a client here and a server in a process of its own. */
async function withServer<A>(
  brokers: string,
  run: (client: UntypedClient, server: ServerProcess) => Promise<A>,
): Promise<A> {
  const name = unique('load');
  const connection = await connect({ brokers });
  const server = await ServerProcess.start(brokers, name);
  try {
    return await run(connection.client(name, { timeout: 60_000 }), server);
  } finally {
    server.kill();
    await connection.close();
  }
}

export interface ManyReport {
  readonly streams: number;
  readonly items: number;
  /** Streams that brought every item in order and completed. */
  readonly correct: number;
  readonly seconds: number;
  /** Bytes of heap and Buffers an open stream, after a collection. */
  readonly clientBytes: number;
  readonly serverBytes: number;
}

/** Opens `streams` at once, measures the memory while all are open, then lets each bring its items. */
export function manyStreams(brokers: string, streams: number, items: number): Promise<ManyReport> {
  return withServer(brokers, async (client, server) => {
    await client.call('echo', ['warm']);
    const before = { client: heap(), server: (await server.memory()).heap };
    const begin = performance.now();
    const allOpen = new Subject<void>();
    let open = 0;
    let correct = 0;
    const ends: Promise<void>[] = [];
    for (let i = 0; i < streams; i += 1) {
      let next = 0;
      ends.push(
        new Promise((resolve) => {
          client.call$('gated', [items]).subscribe({
            next: (item) => {
              if (item === next) next += 1;
              if (item === 0 && ++open === streams) allOpen.next();
            },
            error: () => resolve(),
            complete: () => {
              if (next === items) correct += 1;
              resolve();
            },
          });
        }),
      );
      if (i % 500 === 499) await nextTurn();
    }
    await within(LIMIT, firstValueFrom(allOpen), () => `${open} of ${streams} streams opened`);
    const clientBytes = (heap() - before.client) / streams;
    const serverBytes = ((await server.memory()).heap - before.server) / streams;
    server.ask('release');
    await within(LIMIT, Promise.all(ends), () => `${correct} of ${streams} streams were complete`);
    return { streams, items, correct, seconds: (performance.now() - begin) / 1e3, clientBytes, serverBytes };
  });
}

export interface LongReport {
  readonly items: number;
  readonly inOrder: boolean;
  readonly seconds: number;
  /** Peak RSS in bytes. */
  readonly clientRss: number;
  readonly serverRss: number;
}

/** One long stream to a subscriber that blocks its process for a millisecond every 100 items. */
export function longStream(brokers: string, items: number): Promise<LongReport> {
  return withServer(brokers, async (client, server) => {
    let next = 0;
    let inOrder = true;
    const begin = performance.now();
    await client
      .call$('count', [items])
      .pipe(
        tap((item) => {
          inOrder &&= item === next;
          next += 1;
          if (next % 100 === 0) block(1);
        }),
      )
      .forEach(() => {});
    return {
      items: next,
      inOrder,
      seconds: (performance.now() - begin) / 1e3,
      clientRss: peak(process.pid),
      serverRss: peak(server.pid),
    };
  });
}

export interface CancelReport {
  /** Medians, in milliseconds. */
  readonly roundTrip: number;
  readonly cancel: number;
}

/** From the unsubscribe to the end of the handler's Observable, beside the round trip of a call. */
export function cancels(brokers: string, times: number): Promise<CancelReport> {
  return withServer(brokers, async (client, server) => {
    for (let i = 0; i < 50; i += 1) await client.call('echo', ['warm']);
    const roundTrips: number[] = [];
    const delays: number[] = [];
    for (let i = 0; i < times; i += 1) {
      const begin = now();
      await client.call('echo', ['x']);
      roundTrips.push(now() - begin);
      const cancelled = server.next('cancelled');
      const first = new Subject<void>();
      const subscription = client.call$('hang').subscribe(() => first.next());
      await firstValueFrom(first);
      await sleep(2);
      const asked = now();
      subscription.unsubscribe();
      delays.push((await cancelled).at - asked);
    }
    return { roundTrip: median(roundTrips), cancel: median(delays) };
  });
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

function heap(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The most that a process has had in memory (Linux). */
function peak(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function within<A>(limit: number, work: Promise<A>, state: () => string): Promise<A> {
  const stop = new AbortController();
  const late = sleep(limit, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`after ${limit / 1_000} s ${state()}`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    stop.abort();
  }
}
