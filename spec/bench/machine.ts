/** What the figures were measured on, in one line, without names and dates; and how busy it is. */
import { cpus, totalmem, type } from 'node:os';

const cores = cpus().length;

export const machine = {
  cores,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  memory: totalmem(),
  node: process.version,
  system: type(),
  text: `${cores} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${type()}`,
} as const;

export interface MachineTimes {
  readonly busy: number;
  readonly all: number;
}

export function machineUsage(): MachineTimes;
/** The share of all cores that was busy since then, whoever kept them so. */
export function machineUsage(since: MachineTimes): number;
export function machineUsage(since?: MachineTimes): MachineTimes | number {
  let all = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    all += times.user + times.nice + times.sys + times.irq + times.idle;
    idle += times.idle;
  }
  const now = { busy: all - idle, all };
  return since === undefined ? now : (now.busy - since.busy) / Math.max(1, now.all - since.all);
}
