/** One measurement of calls: a load on client processes, and what it took of theirs, the servers' and the machine's CPU. */
import type { CallLoad, Calls } from './load.js';
import { machineUsage } from './machine.js';
import type { Pair, Worker } from './processes.js';
import { median } from './statistics.js';
import type { Usage } from './worker.js';

/** Bytes of the string that is echoed, where nothing else is said. */
export const PAYLOAD = 64;

/** One contender at one load in one round. */
export interface Measured extends Calls {
  /** CPU seconds of the client's and the server's process per million calls. */
  readonly clientCpu: number;
  readonly serverCpu: number;
  /** The share of the time that their event loops were at work; of several processes, the mean. */
  readonly clientLoop: number;
  readonly serverLoop: number;
}

export async function measure(
  { client, server }: Pair,
  inFlight: number,
  milliseconds: number,
  payload = PAYLOAD,
): Promise<Measured> {
  const load = { kind: 'calls', inFlight, milliseconds, payload } as const;
  return (await measureGroup([client], [server], load)).total;
}

/** Several clients share a load; figures of CPU and event loops are sums over their processes. */
export async function measureGroup(
  clients: readonly Worker[],
  servers: readonly Worker[],
  load: CallLoad,
): Promise<{ readonly total: Measured; readonly machine: number }> {
  const clientsBefore = await usageOf(clients);
  const serversBefore = await usageOf(servers);
  const machineBefore = machineUsage();
  const share = { ...load, inFlight: Math.ceil(load.inFlight / clients.length) };
  const all = (await Promise.all(clients.map((client) => client.run<Calls>(share)))).map(
    ({ result }) => result,
  );
  const machine = machineUsage(machineBefore);
  const clientsUsed = await usageOf(clients, clientsBefore);
  const serversUsed = await usageOf(servers, serversBefore);
  const failure = all.find(({ failed }) => failed > 0);
  if (failure !== undefined) {
    throw new Error(`${failure.failed} calls failed at ${load.inFlight} in flight: ${failure.failure}`);
  }
  const calls = sum(all, ({ calls }) => calls);
  const seconds = load.milliseconds / 1_000;
  const total: Measured = {
    calls,
    callsPerSecond: sum(all, ({ callsPerSecond }) => callsPerSecond),
    p50: median(all.map(({ p50 }) => p50)),
    p99: Math.max(...all.map(({ p99 }) => p99)),
    failed: 0,
    clientCpu: (clientsUsed.cpu * 1e6) / calls,
    serverCpu: (serversUsed.cpu * 1e6) / calls,
    clientLoop: Math.min(1, clientsUsed.loop / seconds / clients.length),
    serverLoop: Math.min(1, serversUsed.loop / seconds / servers.length),
  };
  return { total, machine };
}

async function usageOf(workers: readonly Worker[], before: Usage = { cpu: 0, loop: 0 }): Promise<Usage> {
  const all = await Promise.all(workers.map((worker) => worker.usage()));
  return { cpu: sum(all, ({ cpu }) => cpu) - before.cpu, loop: sum(all, ({ loop }) => loop) - before.loop };
}

const sum = <T>(all: readonly T[], of: (it: T) => number) => all.reduce((total, it) => total + of(it), 0);
