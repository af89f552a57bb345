// How members of a real group hand partitions over: cooperative, by the new protocol, under lasting names.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { devNull } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Connection, connect, processEach, type ReadOptions, type TopicEvent } from '../../src/index.js';
import { brokers, describeOnKafka, unique } from './brokers.js';
import { until } from './port-support.js';

const MODES: readonly (readonly [string, ReadOptions])[] = [
  ['cooperative', { assignor: 'cooperative' }],
  ['protocol consumer', { protocol: 'consumer' }],
];

describeOnKafka('members of a group on a real Kafka', () => {
  const opened = new Set<Connection>();

  afterEach(async () => {
    await Promise.all([...opened].map((connection) => connection.close()));
    opened.clear();
  });

  async function member(topic: string, options: ReadOptions, work = async (_value: unknown) => {}) {
    const connection = await connect({ brokers, onIssue: () => {} });
    opened.add(connection);
    const own = connection.topic(topic);
    const events: TopicEvent[] = [];
    const errors: unknown[] = [];
    own.events$.subscribe((event) => events.push(event));
    own
      .records$(options)
      .pipe(processEach(({ value }) => work(value)))
      .subscribe({ error: (error) => errors.push(error) });
    const count = (type: 'assigned' | 'revoked') =>
      events.reduce((sum, event) => sum + (event.type === type ? event.partitions.length : 0), 0);
    return { connection, events, errors, count, has: () => count('assigned') - count('revoked') };
  }

  async function newTopic(partitions: number): Promise<string> {
    const connection = await connect({ brokers });
    opened.add(connection);
    const topic = unique('members');
    await connection.topic(topic).create({ partitions });
    return topic;
  }

  for (const [mode, membership] of MODES) {
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

  it('should commit what it has done where it leaves while the group waits for a member that died', async () => {
    const topic = await newTopic(4);
    const options: ReadOptions = { group: unique('group'), assignor: 'cooperative', from: 'earliest' };
    const program = fileURLToPath(new URL('./churn-member.ts', import.meta.url));
    const done: unknown[] = [];
    const work = async (value: unknown) => void done.push(value);
    const leaves = await member(topic, options, work);
    const dies = fork(program, [brokers, topic, '0', devNull, JSON.stringify(options)], {
      execArgv: ['--import', 'tsx'],
    });
    try {
      await until(() => leaves.has() === 2, 'half of the partitions', 30_000);
    } finally {
      dies.kill('SIGKILL');
    }
    await once(dies, 'exit');
    // Who joins begins a rebalance, for which the broker waits until the dead one's session is over.
    const stays = member(topic, options, work);
    await sleep(1_500);
    for (const partition of [0, 1, 2, 3])
      await leaves.connection.topic(topic).publish(`record ${partition}`, { partition });
    await until(() => done.length >= 2, 'the records of its partitions', 20_000);
    await leaves.connection.close();
    const { has } = await stays;
    await until(() => has() === 4 && done.length >= 4, 'all partitions and records', 30_000);
    await sleep(500);
    expect(done.toSorted()).deep.equal(['record 0', 'record 1', 'record 2', 'record 3']);
  });

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

  for (const [protocol, session] of [
    ['classic', { sessionTimeout: 30_000 }],
    ['consumer', {}],
  ] as const) {
    it(`should come back under its name without a rebalance, protocol ${protocol}`, async () => {
      const topic = await newTopic(4);
      const options: ReadOptions = { group: unique('group'), protocol, ...session };
      const stays = await member(topic, { ...options, groupInstanceId: 'a' });
      const goes = await member(topic, { ...options, groupInstanceId: 'b' });
      await until(() => stays.has() === 2 && goes.has() === 2, 'two partitions each', 20_000);
      const before = stays.events.length;
      await goes.connection.close();
      const back = await member(topic, { ...options, groupInstanceId: 'b' });
      await until(() => back.has() === 2, 'its partitions', 20_000);
      const changes = stays.events
        .slice(before)
        .filter(({ type }) => type === 'assigned' || type === 'revoked');
      expect(changes).deep.equal([]);
    });
  }

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

  it('should refuse the second of two members of one name, by the new protocol', async () => {
    const topic = await newTopic(2);
    const options: ReadOptions = { group: unique('group'), groupInstanceId: 'one', protocol: 'consumer' };
    const first = await member(topic, options);
    await until(() => first.has() === 2, 'all partitions', 20_000);
    const second = await member(topic, options);
    await until(() => second.errors.length > 0, 'the refusal', 20_000);
    expect(second.errors[0]).include({ name: 'KafkaError', reason: 'fenced' });
    await sleep(1_000);
    expect([first.errors, first.has(), second.has()]).deep.equal([[], 2, 0]);
  });
});
