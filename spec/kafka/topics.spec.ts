// Several topics, and those that match a pattern, on a real Kafka: what memory can't show.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { lastValueFrom, map, Subject, take, takeUntil, toArray } from 'rxjs';
import { type Connection, connect, processEach, type ReadOptions, transact } from '../../src/index.js';
import { brokers, deleteTopic, describeOnKafka, unique } from './brokers.js';
import { until } from './port-support.js';

const MODES: readonly (readonly [string, ReadOptions<never>])[] = [
  ['eager', { assignor: 'eager' }],
  ['cooperative', { assignor: 'cooperative' }],
  ['protocol consumer', { protocol: 'consumer' }],
];
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describeOnKafka('several topics on a real Kafka', () => {
  let connection: Connection;
  let prefix: string;

  before(async () => {
    connection = await connect({ brokers, onIssue: () => {} });
  });
  beforeEach(() => {
    prefix = unique('several');
  });
  after(() => connection.close());

  /** With its values, spread over its partitions. */
  async function create(name: string, count: number): Promise<string> {
    const topic = connection.topic(`${prefix}-${name}`);
    await topic.create({ partitions: 2 });
    await lastValueFrom(
      topic.publishAll(
        upTo(count).map((i) => `${name}${i}`),
        { key: (value) => String(value) },
      ),
      { defaultValue: undefined },
    );
    return topic.name;
  }

  const left = (topics: readonly string[], group: string, options: ReadOptions<never> = {}) =>
    lastValueFrom(
      connection
        .topics(topics)
        .records$({ ...options, group, to: 'now', autoAck: true })
        .pipe(toArray()),
    );

  it('should be read without a group, by names and by a pattern', async () => {
    const names = [await create('a', 20), await create('b', 30)];
    const read = (topics: string[] | RegExp) =>
      lastValueFrom(
        connection
          .topics(topics)
          .records$({ to: 'now' })
          .pipe(
            map(({ topic, value }) => `${topic} ${value}`),
            toArray(),
          ),
      );
    const expected = [
      ...upTo(20).map((i) => `${names[0]} a${i}`),
      ...upTo(30).map((i) => `${names[1]} b${i}`),
    ];
    expect(await read(names)).have.members(expected);
    expect(await read(new RegExp(`^${prefix}-[ab]$`))).have.members(expected);
  });

  for (const [mode, options] of MODES) {
    it(`should be shared by the members of a group that come and go, and committed each, ${mode}`, async () => {
      const names = await Promise.all(['a', 'b', 'c'].map((name) => create(name, 200)));
      const worked: unknown[] = [];
      const join = (leave: Subject<void>) =>
        connection
          .topics(names)
          .records$({ ...options, group: prefix, from: 'earliest', maxUnacked: 50 })
          .pipe(
            takeUntil(leave),
            processEach(async ({ value }) => {
              await sleep(20);
              worked.push(value);
            }),
          )
          .subscribe({ error: (error) => worked.push(error) });
      const [firstLeaves, secondLeaves] = [new Subject<void>(), new Subject<void>()];
      join(firstLeaves);
      await until(() => worked.length > 50, 'the first records');
      join(secondLeaves);
      await until(() => worked.length > 300, 'more records');
      firstLeaves.next();
      await until(() => worked.length >= 600, 'all records');
      secondLeaves.next();
      expect(worked).have.members(['a', 'b', 'c'].flatMap((name) => upTo(200).map((i) => `${name}${i}`)));
      await sleep(3_500);
      expect(await left(names, prefix, options)).deep.equal([]);
    });

    it(`should come to a pattern as they are created and go as they are deleted, ${mode}`, async () => {
      const first = await create('one', 5);
      const second = await create('two', 0);
      const seen: unknown[] = [];
      const topics = connection.topics(new RegExp(`^${prefix}-`));
      let joined = false;
      topics.events$.subscribe(({ type }) => {
        joined ||= type === 'assigned';
      });
      const subscription = topics
        .records$({ ...options, group: prefix, from: 'latest', autoAck: true, metadataInterval: 300 })
        .subscribe({ next: ({ value }) => seen.push(value), error: (error) => seen.push(error) });
      await until(() => joined, 'the first assignment');
      const third = await create('three', 10);
      await connection.topic(first).publish('more');
      const expected = ['more', ...upTo(10).map((i) => `three${i}`)];
      await until(() => seen.length >= expected.length, 'the topic that was created');
      await deleteTopic(second);
      await sleep(2_000);
      await connection.topic(third).publish('last');
      await until(() => seen.length > expected.length, 'a record behind the deletion');
      subscription.unsubscribe();
      expect(seen).have.members([...expected, 'last']);
    });
  }

  it('should be transacted together', async () => {
    const names = [await create('a', 20), await create('b', 30)];
    const out = connection.topic(`${prefix}.out`);
    await out.create({ partitions: 1 });
    const records$ = connection.topics(names).records$({ group: prefix, from: 'earliest', to: 'now' });
    await lastValueFrom(transact(records$, ({ value }) => out.toRecord(value), { transactionalId: prefix }));
    // Not to `now`: the marker of the last transaction may be on its way.
    const written = await lastValueFrom(
      out.records$().pipe(
        map(({ value }) => value),
        take(50),
        toArray(),
      ),
    );
    expect(written).have.members([...upTo(20).map((i) => `a${i}`), ...upTo(30).map((i) => `b${i}`)]);
    expect(await left(names, prefix)).deep.equal([]);
  });
});
