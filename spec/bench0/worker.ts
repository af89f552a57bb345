/**
 * A process of the bench: `worker.ts serve|call CONTENDER BROKERS`. It says `ready` to its parent; a
 * calling one then takes loads as messages and answers each with what it measured.
 */
import { bare } from './bare.js';
import { contracted, untyped } from './callstream.js';
import type { Contender } from './contender.js';
import { floor } from './floor.js';

export interface Load {
  /** Calls that are kept in flight. */
  readonly inFlight: number;
  readonly milliseconds: number;
  /** Bytes of the string that is echoed. */
  readonly payload: number;
}

export interface Measured {
  readonly callsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU seconds of the client's process per million calls. */
  readonly cpu: number;
}

export const contenders: Readonly<Record<string, Contender>> = { floor, bare, untyped, contracted };

if (process.send !== undefined) {
  const [role, name = '', brokers = ''] = process.argv.slice(2);
  const contender = contenders[name];
  if (contender === undefined) throw new Error(`no contender ${name}`);
  if (role === 'serve') {
    await contender.serve(brokers);
    process.on('message', () => {
      const { user, system } = process.cpuUsage();
      process.send?.((user + system) / 1e6);
    });
  } else {
    const call = await contender.connect(brokers);
    process.on(
      'message',
      (load: Load) => void measure(call, load).then((measured) => process.send?.(measured)),
    );
  }
  process.send('ready');
}

async function measure(call: (text: string) => Promise<unknown>, load: Load): Promise<Measured> {
  const text = 'x'.repeat(load.payload);
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + load.milliseconds;
  const worker = async () => {
    for (let begin = performance.now(); begin < end; ) {
      await call(text);
      const now = performance.now();
      latencies.push(now - begin);
      begin = now;
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, worker));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    callsPerSecond: sorted.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpu: (user + system) / sorted.length,
  };
}
