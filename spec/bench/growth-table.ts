/** The columns that the tables of growth have in common; the last names what was used up. */
import type { Measured } from './measure.js';
import { type Cell, fixed, percent } from './table.js';

/** From here on something counts as used up. */
const FULL = 0.9;

export interface Figure extends Measured {
  /** Share of all cores. */
  readonly machine: number;
}

export const COMMON = [
  'p50 ms',
  'p99 ms',
  'client CPU',
  'server CPU',
  'client loop',
  'server loop',
  'machine',
  'limit',
];

export function common({ p50, p99, clientCpu, serverCpu, clientLoop, serverLoop, machine }: Figure): Cell[] {
  const limit =
    machine >= FULL
      ? 'all cores'
      : clientLoop >= FULL
        ? "clients' event loops"
        : serverLoop >= FULL
          ? "servers' event loops"
          : 'round trips';
  return [
    fixed(p50, 1),
    fixed(p99, 1),
    fixed(clientCpu, 1),
    fixed(serverCpu, 1),
    percent(clientLoop),
    percent(serverLoop),
    percent(machine),
    limit,
  ];
}

export const bytes = (count: number) => (count < 1_024 ? `${count} B` : `${count / 1_024} KiB`);
