/**
 * The comparison of calls: interleaved rounds, each of which runs all contenders at one load after the other, so that
 * those that are compared stand beside each other: what disturbs the machine disturbs all of them.
 */
import { type Measured, measure } from './measure.js';
import type { Pair } from './processes.js';

export type Results = Map<string, Map<number, Measured[]>>;

export interface RoundsOptions {
  readonly rounds: number;
  readonly milliseconds: number;
  readonly loads: readonly number[];
  readonly say: (line: string) => void;
  /** A contender that failed, started again; it fails for good where that rejects, or where it fails twice in a row. */
  readonly restart: (broken: Pair) => Promise<Pair>;
}

/** Milliseconds of rounds that don't count: a broker that has just started takes about as long to compile what it runs. */
const WARM_UP = 20_000;

/** By name and load, one entry a round. */
export async function runRounds(pairs: readonly Pair[], options: RoundsOptions): Promise<Results> {
  const { rounds, loads, say } = options;
  const results: Results = new Map(pairs.map(({ name }) => [name, new Map(loads.map((it) => [it, []]))]));
  const running = new Map(pairs.map((pair) => [pair.name, pair]));
  const warm = Date.now() + WARM_UP;
  for (let round = 0; round <= rounds && running.size > 0; round += round > 0 || Date.now() > warm ? 1 : 0) {
    say(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    for (const load of loads) {
      for (const name of inTurn([...running.keys()], round)) {
        try {
          const { measured, by } = await twiceAtMost(running.get(name) as Pair, load, options);
          running.set(name, by);
          if (round > 0) results.get(name)?.get(load)?.push(measured);
        } catch (error) {
          say(`${name} is out: ${String(error)}`);
          running.delete(name);
          results.delete(name);
        }
      }
    }
  }
  return results;
}

/** Begins with another each round, and goes the other way every second one: nobody always comes behind the same one. */
function inTurn(names: readonly string[], round: number): readonly string[] {
  const first = round % Math.max(1, names.length);
  const turned = [...names.slice(first), ...names.slice(0, first)];
  return round % 2 === 0 ? turned : turned.reverse();
}

async function twiceAtMost(
  pair: Pair,
  load: number,
  { milliseconds, say, restart }: RoundsOptions,
): Promise<{ measured: Measured; by: Pair }> {
  try {
    return { measured: await measure(pair, load, milliseconds), by: pair };
  } catch (error) {
    say(`${pair.name} failed, and is measured again: ${String(error)}`);
    const by = await restart(pair);
    return { measured: await measure(by, load, milliseconds), by };
  }
}
