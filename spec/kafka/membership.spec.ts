// How members of a real group hand partitions over: eager, cooperative, by the new protocol, under lasting names.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { type Connection, connect, processEach, type ReadOptions, type TopicEvent } from '../../src/index.js';
import { brokers, describeOnKafka, unique } from './brokers.js';
import { until } from './port-support.js';

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

const MODES: readonly (readonly [string, ReadOptions])[] = [
  ['eager', { assignor: 'eager' }],
  ['cooperative', { assignor: 'cooperative' }],
  ['protocol consumer', { protocol: 'consumer' }],
];

describeOnKafka('members of a group on a real Kafka', function () {
  this.timeout(120_000);
  const opened = new Set<Connection>();

  afterEach(async () => {
    await Promise.all([...opened].map((connection) => connection.close()));
    opened.clear();
  });

  async function member(topic: string, options: ReadOptions, done?: Map<unknown, number>) {
    const connection = await connect({ brokers, onIssue: () => {} });
    opened.add(connection);
    const own = connection.topic(topic);
    const events: TopicEvent[] = [];
    const errors: unknown[] = [];
    own.events$.subscribe((event) => events.push(event));
    const work = async ({ value }: { value: unknown }) => {
      await sleep(Math.random() * 5);
      done?.set(value, (done.get(value) ?? 0) + 1);
    };
    own
      .records$({ maxUnacked: 500, ...options })
      .pipe(processEach(work, { concurrency: 64, ordered: false }))
      .subscribe({ error: (error) => errors.push(error) });
    const count = (type: 'assigned' | 'revoked') =>
      events.reduce((sum, event) => sum + (event.type === type ? event.partitions.length : 0), 0);
    const unfinished = () =>
      events.reduce((sum, event) => sum + (event.type === 'revoked' ? event.unfinished : 0), 0);
    return { connection, events, errors, count, unfinished, has: () => count('assigned') - count('revoked') };
  }

  async function newTopic(partitions: number): Promise<string> {
    const connection = await connect({ brokers });
    opened.add(connection);
    const topic = unique('members');
    await connection.topic(topic).create({ partitions });
    return topic;
  }

  for (const [mode, membership] of MODES) {
    it(`should lose nothing while members come and leave, ${mode}`, async () => {
      const topic = await newTopic(6);
      const options = { group: unique('group'), ...membership };
      const total = Number(process.env.CHURN_RECORDS ?? 20_000);
      const source = await connect({ brokers });
      opened.add(source);
      const done = new Map<unknown, number>();
      const all = await Promise.all([1, 2, 3].map(() => member(topic, options, done)));
      const members = [...all];
      let rounds = 0;
      let published = 0;
      const flow = (async () => {
        for (; published < total; published += 1_000) {
          await lastValueFrom(source.topic(topic).publishAll(upTo(1_000).map((i) => published + i)));
          await sleep(400);
        }
      })();
      while (published < total) {
        await sleep(2_000);
        await members.shift()?.connection.close();
        const next = await member(topic, options, done);
        members.push(next);
        all.push(next);
        rounds += 1;
      }
      await flow;
      await until(() => done.size >= total, `all records, ${done.size} so far`, 40_000);
      await Promise.all(members.map(({ connection }) => connection.close()));
      const twice = [...done.values()].reduce((sum, times) => sum + times - 1, 0);
      const unfinished = all.reduce((sum, each) => sum + each.unfinished(), 0);
      if (process.env.CHURN_RECORDS !== undefined)
        process.stderr.write(
          `${mode}: ${total} records, ${rounds} leaves, ${twice} twice, ${unfinished} unfinished\n`,
        );
      expect(all.flatMap(({ errors }) => errors)).deep.equal([]);
      expect([done.size, twice]).deep.equal([total, 0]);
    });
  }

  for (const [mode, membership] of MODES.slice(1)) {
    it(`should hand over only what moves, ${mode}`, async () => {
      const topic = await newTopic(6);
      const options = { group: unique('group'), ...membership };
      const first = await member(topic, options);
      await until(() => first.has() === 6, 'all partitions', 20_000);
      const second = await member(topic, options);
      await until(() => first.has() === 3 && second.has() === 3, 'a fair share', 30_000);
      expect([first.count('assigned'), first.count('revoked'), second.count('revoked')]).deep.equal([
        6, 3, 0,
      ]);
    });
  }

  it('should join with no partition left for it, by the new protocol', async () => {
    const topic = await newTopic(1);
    const options: ReadOptions = { group: unique('group'), protocol: 'consumer' };
    const first = await member(topic, options);
    await until(() => first.has() === 1, 'the partition', 20_000);
    const second = await member(topic, options);
    await sleep(1_500);
    await first.connection.close();
    await until(() => second.has() === 1, 'the partition that was left', 20_000);
    expect(second.errors).deep.equal([]);
  });

  it('should come back under its name without a rebalance', async () => {
    const topic = await newTopic(4);
    const options = { group: unique('group'), sessionTimeout: 10_000 };
    const stays = await member(topic, { ...options, groupInstanceId: 'a' });
    const goes = await member(topic, { ...options, groupInstanceId: 'b' });
    await until(() => stays.has() === 2 && goes.has() === 2, 'two partitions each', 20_000);
    const before = stays.events.length;
    await goes.connection.close();
    const back = await member(topic, { ...options, groupInstanceId: 'b' });
    await until(() => back.has() === 2, 'its partitions', 8_000);
    const changes = stays.events
      .slice(before)
      .filter(({ type }) => type === 'assigned' || type === 'revoked');
    expect(changes).deep.equal([]);
  });

  it('should end the first of two members of one name as fenced, for good', async () => {
    const topic = await newTopic(2);
    const options = { group: unique('group'), groupInstanceId: 'one' };
    const first = await member(topic, options);
    await until(() => first.has() === 2, 'all partitions', 20_000);
    const second = await member(topic, options);
    await until(() => first.errors.length > 0, 'the end of the first', 20_000);
    await until(() => second.has() === 2, 'its partitions', 20_000);
    await sleep(1_000);
    expect(first.errors).lengthOf(1);
    expect(first.errors[0]).include({ name: 'KafkaError', reason: 'fenced' });
    expect([second.errors, second.has()]).deep.equal([[], 2]);
  });
});
