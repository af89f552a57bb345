/**
 * Items per second of one stream, and of 100 at once. callstream's handler is an async generator, asked for
 * no more than the client's credit; the bare loop packs 256 items a record and knows no credit.
 */

import { labelOf } from './contenders.js';
import { PAYLOAD } from './measure.js';
import type { Pair } from './processes.js';
import { type Interval, interval, ratio } from './statistics.js';
import { range, table, whole } from './table.js';

interface Variant {
  readonly name: string;
  /** The client's; its own default where absent. */
  readonly window?: number;
}

const VARIANTS: readonly Variant[] = [
  { name: 'bare' },
  { name: 'contracted' },
  { name: 'contracted', window: 1_024 },
  { name: 'grpc' },
];
const COUNTS = [1, 100];
/** Items of all streams together, in the measurement that finds out how many take the time asked for. */
const TRIAL = 50_000;
const MOST = 3_000_000;

export interface StreamFigure {
  readonly name: string;
  readonly window: number | undefined;
  readonly streams: number;
  /** One a round. */
  readonly itemsPerSecond: readonly number[];
  readonly toBare: Interval | undefined;
}

export async function measureStreams(
  pairs: readonly Pair[],
  rounds: number,
  milliseconds: number,
): Promise<StreamFigure[]> {
  const runs = COUNTS.flatMap((streams) =>
    VARIANTS.flatMap((variant) => {
      const pair = pairs.find(({ name }) => name === variant.name);
      return pair === undefined ? [] : [{ ...variant, pair, streams, items: TRIAL, rates: [] as number[] }];
    }),
  );
  for (let round = 0; round <= rounds; round += 1) {
    for (const run of runs) {
      const { pair, streams, items, window, rates } = run;
      const load = { kind: 'streams', streams, items, payload: PAYLOAD, window } as const;
      if (round === 0) await pair.client.run(load);
      const { result } = await pair.client.run<number>(load);
      if (round === 0)
        run.items = Math.min(MOST, Math.max(TRIAL, Math.ceil((result * milliseconds) / 1_000)));
      else rates.push(result);
    }
  }
  return runs.map(({ name, window, streams, rates }) => {
    const bare = runs.find((it) => it.name === 'bare' && it.streams === streams)?.rates;
    return { name, window, streams, itemsPerSecond: rates, toBare: bare && ratio(rates, bare) };
  });
}

export function streamsTable(figures: readonly StreamFigure[]): string {
  return table(
    ['streams', 'at once', 'items/s', 'to the bare loop'],
    figures.map(({ name, window, streams, itemsPerSecond, toBare }) => [
      window === undefined ? labelOf(name) : `${labelOf(name)}, window ${whole(window)}`,
      String(streams),
      whole(interval(itemsPerSecond).median),
      range(toBare),
    ]),
  );
}
