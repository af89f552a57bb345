/**
 * Calls per second through the operators of data pipelines, beside calls kept in flight by hand: 1,000 of them, as
 * many as `callBatch` has under way by itself. `processEach` takes its inputs from a topic, so that reading counts too.
 */
import type { Operator } from './contender.js';
import type { Calls } from './load.js';
import { PAYLOAD } from './measure.js';
import type { Pair } from './processes.js';
import { type Interval, interval, ratio } from './statistics.js';
import { range, table, whole } from './table.js';

const OPERATORS: readonly Operator[] = ['callEach', 'callBatch', 'processEach'];
const IN_FLIGHT = 1_000;
/** Calls of the measurement that finds out how many take the time asked for. */
const TRIAL = 20_000;
/** What the operators let wait of a source that can't be slowed down (maxBuffered). */
const MOST = 100_000;

export interface OperatorFigure {
  readonly operator: Operator | 'call';
  /** One a round. */
  readonly callsPerSecond: readonly number[];
  readonly toCall: Interval;
}

export async function measureOperators(
  { client }: Pair,
  rounds: number,
  milliseconds: number,
): Promise<OperatorFigure[]> {
  const byHand: number[] = [];
  const runs = OPERATORS.map((operator) => ({ operator, calls: TRIAL, rates: [] as number[] }));
  for (let round = 0; round <= rounds; round += 1) {
    const load = { kind: 'calls', inFlight: IN_FLIGHT, milliseconds, payload: PAYLOAD } as const;
    const { result } = await client.run<Calls>(load);
    if (round > 0) byHand.push(result.callsPerSecond);
    for (const run of runs) {
      const { operator, calls, rates } = run;
      const { result } = await client.run<number>({ kind: 'operators', operator, calls, payload: PAYLOAD });
      if (round === 0)
        run.calls = Math.min(MOST, Math.max(TRIAL, Math.ceil((result * milliseconds) / 1_000)));
      else rates.push(result);
    }
  }
  const figure = (operator: Operator | 'call', rates: readonly number[]) => ({
    operator,
    callsPerSecond: rates,
    toCall: ratio(rates, byHand),
  });
  return [figure('call', byHand), ...runs.map(({ operator, rates }) => figure(operator, rates))];
}

const LABELS: Readonly<Record<Operator | 'call', string>> = {
  call: `call, ${whole(IN_FLIGHT)} in flight by hand`,
  callEach: `callEach, concurrency ${whole(IN_FLIGHT)}`,
  callBatch: 'callBatch, its defaults',
  processEach: `a topic through processEach, concurrency ${whole(IN_FLIGHT)}`,
};

export function operatorsTable(figures: readonly OperatorFigure[]): string {
  return table(
    ['operators', 'calls/s', 'to calls by hand'],
    figures.map(({ operator, callsPerSecond, toCall }) => [
      LABELS[operator],
      whole(interval(callsPerSecond).median),
      range(toCall),
    ]),
  );
}
