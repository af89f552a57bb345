/**
 * Who takes part. Each is loaded only in the processes that measure it: the peers have dependencies
 * of their own (spec/bench/peers), and may be missing.
 */
import { existsSync } from 'node:fs';
import type { Contender } from './contender.js';

export interface Entry {
  readonly label: string;
  /** What its address names: Kafka's brokers, a nats-server, or a free port of its own. */
  readonly at: 'kafka' | 'nats' | 'port';
  readonly peer: boolean;
  readonly load: () => Promise<Contender>;
}

const peer = (name: string) => async (): Promise<Contender> =>
  (await import(new URL(`./peers/${name}.js`, import.meta.url).href)).contender;

const own = (label: string, load: () => Promise<Contender>): Entry => ({
  label,
  at: 'kafka',
  peer: false,
  load,
});

export const contenders: Readonly<Record<string, Entry>> = {
  floor: own('floor: one record a call', () => import('./floor.js').then(({ floor }) => floor)),
  bare: own('bare coalescing loop', () => import('./bare.js').then(({ bare }) => bare)),
  untyped: own('callstream, by name', () => import('./callstream.js').then(({ untyped }) => untyped)),
  contracted: own('callstream, contract', () =>
    import('./callstream.js').then(({ contracted }) => contracted),
  ),
  nest: { label: 'NestJS on Kafka', at: 'kafka', peer: true, load: peer('nest') },
  nats: { label: 'NATS', at: 'nats', peer: true, load: peer('nats') },
  grpc: { label: 'grpc-js', at: 'port', peer: true, load: peer('grpc') },
};

/** Not in the comparison: calls that nobody answers, for the memory that one takes. */
export const unanswered: Readonly<Record<string, Entry>> = {
  'unanswered-bare': own('bare coalescing loop', () =>
    import('./bare.js').then(({ unansweredBare }) => unansweredBare),
  ),
  'unanswered-contracted': own('callstream, contract', () =>
    import('./callstream.js').then(({ unanswered }) => unanswered),
  ),
};

/** Nor this one: a handler that computes, for what more servers bring. */
const busy = own('callstream, busy handler', () => import('./callstream.js').then(({ busy }) => busy));

export function contenderOf(name: string): Entry {
  const entry = contenders[name] ?? unanswered[name] ?? (name === 'busy' ? busy : undefined);
  if (entry === undefined) throw new Error(`no contender ${name}`);
  return entry;
}

export const labelOf = (name: string): string => contenderOf(name).label;

export const INSTALL_PEERS = 'npm ci --prefix spec/bench/peers';

export const peersInstalled = (): boolean => existsSync(new URL('./peers/node_modules', import.meta.url));
