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
  /** A contender that failed, started again; it fails for good where that rejects, or where it fails the same round twice. */
  readonly restart: (broken: Pair) => Promise<Pair>;
}

/** By name and load, one entry a round. */
export async function runRounds(pairs: readonly Pair[], options: RoundsOptions): Promise<Results> {
  const { rounds, loads, say } = options;
  const results: Results = new Map(pairs.map(({ name }) => [name, new Map(loads.map((it) => [it, []]))]));
  let alive = [...pairs];
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    const first = round % Math.max(1, alive.length);
    const next: Pair[] = [];
    for (const pair of [...alive.slice(first), ...alive.slice(0, first)]) {
      const { name } = pair;
      try {
        const { measured, by } = await oneRound(pair, options);
        if (round > 0) measured.forEach((it, load) => void results.get(name)?.get(load)?.push(it));
        next.push(by);
      } catch (error) {
        say(`${name} is out: ${String(error)}`);
        results.delete(name);
      }
    }
    alive = alive.flatMap(({ name }) => next.filter((pair) => pair.name === name));
  }
  return results;
}

/** All loads, or none: a round counts as a whole. */
async function oneRound(
  pair: Pair,
  options: RoundsOptions,
): Promise<{ measured: Map<number, Measured>; by: Pair }> {
  try {
    return { measured: await allLoads(pair, options), by: pair };
  } catch (error) {
    options.say(`${pair.name} failed, and begins its round again: ${String(error)}`);
    const by = await options.restart(pair);
    return { measured: await allLoads(by, options), by };
  }
}

async function allLoads(pair: Pair, { loads, milliseconds }: RoundsOptions): Promise<Map<number, Measured>> {
  const measured = new Map<number, Measured>();
  for (const inFlight of loads) measured.set(inFlight, await measure(pair, inFlight, milliseconds));
  return measured;
}
