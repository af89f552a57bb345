/**
 * Streams under random schedules: records of both directions come late, twice or not at all, items are acked in any
 * order, some subscribers leave. The rules of Reactive Streams hold all the same: in order, no more than was asked
 * for (1.1), serial signals (1.3), nothing behind the terminal one (1.7), and at last nothing is left (3.13).
 */
import { expect } from 'chai';
import fc from 'fast-check';
import * as t from 'io-ts';
import { map } from 'rxjs';
import { type StreamItem, service, stream } from '../../src/index.js';
import { type Fault, seeded } from '../../src/testing/index.js';
import { Bench } from '../rpc/harness.js';
import { nothingBehindTheEnd, Timeline } from '../rpc/timeline.js';

const SCHEDULES = Number(process.env.SCHEDULES ?? 150);
const LEASE = 3_000;
const counting = service('counting', { count: stream({ params: t.type({ to: t.number }), item: t.number }) });

interface Schedule {
  readonly seed: number;
  readonly window: number;
  readonly to: number;
  readonly acks: boolean;
  readonly servers: number;
  readonly retry: boolean;
  /** Chances of a record of a stream. */
  readonly doubled: number;
  readonly late: number;
  readonly lost: number;
  /** Items after which the subscriber leaves. */
  readonly leaves: number | undefined;
}

const schedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer(),
  window: fc.integer({ min: 1, max: 9 }),
  to: fc.integer({ min: 0, max: 60 }),
  acks: fc.boolean(),
  servers: fc.integer({ min: 1, max: 2 }),
  retry: fc.boolean(),
  doubled: fc.constantFrom(0, 0.2, 0.6),
  late: fc.constantFrom(0, 0.2, 0.6),
  lost: fc.constantFrom(0, 0, 0.05),
  leaves: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
});

/** How often what came about: schedules in which nothing happens prove nothing. */
const tally = { completed: 0, failed: 0, left: 0, repeated: 0 };

async function play({ seed, window, to, acks, leaves, ...chances }: Schedule): Promise<void> {
  const random = seeded(seed);
  const bench = new Bench({ random });
  const generators: { made: number }[] = [];
  const connections = [];
  for (let i = 0; i < chances.servers; i += 1) {
    const connection = await bench.connect({ lease: LEASE });
    connections.push(connection);
    const count = async function* ({ to }: { to: number }) {
      const generator = { made: 0 };
      generators.push(generator);
      for (; generator.made < to; ) {
        generator.made += 1;
        yield generator.made - 1;
      }
    };
    await bench.until(connection.serve(counting, { count }));
  }
  const caller = await bench.connect({ lease: LEASE });
  // A request comes twice only where it is tried again: its producer is idempotent.
  const where: Fault['where'] = ({ value }) => /\$\/|"result":null/.test(String(value));
  const requests: Fault['where'] = ({ value }) => String(value).includes('"count"');
  const upTo = (ms: number) => () => Math.floor(random() * ms);
  const faults = [
    bench.broker.inject({ where, chance: chances.doubled, duplicates: 1, duplicateAfter: upTo(60) }),
    bench.broker.inject({ where, chance: chances.late, delay: upTo(80) }),
    bench.broker.inject({ where: requests, chance: chances.late, delay: upTo(80) }),
    bench.broker.inject({ where, chance: chances.lost, report: 'unwritten' }),
  ];

  const client = caller.client(counting, {
    timeout: 1_000,
    ...(chances.retry && { retry: { attempts: 3, perTry: 60 } }),
  });
  const held: StreamItem<number>[] = [];
  let settled = 0;
  const values$ = acks
    ? client.call$('count', { to }, { window, ack: true }).pipe(
        map((item) => {
          held.push(item);
          return item.value;
        }),
      )
    : client.call$('count', { to }, { window }).pipe(
        map((item) => {
          settled += 1;
          return item;
        }),
      );
  const seen = new Timeline(bench.clock, values$);
  let left = false;
  for (let step = 0; step < 2_000 && seen.end === undefined && !left; step += 1) {
    await bench.advance(1 + Math.floor(random() * 12));
    for (const { made } of generators) expect(made, 'made').to.be.at.most(settled + window);
    expect(held.length, 'held').to.be.at.most(window);
    if (held.length > 0 && random() < 0.7) {
      const [item] = held.splice(Math.floor(random() * held.length), 1);
      settled += 1;
      item?.ack();
      if (random() < 0.2) item?.nack();
    }
    left = leaves !== undefined && seen.events.length >= leaves;
  }
  seen.subscription.unsubscribe();
  const before = generators.map(({ made }) => made);
  for (const item of held) item.ack();
  for (const end of faults) end();
  await bench.advance(3 * LEASE);

  const values = seen.end === undefined ? seen.values : seen.values.slice(0, -1);
  expect(values, 'in order, without gaps').to.deep.equal(Array.from(values, (_, i) => `${i}`));
  expect(seen.nested).to.deep.equal([]);
  if (seen.end === '|') expect(values.length, 'whole').to.equal(to);
  if (!left && chances.lost === 0) expect(seen.end).to.equal('|');
  if (left) expect(before.every((made) => made <= settled + window)).to.equal(true);
  const servers = connections.flatMap(({ servers }) => [...servers]);
  const open = servers.map(({ load }) => load.streams);
  for (const { stats } of servers) tally.repeated += stats.repeated;
  expect([caller.stats.pending, ...open], 'left over').to.deep.equal([0, ...open.map(() => 0)]);
  await bench.close();

  if (left) tally.left += 1;
  else if (seen.end === '|') tally.completed += 1;
  else tally.failed += 1;
}

describe('streams under random schedules', () => {
  nothingBehindTheEnd();

  it('should keep the rules of Reactive Streams', async () => {
    await fc.assert(fc.asyncProperty(schedules, play), {
      numRuns: SCHEDULES,
      ...(process.env.SEED !== undefined && { seed: Number(process.env.SEED) }),
    });
    for (const [what, times] of Object.entries(tally)) expect(times, what).to.be.above(0);
  }).timeout(100_000_000);
});
