import { expect } from 'chai';
import { retry, Subject } from 'rxjs';
import { processEach, transact } from '../../src/index.js';
import type { TopicRecord } from '../../src/kafka/topic-record.js';
import { Seen, upTo, World } from './harness.js';

const place = ({ topic, partition, value }: TopicRecord<any, any>) => `${topic}/${partition} ${value}`;

async function open(topics: Readonly<Record<string, number>> = { a: 2, b: 1 }): Promise<World> {
  const world = await World.open();
  for (const [name, partitions] of Object.entries(topics)) world.broker.createTopic(name, partitions);
  return world;
}

function fill(world: World, topic: string, values: readonly unknown[], partition = 0): void {
  for (const value of values)
    world.broker.append({ topic, partition, value: Buffer.from(JSON.stringify(value)) });
}

const committed = (world: World, ...places: (readonly [string, number])[]) =>
  places.map(([topic, partition]) => world.broker.committed('g', { topic, partition }));

describe('records$ of several topics', () => {
  it('should read them without a group, to the ends that were seen, each record with its topic', async () => {
    const world = await open();
    fill(world, 'a', [1], 0);
    fill(world, 'a', [2, 3], 1);
    fill(world, 'b', [4, 5, 6]);
    const seen = new Seen(world.connection.topics(['a', 'b', 'a']).records$({ to: 'now' }), place);
    await world.clock.advance(1_000);
    expect(seen.log.pop()).equal('complete');
    expect(seen.log).have.members(['a/0 1', 'a/1 2', 'a/1 3', 'b/0 4', 'b/0 5', 'b/0 6']);
  });

  it('should keep what is acked of one apart from the same partition of another', async () => {
    const world = await open({ a: 1, b: 1 });
    fill(world, 'a', upTo(4));
    fill(world, 'b', upTo(4));
    const seen = new Seen(world.connection.topics(['a', 'b']).records$({ group: 'g' }));
    await world.clock.advance(100);
    const ack = (topic: string, ...offsets: number[]) => {
      for (const record of seen.items)
        if (record.topic === topic && offsets.includes(record.offset)) record.ack();
    };
    ack('a', 0, 1, 3);
    ack('b', 1, 2, 3);
    await world.clock.advance(1_000);
    expect(committed(world, ['a', 0], ['b', 0])).deep.equal([2, undefined]);
    ack('b', 0);
    await world.clock.advance(1_000);
    expect(committed(world, ['a', 0], ['b', 0])).deep.equal([2, 4]);
  });

  it('should begin and end at offsets by topic and partition, and leave out what `to` does not name', async () => {
    const world = await open();
    for (const [topic, partition] of [
      ['a', 0],
      ['a', 1],
      ['b', 0],
    ] as const)
      fill(world, topic, upTo(5), partition);
    const topics = world.connection.topics(['a', 'b']);
    const options = { from: { a: { 0: 3 }, b: { 0: 1 } }, to: { a: { 0: 4, 1: 1 }, b: { 0: 3 } } };
    for (const group of [undefined, 'g']) {
      const seen = new Seen(topics.records$({ ...options, ...(group && { group, autoAck: true }) }), place);
      await world.clock.advance(5_000);
      expect(seen.log.pop()).equal('complete');
      expect(seen.log).have.members(['a/0 3', 'a/1 0', 'b/0 1', 'b/0 2']);
    }
    expect(committed(world, ['a', 0], ['a', 1], ['b', 0])).deep.equal([4, 1, 3]);
  });

  it('should begin at a time in each', async () => {
    const world = await open({ a: 1, b: 1 });
    fill(world, 'a', [0]);
    await world.clock.advance(1_000);
    const noon = new Date(world.clock.now());
    fill(world, 'a', [1]);
    fill(world, 'b', [2]);
    const seen = new Seen(world.connection.topics(['a', 'b']).records$({ from: noon, to: 'now' }), place);
    await world.clock.advance(1_000);
    expect(seen.log).have.members(['a/0 1', 'b/0 2', 'complete']);
  });

  it('should tell ends, lag and invalid records by topic', async () => {
    const world = await open({ a: 1, b: 1 });
    fill(world, 'a', [0]);
    fill(world, 'b', [0, 1]);
    world.broker.append({ topic: 'b', partition: 0, value: Buffer.from('{') });
    const topics = world.connection.topics(['a', 'b']);
    const told: string[] = [];
    topics.events$.subscribe((event) => {
      if (event.type === 'end') told.push(`end ${event.topic}@${event.offset}`);
      if (event.type === 'lag') told.push(`lag ${event.topic}: ${event.lag}`);
      if (event.type === 'invalid') told.push(`invalid ${event.record.topic}@${event.record.offset}`);
    });
    const seen = new Seen(topics.records$({ group: 'g', maxUnacked: 4, lagInterval: 1_000 }));
    await world.clock.advance(100);
    fill(world, 'b', [3, 4]);
    await world.clock.advance(1_000);
    expect(seen.items.length).equal(4);
    expect(told).include.members(['end a@1', 'end b@3', 'invalid b@2', 'lag a: 0', 'lag b: 1']);
  });

  it('should keep a dead letter that says where it is from', async () => {
    const world = await open({ a: 1, b: 1, failed: 1 });
    world.broker.append({ topic: 'b', partition: 0, value: Buffer.from('{') });
    const failed = world.connection.topic('failed', { codec: 'raw' });
    const options = { group: 'g', onInvalid: 'deadLetter', deadLetter: failed } as const;
    new Seen(world.connection.topics(/^[ab]$/).records$(options));
    await world.clock.advance(1_000);
    const [letter] = world.broker.records('failed');
    expect(letter?.headers.map((entry) => String(entry['callstream-origin'] ?? ''))).include('b/0/0');
    expect(committed(world, ['b', 0])).deep.equal([1]);
  });

  it('should give them to the members of a group, and hand them over', async () => {
    const world = await open({ a: 2, b: 2 });
    for (const topic of ['a', 'b']) for (const partition of [0, 1]) fill(world, topic, upTo(50), partition);
    const options = { group: 'g', maxUnacked: 10, commitInterval: 100 };
    const worked: string[] = [];
    const read = (connection: typeof world.connection) =>
      connection
        .topics(['a', 'b'])
        .records$(options)
        .pipe(processEach(async (record) => worked.push(place(record))))
        .subscribe();
    const first = read(world.connection);
    await world.clock.advance(20);
    const second = read(await world.connect());
    await world.clock.advance(20);
    first.unsubscribe();
    await world.clock.advance(10_000);
    expect(new Set(worked).size).equal(200);
    expect(committed(world, ['a', 0], ['a', 1], ['b', 0], ['b', 1])).deep.equal([50, 50, 50, 50]);
    second.unsubscribe();
    await world.clock.advance(5_000);
    expect(world.broker.members('g')).deep.equal([]);
  });

  it('should be the same for an AsyncIterable', async () => {
    const world = await open({ a: 1, b: 1 });
    fill(world, 'a', [1]);
    fill(world, 'b', [2]);
    const found: string[] = [];
    const loop = async () => {
      for await (const record of world.connection.topics(['a', 'b']).records({ to: 'now' }))
        found.push(place(record));
    };
    await world.clock.until(loop());
    expect(found).have.members(['a/0 1', 'b/0 2']);
  });

  it('should refuse what is no list of topics, and offsets of others', async () => {
    const { connection } = await open();
    const refusal = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        return (error as TypeError).message;
      }
      return undefined;
    };
    expect([
      refusal(() => connection.topics([])),
      refusal(() => connection.topics('a' as never)),
      refusal(() => connection.topics(['a', 'x/y'])),
      refusal(() => connection.topics(['a']).records$({ from: { b: { 0: 1 } } })),
      refusal(() => connection.topics(['a']).records$({ from: { 0: 1 } as never })),
      refusal(() => connection.topics(/^a/).records$({ to: { b: { 0: 1 } } })),
    ]).deep.equal([
      'topics: expected a list of names or a RegExp, got ',
      'topics: expected a list of names or a RegExp, got "a"',
      'topics: expected 1 to 249 of the characters a-z A-Z 0-9 . _ -, got "x/y"',
      'from: b is none of the topics a',
      "from: expected 'committed', 'earliest', 'latest', a Date or offsets by topic and partition, got [object Object]",
      'to: b is none of the topics /^a/',
    ]);
  });

  it('should error where one is missing or may not be read', async () => {
    const world = await World.open(1, { deny: (action, topic) => action === 'read' && topic === 'secret' });
    world.broker.createTopic('a');
    world.broker.createTopic('secret');
    for (const group of [undefined, 'g']) {
      const options = group === undefined ? {} : { group };
      const missing = new Seen(world.connection.topics(['a', 'absent']).records$(options));
      const denied = new Seen(world.connection.topics(/./).records$(options));
      await world.clock.advance(1_000);
      expect(missing.log).deep.equal(['error There is no topic absent, or no right to see it']);
      expect(denied.log).deep.equal(['error not allowed to read secret']);
    }
  });
});

describe('records$ of the topics that match a pattern', () => {
  it('should read those that match at the start, as JavaScript matches, and none of Kafka’s own', async () => {
    const world = await open({ 'orders-1': 1, 'orders-x': 1, constructor: 1, __orders: 1 });
    for (const topic of ['orders-1', 'orders-x', 'constructor', '__orders']) fill(world, topic, [topic]);
    const read = (pattern: RegExp) =>
      new Seen(world.connection.topics(pattern).records$({ to: 'now' }), place);
    const digits = read(/orders-\d$/g);
    const other = read(/^(?!orders|callstream).+/);
    await world.clock.advance(1_000);
    expect(digits.log).deep.equal(['orders-1/0 orders-1', 'complete']);
    expect(other.log).deep.equal(['constructor/0 constructor', 'complete']);
  });

  it('should say that none matches, and read one that comes with retry', async () => {
    const world = await open({});
    const topics = world.connection.topics(/^late-/);
    const none = new Seen(topics.records$({ group: 'g' }));
    const seen = new Seen(topics.records$({ group: 'g' }).pipe(retry({ delay: () => later })), place);
    const later = new Subject<void>();
    await world.clock.advance(1_000);
    expect(none.log).deep.equal(['error No topic matches /^late-/, or there is no right to see it']);
    world.broker.createTopic('late-1');
    fill(world, 'late-1', [1]);
    later.next();
    await world.clock.advance(1_000);
    expect(seen.log).deep.equal(['late-1/0 1']);
  });

  for (const from of ['earliest', 'latest'] as const)
    it(`should take in what comes to match, from its first record, while the others flow, from ${from}`, async () => {
      const world = await open({ 'orders-1': 1 });
      fill(world, 'orders-1', ['old']);
      const options = { group: 'g', from, autoAck: true, metadataInterval: 1_000 };
      const seen = new Seen(world.connection.topics(/^orders-/).records$(options), place);
      await world.clock.advance(100);
      world.broker.createTopic('orders-2', 2);
      world.broker.createTopic('other', 1);
      fill(world, 'orders-2', ['early'], 1);
      fill(world, 'other', [0]);
      await world.clock.advance(2_000);
      fill(world, 'orders-1', ['more']);
      fill(world, 'orders-2', ['late'], 0);
      await world.clock.advance(2_000);
      const old = from === 'earliest' ? ['orders-1/0 old'] : [];
      expect(seen.log).have.members([...old, 'orders-2/1 early', 'orders-1/0 more', 'orders-2/0 late']);
      expect(committed(world, ['orders-1', 0], ['orders-2', 0], ['orders-2', 1])).deep.equal([2, 1, 1]);
      seen.subscription.unsubscribe();
      await world.clock.until(world.connection.close());
      await world.clock.advance(10_000);
      expect([world.broker.members('g'), world.clock.pending]).deep.equal([[], 0]);
    });

  it('should take nothing in where it ends, or has no group', async () => {
    const world = await open({ 'orders-1': 1 });
    const live = new Seen(world.connection.topics(/^orders-/).records$({ metadataInterval: 100 }), place);
    const options = { group: 'g', to: { 'orders-1': { 0: 2 } }, metadataInterval: 100, autoAck: true };
    const bounded = new Seen(world.connection.topics(/^orders-/).records$(options), place);
    await world.clock.advance(50);
    world.broker.createTopic('orders-2');
    fill(world, 'orders-2', [9]);
    await world.clock.advance(1_000);
    fill(world, 'orders-1', [0, 1]);
    await world.clock.advance(1_000);
    expect(live.log).deep.equal(['orders-1/0 0', 'orders-1/0 1']);
    expect(bounded.log).deep.equal(['orders-1/0 0', 'orders-1/0 1', 'complete']);
  });
});

describe('operators on several topics', () => {
  it('should keep order by topic and partition, and not between topics', async () => {
    for (const ordered of ['partition', 'key'] as const) {
      const world = await open({ a: 1, b: 1 });
      for (const topic of ['a', 'b'])
        for (const value of ['0', '1'])
          world.broker.append({ topic, partition: 0, key: 'k', value: Buffer.from(value) });
      const started: string[] = [];
      const jobs = new Map<string, Subject<void>>();
      const work = (record: TopicRecord<unknown>) => {
        const job = new Subject<void>();
        started.push(place(record));
        jobs.set(place(record), job);
        return job;
      };
      const records$ = world.connection.topics(['a', 'b']).records$({ group: 'g' });
      new Seen(records$.pipe(processEach(work, { ordered })));
      await world.clock.advance(100);
      expect(started).have.members(['a/0 0', 'b/0 0']);
      jobs.get('b/0 0')?.complete();
      await world.clock.advance(1_000);
      expect(started.slice(2)).deep.equal(['b/0 1']);
      expect(committed(world, ['a', 0], ['b', 0])).deep.equal([undefined, 1]);
    }
  });

  it('should commit the offsets of all with the outputs of a transaction', async () => {
    const world = await open({ a: 1, b: 1, out: 1 });
    fill(world, 'a', [1, 2]);
    fill(world, 'b', [3]);
    const out = world.connection.topic('out');
    const records$ = world.connection.topics(['a', 'b']).records$({ group: 'g', to: 'now' });
    const seen = new Seen(
      transact(records$, ({ topic, value }) => out.toRecord(`${topic}${value}`), { transactionalId: 't' }),
      ({ records }) => records,
    );
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal([3, 'complete']);
    expect(world.broker.records('out').map(({ value }) => String(value))).have.members([
      '"a1"',
      '"a2"',
      '"b3"',
    ]);
    expect(committed(world, ['a', 0], ['b', 0])).deep.equal([2, 1]);
  });
});
