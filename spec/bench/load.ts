/** The loads that a calling process takes, and what it answers. Each is bounded in count and time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller, Operator } from './contender.js';

export interface CallLoad {
  readonly kind: 'calls';
  /** Calls that are kept in flight. */
  readonly inFlight: number;
  readonly milliseconds: number;
  /** Bytes of the string that is echoed. */
  readonly payload: number;
}

export interface StreamLoad {
  readonly kind: 'streams';
  /** Streams at once. */
  readonly streams: number;
  /** Of all streams together. */
  readonly items: number;
  readonly payload: number;
  readonly window?: number;
}

export interface OperatorLoad {
  readonly kind: 'operators';
  readonly operator: Operator;
  readonly calls: number;
  readonly payload: number;
}

/** Calls that nobody answers; the process must be run with --expose-gc. */
export interface PendingLoad {
  readonly kind: 'pending';
  readonly count: number;
}

export type Load = CallLoad | StreamLoad | OperatorLoad | PendingLoad | { readonly kind: 'usage' };

/** Milliseconds where nothing else is said. */
export interface Calls {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
  readonly failure?: string;
}

/** Keeps so many calls in flight; one that fails is not made again, so that a broken contender can't spin. */
export async function measureCalls(callers: readonly Caller[], load: CallLoad): Promise<Calls> {
  const text = 'x'.repeat(load.payload);
  const latencies: number[] = [];
  const failures: unknown[] = [];
  const start = performance.now();
  const end = start + load.milliseconds;
  const loop = async ({ call }: Caller) => {
    for (let begin = performance.now(); begin < end; ) {
      await call(text);
      const now = performance.now();
      latencies.push(now - begin);
      begin = now;
    }
  };
  await Promise.all(
    Array.from({ length: load.inFlight }, (_, index) =>
      loop(callers[index % callers.length] as Caller).catch((error) => failures.push(error)),
    ),
  );
  const seconds = (performance.now() - start) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    calls: sorted.length,
    callsPerSecond: sorted.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    failed: failures.length,
    ...(failures.length > 0 && { failure: String(failures[0]) }),
  };
}

/** Items per second over all streams. */
export async function measureStreams({ stream }: Caller, load: StreamLoad): Promise<number> {
  if (stream === undefined) throw new Error('this contender has no streams');
  const text = 'x'.repeat(load.payload);
  const each = Math.ceil(load.items / load.streams);
  const start = performance.now();
  const received = await Promise.all(
    Array.from({ length: load.streams }, () => stream(each, text, load.window)),
  );
  const seconds = (performance.now() - start) / 1000;
  const short = received.find((count) => count !== each);
  if (short !== undefined) throw new Error(`a stream of ${each} items ended after ${short}`);
  return (each * load.streams) / seconds;
}

/** Calls per second through an operator. */
export async function measureOperator({ pipe }: Caller, load: OperatorLoad): Promise<number> {
  if (pipe === undefined) throw new Error('this contender has no operators');
  return load.calls / (await pipe(load.operator, load.calls, 'x'.repeat(load.payload)));
}

export interface Pending {
  /** Bytes of V8's heap per call. */
  readonly heap: number;
  /** Bytes outside of it, in Buffers, per call. */
  readonly external: number;
  readonly rejected: number;
}

/** Makes the calls in turns of 1,000, waits until they are sent, and looks at the heap before and after. */
export async function measurePending({ call }: Caller, { count }: PendingLoad): Promise<Pending> {
  let rejected = 0;
  process.on('unhandledRejection', () => {
    rejected += 1;
  });
  const calls: Promise<unknown>[] = new Array(count);
  for (let i = 0; i < 1_000; i += 1) void call('x'.repeat(64));
  const before = await heapNow();
  for (let i = 0; i < count; i += 1) {
    calls[i] = call('x'.repeat(64));
    if (i % 1_000 === 0) await sleep(1);
  }
  const after = await heapNow();
  return {
    heap: (after.heapUsed - before.heapUsed) / calls.length,
    external: (after.external - before.external) / calls.length,
    rejected,
  };
}

async function heapNow(): Promise<NodeJS.MemoryUsage> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  await sleep(2_000);
  globalThis.gc();
  await sleep(100);
  globalThis.gc();
  return process.memoryUsage();
}
