/**
 * Connects, serves a call and closes, many times over, and tells what is left behind:
 * `tsx spec/kafka/cycles.ts [COUNT]` with KAFKA_BROKERS set. Run with --expose-gc for an exact RSS.
 */
import { connect } from '../../src/index.js';
import { unique } from './brokers.js';

export interface CycleReport {
  readonly cycles: number;
  /** RSS in bytes after each cycle. */
  readonly rss: readonly number[];
  /** Growth from the 20th cycle on, in bytes a cycle: the slope of the least-squares line. */
  readonly slope: number;
  /** Handles of the event loop that are open and were not before. */
  readonly handles: readonly string[];
}

/** Every tenth cycle also serves: a group join takes longest. */
export async function runCycles(cycles: number, brokers: string): Promise<CycleReport> {
  const name = unique('cycles');
  const before = process.getActiveResourcesInfo();
  const rss: number[] = [];
  for (let i = 0; i < cycles; i += 1) {
    const connection = await connect({ brokers });
    if (i % 10 === 0) {
      await connection.serve(name, { echo: (text: string) => text });
      await connection.client(name).call('echo', ['x']);
    }
    await connection.close();
    (globalThis as { gc?: () => void }).gc?.();
    rss.push(process.memoryUsage.rss());
  }
  const left = [...before];
  const handles = process.getActiveResourcesInfo().filter((resource) => {
    const at = left.indexOf(resource);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return { cycles, rss, slope: slopeOf(rss.slice(20)), handles };
}

function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let products = 0;
  let squares = 0;
  values.forEach((value, i) => {
    products += (i - middle) * (value - mean);
    squares += (i - middle) ** 2;
  });
  return products / squares;
}

if (process.argv[1]?.endsWith('cycles.ts')) {
  const { cycles, rss, slope, handles } = await runCycles(
    Number(process.argv[2] ?? 1_000),
    process.env.KAFKA_BROKERS ?? '',
  );
  const mega = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  console.log(
    `${cycles} cycles, RSS after the 20th ${mega(rss[19] ?? 0)}, after the last ${mega(rss.at(-1) ?? 0)}`,
  );
  console.log(`slope ${Math.round(slope)} bytes a cycle; handles left: ${handles.join(', ') || 'none'}`);
}
