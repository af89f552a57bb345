/** The comparison of calls as tables: one a load, the ratios to the bare loop or the floor with their intervals. */

import type { Bar } from './chart.js';
import { contenderOf, labelOf } from './contenders.js';
import type { Measured } from './measure.js';
import type { Results } from './rounds.js';
import { type Interval, median, ratio } from './statistics.js';
import { fixed, range, table, whole } from './table.js';
import type { Wire } from './wire.js';

/** One contender at one load, over all rounds. */
export interface CallFigure {
  readonly name: string;
  readonly inFlight: number;
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
  /** Calls per second to the bare loop's. */
  readonly toBare: Interval | undefined;
  /** callstream's calls per second, with a contract, to this one's. */
  readonly fromContracted: Interval | undefined;
  /** Medians of one call's time to the floor's. */
  readonly p50ToFloor: Interval | undefined;
  readonly p99ToFloor: Interval | undefined;
  readonly rounds: readonly Measured[];
}

type Figure = 'callsPerSecond' | 'p50' | 'p99' | 'clientCpu' | 'serverCpu';

export function callFigures(results: Results): CallFigure[] {
  return [...results].flatMap(([name, loads]) =>
    [...loads].map(([inFlight, rounds]) => {
      const of = (key: Figure, measured = rounds) => measured.map((round) => round[key]);
      const at = (other: string) => results.get(other)?.get(inFlight);
      const to = (other: string, key: Figure) => {
        const base = at(other);
        return base && ratio(of(key), of(key, base));
      };
      const contracted = at('contracted');
      return {
        name,
        inFlight,
        callsPerSecond: median(of('callsPerSecond')),
        p50: median(of('p50')),
        p99: median(of('p99')),
        clientCpu: median(of('clientCpu')),
        serverCpu: median(of('serverCpu')),
        toBare: to('bare', 'callsPerSecond'),
        fromContracted: contracted && ratio(of('callsPerSecond', contracted), of('callsPerSecond')),
        p50ToFloor: to('floor', 'p50'),
        p99ToFloor: to('floor', 'p99'),
        rounds,
      };
    }),
  );
}

export function callTables(figures: readonly CallFigure[]): string {
  const loads = [...new Set(figures.map(({ inFlight }) => inFlight))];
  return loads
    .map((load) => {
      const rows = figures.filter(({ inFlight }) => inFlight === load);
      return load === 1 ? oneInFlight(rows) : manyInFlight(load, rows);
    })
    .join('\n\n');
}

function oneInFlight(rows: readonly CallFigure[]): string {
  return table(
    [
      '1 in flight',
      'p50 ms',
      'p99 ms',
      'p50 to the floor',
      'p99 to the floor',
      'calls/s',
      'client CPU',
      'server CPU',
    ],
    rows.map(({ name, p50, p99, p50ToFloor, p99ToFloor, callsPerSecond, clientCpu, serverCpu }) => [
      labelOf(name),
      fixed(p50),
      fixed(p99),
      range(p50ToFloor),
      range(p99ToFloor),
      whole(callsPerSecond),
      fixed(clientCpu, 0),
      fixed(serverCpu, 0),
    ]),
  );
}

function manyInFlight(load: number, rows: readonly CallFigure[]): string {
  return table(
    [
      `${whole(load)} in flight`,
      'calls/s',
      'to the bare loop',
      'the contract to it',
      'p50 ms',
      'p99 ms',
      'client CPU',
      'server CPU',
    ],
    rows.map(({ name, callsPerSecond, toBare, fromContracted, p50, p99, clientCpu, serverCpu }) => [
      labelOf(name),
      whole(callsPerSecond),
      range(toBare, toBare !== undefined && toBare.median < 0.1 ? 3 : 2),
      range(fromContracted, fromContracted !== undefined && fromContracted.median > 3 ? 1 : 2),
      fixed(p50, 1),
      fixed(p99, 1),
      fixed(clientCpu, 1),
      fixed(serverCpu, 1),
    ]),
  );
}

export type WireFigure = Wire & { readonly name: string };

export function wireTable(figures: readonly WireFigure[]): string {
  const names = [...new Set(figures.map(({ name }) => name))];
  const at = (name: string, load: number) =>
    figures.find((figure) => figure.name === name && figure.inFlight === load);
  return table(
    ['bytes per call', '1 in flight', '1,000 in flight', 'records per call', 'at 1,000 in flight'],
    names.map((name) => [
      labelOf(name),
      whole(at(name, 1)?.bytesPerCall),
      whole(at(name, 1_000)?.bytesPerCall),
      fixed(at(name, 1)?.recordsPerCall),
      fixed(at(name, 1_000)?.recordsPerCall, 3),
    ]),
  );
}

export function chartBars(figures: readonly CallFigure[], load: number): Bar[] {
  return figures
    .filter(({ inFlight }) => inFlight === load)
    .map(({ name, callsPerSecond }) => ({
      label: labelOf(name),
      value: callsPerSecond,
      own: !contenderOf(name).peer && labelOf(name).startsWith('callstream'),
    }));
}
