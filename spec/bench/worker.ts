/**
 * A process of the bench: `worker.ts serve|call CONTENDER ADDRESS [CONNECTIONS [PROFILE]]`. It says `ready` to its
 * parent, then answers each load it is sent with what it measured and what CPU time it has used so far.
 */

import type { Caller } from './contender.js';
import { contenderOf } from './contenders.js';
import { type Load, measureCalls, measureOperator, measurePending, measureStreams } from './load.js';
import { startProfile } from './profile.js';

/** Seconds of this process, from its start up to now. */
export interface Usage {
  /** CPU, of all its threads. */
  readonly cpu: number;
  /** That its event loop did not wait. */
  readonly loop: number;
}

export type Answer = (Usage & { readonly result: unknown }) | { readonly error: string };

const [role, name = '', address = '', connections = '1', profile = ''] = process.argv.slice(2);
let end = async () => {};
process.on('disconnect', () => void end().finally(() => process.exit()));
const contender = await contenderOf(name).load();
const callers: Caller[] = [];
if (role === 'serve') await contender.serve(address);
else for (let i = 0; i < Number(connections); i += 1) callers.push(await contender.connect(address));
process.on('message', (load: Load) => void answer(load).then((given) => process.send?.(given)));
if (profile !== '') {
  const stop = await startProfile();
  end = () => stop(profile);
}
process.send?.('ready');

async function answer(load: Load): Promise<Answer> {
  try {
    const result = await run(load);
    const { user, system } = process.cpuUsage();
    return { result, cpu: (user + system) / 1e6, loop: performance.eventLoopUtilization().active / 1e3 };
  } catch (error) {
    return { error: String(error) };
  }
}

function run(load: Load): unknown {
  if (load.kind === 'usage') return undefined;
  const first = callers[0];
  if (first === undefined) throw new Error('a server makes no calls');
  if (load.kind === 'calls') return measureCalls(callers, load);
  if (load.kind === 'operators') return measureOperator(first, load);
  return load.kind === 'streams' ? measureStreams(first, load) : measurePending(first, load);
}
