/**
 * The comparison of calls: interleaved rounds, each of which runs every contender at every load, beginning
 * with another contender each time. What disturbs the machine disturbs all of them.
 */
import { type Measured, measure } from './measure.js';
import type { Pair } from './processes.js';

export type Results = Map<string, Map<number, Measured[]>>;

export interface RoundsOptions {
  readonly rounds: number;
  readonly milliseconds: number;
  readonly loads: readonly number[];
  readonly say: (line: string) => void;
  /** Told of a contender that broke; it takes no further part. */
  readonly onBroken: (name: string, error: unknown) => void;
}

/** By name and load, one entry a round. */
export async function runRounds(pairs: readonly Pair[], options: RoundsOptions): Promise<Results> {
  const { rounds, milliseconds, loads, say, onBroken } = options;
  const results: Results = new Map(pairs.map(({ name }) => [name, new Map(loads.map((it) => [it, []]))]));
  let alive = [...pairs];
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    const first = round % Math.max(1, alive.length);
    for (const pair of [...alive.slice(first), ...alive.slice(0, first)]) {
      try {
        for (const inFlight of loads) {
          const measured = await measure(pair, inFlight, milliseconds);
          if (round > 0) results.get(pair.name)?.get(inFlight)?.push(measured);
        }
      } catch (error) {
        onBroken(pair.name, error);
        alive = alive.filter((it) => it !== pair);
        results.delete(pair.name);
      }
    }
  }
  return results;
}
