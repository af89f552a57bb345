/**
 * What can happen to the clients and servers of one service, as data: fast-check draws schedules of
 * it and makes a failing one smaller.
 */
import fc from 'fast-check';

/** One call, and how it is made. */
export interface CallStep {
  readonly does: 'call';
  readonly client: number;
  readonly method: 'echo' | 'slow' | 'fail' | 'busy' | 'feed' | 'pull' | 'note' | 'relay' | 'ask';
  /** Milliseconds that its handler takes, or that pass between two items of its stream. */
  readonly ms: number;
  /** Items of a stream; attempts that a busy server refuses. */
  readonly count: number;
  readonly timeout: number;
  readonly retry:
    | { readonly attempts: number; readonly backoff: number; readonly perTry?: number }
    | undefined;
  /** Of calls that have no retry, no key and nothing shared. */
  readonly hedge: { readonly delay: number; readonly attempts: number } | undefined;
  /** Milliseconds that a middleware of its client holds it; undefined: there is none. */
  readonly held: number | undefined;
  /** `absentAfter` of its client. */
  readonly absent: number | undefined;
  /** Calls with the same number share an idempotency key. */
  readonly shared: number | undefined;
  readonly key: string | undefined;
  readonly window: number;
  /** The handler ends when its signal aborts. */
  readonly obeys: boolean;
  /** Milliseconds until the caller has had enough. */
  readonly patience: number | undefined;
}

/** What happens to a client or a server, for `ms` where it passes. */
export interface FateStep {
  readonly does: 'kill' | 'freeze' | 'cut' | 'close';
  readonly to: 'client' | 'server';
  readonly which: number;
  readonly ms: number;
}

export interface GroupStep {
  readonly does: 'rebalance' | 'start';
}

export type Step = { readonly wait: number } & (CallStep | FateStep | GroupStep);

export interface Schedule {
  /** Draws what the broker does to each record. */
  readonly seed: number;
  readonly clients: number;
  readonly servers: number;
  readonly partitions: number;
  /** Milliseconds of a hop, at most. */
  readonly latency: number;
  /** Milliseconds that clocks are ahead or behind, by process. */
  readonly skews: readonly number[];
  /** Connections share one inbox partition, or have one each. */
  readonly sharedInbox: boolean;
  readonly msgpack: boolean;
  readonly concurrency: number;
  readonly maxQueued: number;
  readonly maxRemembered: number;
  /** Of the method `slow`, where it has limits of its own. */
  readonly slow: { readonly concurrency: number; readonly maxQueued: number } | undefined;
  readonly ordered: boolean;
  /** Servers share the answers of calls with an idempotency key. */
  readonly store: boolean;
  readonly revokeTimeout: number;
  readonly drain: number;
  /** Chances of a record. */
  readonly delayed: number;
  readonly duplicated: number;
  /** Written, but reported as failed. */
  readonly unreported: number;
  /** Not written, and nobody can tell. */
  readonly lost: number;
  /** Not written: refused at once, or by the broker. */
  readonly refused: number;
  /** Chance of a commit: it is answered late, or not at all, or refused. */
  readonly commits: number;
  readonly atMostOnce: boolean;
  readonly steps: readonly Step[];
}

const wait = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 7, arbitrary: fc.nat(80) });
/** Absent once in `freq` times. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 2) => fc.option(arbitrary, { nil: undefined, freq });

const call: fc.Arbitrary<Step> = fc.record({
  wait,
  does: fc.constant('call' as const),
  client: fc.nat(2),
  method: fc.constantFrom(
    ...([
      'echo',
      'slow',
      'slow',
      'slow',
      'fail',
      'busy',
      'feed',
      'feed',
      'pull',
      'note',
      'relay',
      'ask',
    ] as const),
  ),
  ms: fc.oneof(fc.nat(60), fc.nat(600)),
  count: fc.nat(12),
  timeout: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2_500 }), fc.constant(2_500)),
  retry: maybe(
    fc.record({
      attempts: fc.integer({ min: 1, max: 4 }),
      backoff: fc.integer({ min: 1, max: 60 }),
      perTry: maybe(fc.integer({ min: 1, max: 300 })),
    }),
    3,
  ),
  hedge: maybe(
    fc.record({ delay: fc.integer({ min: 1, max: 200 }), attempts: fc.integer({ min: 2, max: 4 }) }),
  ),
  held: maybe(fc.oneof(fc.constant(0), fc.nat(400))),
  absent: fc.constantFrom(undefined, undefined, undefined, undefined, 60, 350, 700),
  shared: maybe(fc.nat(2)),
  key: maybe(fc.constantFrom('a', 'b', 'c')),
  window: fc.integer({ min: 1, max: 6 }),
  obeys: fc.boolean(),
  patience: maybe(fc.nat(400)),
});

const fate = (names: readonly FateStep['does'][], servers: boolean): fc.Arbitrary<Step> =>
  fc.record({
    wait,
    does: fc.constantFrom(...names),
    to: servers ? fc.constant('server' as const) : fc.constantFrom('server' as const, 'server', 'client'),
    which: fc.nat(4),
    ms: fc.oneof(fc.nat(200), fc.nat(2_000)),
  });

const group: fc.Arbitrary<Step> = fc.record({ wait, does: fc.constantFrom('rebalance' as const, 'start') });

const chance = fc.constantFrom(0, 0, 0.05, 0.3);

/** `patient`: hand-overs wait for every handler. */
const schedule = (steps: fc.Arbitrary<Step>, faults: fc.Arbitrary<number>, patient: boolean) =>
  fc.record({
    seed: fc.nat(),
    clients: fc.integer({ min: 2, max: 3 }),
    // Without any, calls wait for those that are started.
    servers: patient ? fc.integer({ min: 2, max: 3 }) : fc.constantFrom(0, 2, 2, 3, 3),
    partitions: fc.integer({ min: 1, max: 4 }),
    latency: fc.constantFrom(0, 1, 5),
    skews: fc.array(fc.constantFrom(0, -700, 700), { minLength: 8, maxLength: 8 }),
    sharedInbox: fc.boolean(),
    msgpack: fc.boolean(),
    concurrency: fc.constantFrom(1, 4, 64),
    maxQueued: fc.constantFrom(1, 1_000, 1_000),
    maxRemembered: fc.constantFrom(2, 1_000, 1_000),
    slow: maybe(
      fc.record({
        concurrency: fc.integer({ min: 1, max: 3 }),
        maxQueued: fc.constantFrom(1, 1_000, 1_000),
      }),
    ),
    ordered: fc.boolean(),
    store: fc.boolean(),
    revokeTimeout: patient ? fc.constant(4_000) : fc.constantFrom(100, 4_000),
    drain: patient ? fc.constant(4_000) : fc.constantFrom(0, 100, 4_000),
    delayed: chance,
    duplicated: chance,
    unreported: faults,
    lost: faults,
    refused: faults,
    commits: faults,
    atMostOnce: fc.constantFrom(false, false, false, true),
    steps: fc.array(steps, { minLength: 1, maxLength: 30, size: 'max' }),
  });

/** Servers come and go in good order: every call is answered, and runs once. */
export const clean: fc.Arbitrary<Schedule> = schedule(
  fc.oneof(
    { weight: 6, arbitrary: call },
    { weight: 1, arbitrary: fate(['close'], true) },
    { weight: 1, arbitrary: group },
  ),
  fc.constant(0),
  true,
);

/** Everything goes wrong that can. */
export const rough: fc.Arbitrary<Schedule> = schedule(
  fc.oneof(
    { weight: 7, arbitrary: call },
    { weight: 2, arbitrary: fate(['kill', 'freeze', 'cut', 'close'], false) },
    { weight: 1, arbitrary: group },
  ),
  chance,
  false,
);
