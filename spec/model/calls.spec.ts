/**
 * Clients and servers under random schedules: whatever happens to them, to their records and to the
 * reports of these, every call ends as promised and nothing is left.
 *
 * `SCHEDULES=100000 npx mocha spec/model/calls.spec.ts` plays as many; `SEED` and `SCHEDULE_PATH`
 * play one again, as a failure prints them.
 */
import fc from 'fast-check';
import { seeded } from '../../src/testing/index.js';
import { Ledger, violations } from './laws.js';
import { clean, rough, type Schedule } from './schedule.js';
import { World } from './world.js';

const SCHEDULES = Number(process.env.SCHEDULES ?? 250);
const tally: Record<string, number> = {};

async function play(schedule: Schedule, patient: boolean): Promise<void> {
  const drawn = Math.random;
  Math.random = seeded(schedule.seed + 1);
  try {
    const ledger = new Ledger();
    const world = new World(schedule, (it) => ledger.check(it));
    await world.play();
    await world.quieten();
    count(world);
    const failures = [...ledger.failures, ...violations(world, patient), ...world.left()];
    await world.close();
    failures.push(...world.leftBehind());
    if (failures.length > 0) throw new Error(failures.join('\n'));
  } finally {
    Math.random = drawn;
  }
}

/** How often what came about: schedules in which nothing happens prove nothing. */
function count({ calls, runs, servers }: World): void {
  const add = (what: string, n = 1) => {
    tally[what] = (tally[what] ?? 0) + n;
  };
  add('schedules');
  add('runs', runs.length);
  for (const { server } of servers) add('repeats', server?.stats.repeated ?? 0);
  for (const { answers, ends, hedged, left, step } of calls) {
    const [end] = ends;
    if (hedged) add('hedged');
    if (step.held !== undefined) add('through middleware');
    add('answers of instances', answers.length);
    if (end === undefined) add(left ? 'left' : 'killed');
    else if ('result' in end) add('results');
    else if (end.error._tag === 'RpcError') add(`RpcError ${end.error.code}`);
    else add(`${end.error._tag}${end.error.reason === 'no server' ? ' no server' : ''}`);
  }
}

async function judge(schedules: fc.Arbitrary<Schedule>, patient: boolean): Promise<void> {
  const { SEED, SCHEDULE_PATH } = process.env;
  await fc.assert(
    fc.asyncProperty(schedules, (schedule) => play(schedule, patient)),
    {
      numRuns: SCHEDULES / 2,
      endOnFailure: false,
      ...(SEED !== undefined && { seed: Number(SEED) }),
      ...(SCHEDULE_PATH !== undefined && { path: SCHEDULE_PATH }),
    },
  );
}

describe('calls under random schedules', () => {
  const begun = Date.now();
  after(() => {
    const seconds = (Date.now() - begun) / 1_000;
    if (process.env.SCHEDULES !== undefined) {
      process.stdout.write(
        `${Math.round((tally.schedules ?? 0) / seconds)} a second: ${JSON.stringify(tally)}\n`,
      );
    }
  });

  it('should be answered, and run once, where servers come and go in good order', () =>
    judge(clean, true)).timeout(100_000_000);

  it('should end once and in time, and run again only where a server was lost, whatever goes wrong', () =>
    judge(rough, false)).timeout(100_000_000);
});
