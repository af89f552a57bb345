import { expect } from 'chai';
import type { Consumer, GroupMember, Kafka } from '../../src/kafka/port.js';
import { MemoryBroker, VirtualClock } from '../../src/testing/index.js';
import { rejection, send, Witness } from './support.js';

describe('MemoryBroker: groups', () => {
  let clock: VirtualClock;
  let broker: MemoryBroker;
  let clients: Kafka[];
  const connect = () => {
    const kafka = broker.connect();
    clients.push(kafka);
    return kafka;
  };
  const join = async (topic = 't', options = {}) => {
    const kafka = connect();
    const witness = new Witness();
    const consumer: Consumer = await clock.until(witness.subscribe(kafka, topic, options));
    await clock.advance(20);
    return { kafka, witness, consumer };
  };
  const append = (partition: number, ...texts: string[]) => {
    for (const text of texts) broker.append({ topic: 't', partition, value: Buffer.from(text) });
  };
  beforeEach(() => {
    clock = new VirtualClock();
    broker = new MemoryBroker({ clock });
    broker.createTopic('t', 4);
    clients = [];
  });
  afterEach(async () => {
    await clock.until(Promise.all(clients.map((kafka) => kafka.close())));
    await clock.settle();
    expect([clock.pending, broker.pending, broker.members('g')]).to.deep.equal([0, 0, []]);
  });

  it('should assign before it resolves, and deliver after that', async () => {
    append(1, 'old');
    const witness = new Witness();
    await clock.until(witness.subscribe(connect(), 't'));
    expect(witness.events).to.deep.equal(['assigned 0 1 2 3']);
    await clock.advance(5);
    expect(witness.events).to.deep.equal(['assigned 0 1 2 3', 'old']);
  });

  it('should begin a new group at the end where asked', async () => {
    append(0, 'old');
    const { witness } = await join('t', { from: 'latest' });
    append(0, 'new');
    await clock.advance(5);
    expect(witness.values).to.deep.equal(['new']);
  });

  it('should skip nothing that comes from its latest on, be its partitions handed over', async () => {
    const { witness, consumer } = await join('t', { from: 'latest' });
    (consumer as GroupMember).resubscribe(['t'], []);
    append(0, 'meanwhile');
    await clock.advance(20_000);
    expect(witness.events).to.deep.equal([
      'assigned 0 1 2 3',
      'revoked 0 1 2 3',
      'assigned 0 1 2 3',
      'meanwhile',
    ]);
  });

  it('should split partitions in ranges and hand them over', async () => {
    const a = await join();
    const b = await join();
    const c = await join();
    expect(a.witness.events).to.deep.equal([
      'assigned 0 1 2 3',
      'revoked 0 1 2 3',
      'assigned 0 1',
      'revoked 0 1',
      'assigned 0 1',
    ]);
    expect(b.witness.events).to.deep.equal(['assigned 2 3', 'revoked 2 3', 'assigned 2']);
    expect(c.witness.events).to.deep.equal(['assigned 3']);
    await clock.until(a.consumer.close());
    await clock.advance(10);
    expect(broker.members('g').map(({ partitions }) => partitions.map((at) => at.partition))).to.deep.equal([
      [0, 1],
      [2, 3],
    ]);
  });

  it('should assign nothing to a member too many', async () => {
    broker.createTopic('one', 1);
    const a = await join('one');
    const b = await join('one');
    expect([a.witness.events.at(-1), b.witness.events]).to.deep.equal(['assigned 0', ['assigned']]);
    await clock.until(b.consumer.close());
    expect(b.witness.events).to.deep.equal(['assigned']);
  });

  it('should wait for onRevoked before anyone else is given the partitions', async () => {
    append(3, 'a', 'b');
    const a = await join();
    a.witness.beforeRevoked = async () => {
      await new Promise<void>((resolve) => a.kafka.clock.after(500, resolve));
      append(3, 'c');
      await a.consumer.commit([{ topic: 't', partition: 3, offset: 2 }]);
    };
    const b = new Witness();
    const joined = b.subscribe(connect(), 't');
    await clock.advance(400);
    expect([a.witness.events.at(-1), b.events]).to.deep.equal(['revoked 0 1 2 3', []]);
    await clock.until(joined);
    await clock.advance(10);
    expect(b.events).to.deep.equal(['assigned 2 3', 'c']);
    expect(a.witness.values).to.deep.equal(['a', 'b']);
  });

  it('should wait no longer than revokeTimeout', async () => {
    const a = await join('t', { revokeTimeout: 700 });
    a.witness.beforeRevoked = () => new Promise(() => {});
    const before = clock.now();
    await clock.until(new Witness().subscribe(connect(), 't'));
    expect(clock.now() - before).to.be.within(700, 720);
    expect(a.witness.events.at(-1)).to.equal('assigned 0 1');
  });

  it('should go on when onRevoked fails, and tell of it', async () => {
    const a = await join();
    a.witness.beforeRevoked = async () => {
      throw new Error('oh');
    };
    await join();
    expect(a.witness.errors.map(String)).to.deep.equal(['KafkaError: onRevoked failed: Error: oh']);
    expect(a.witness.events.at(-1)).to.equal('assigned 0 1');
    a.witness.beforeRevoked = async () => {};
  });

  it('should continue at the committed offset, and deliver the uncommitted again', async () => {
    append(0, 'a', 'b', 'c');
    const a = await join();
    await clock.until(a.consumer.commit([{ topic: 't', partition: 0, offset: 1 }]));
    expect(broker.committed('g', { topic: 't', partition: 0 })).to.equal(1);
    await clock.until(a.consumer.close());
    const b = await join();
    expect(b.witness.values).to.deep.equal(['b', 'c']);
    const other = await join('t', { group: 'other' });
    expect(other.witness.values).to.deep.equal(['a', 'b', 'c']);
  });

  it('should begin anew where the committed offset was deleted', async () => {
    append(0, 'a', 'b', 'c');
    const a = await join();
    await clock.until(a.consumer.commit([{ topic: 't', partition: 0, offset: 1 }]));
    await clock.until(a.consumer.close());
    broker.trim({ topic: 't', partition: 0 }, 2);
    const other = await join('t', { from: 'latest' });
    expect(other.witness.values).to.deep.equal([]);
    await clock.until(other.consumer.close());
    expect((await join()).witness.values).to.deep.equal(['c']);
  });

  it('should run onRevoked on close and take commits until it is done', async () => {
    append(0, 'a');
    const { witness, consumer } = await join();
    witness.beforeRevoked = () => consumer.commit([{ topic: 't', partition: 0, offset: 1 }]);
    await clock.until(Promise.all([consumer.close(), consumer.close()]));
    expect(witness.events).to.deep.equal(['assigned 0 1 2 3', 'a', 'revoked 0 1 2 3']);
    expect(broker.committed('g', { topic: 't', partition: 0 })).to.equal(1);
    expect(await rejection(consumer.commit([]))).to.match(/^closed/);
  });

  it('should deliver nothing from the moment of close on', async () => {
    const { witness, consumer } = await join();
    append(0, 'a');
    const closing = consumer.close();
    await clock.until(closing);
    await clock.advance(10);
    expect(witness.values).to.deep.equal([]);
  });

  it('should rebalance when told to, with the same partitions as the outcome', async () => {
    const { witness } = await join();
    witness.reset();
    broker.rebalance('g');
    await clock.advance(10);
    expect(witness.events).to.deep.equal(['revoked 0 1 2 3', 'assigned 0 1 2 3']);
  });

  it('should deliver again what was not committed before a rebalance', async () => {
    append(0, 'a', 'b');
    const { witness, consumer } = await join();
    await clock.until(consumer.commit([{ topic: 't', partition: 0, offset: 1 }]));
    witness.reset();
    broker.rebalance('g');
    await clock.advance(10);
    expect(witness.values).to.deep.equal(['b']);
  });

  it('should take in a topic that is created later, or grows', async () => {
    const { witness } = await join('later');
    expect(witness.events).to.deep.equal(['assigned']);
    expect(witness.errors.map(({ reason }) => reason)).to.deep.equal(['no topic']);
    broker.createTopic('later', 1);
    await clock.advance(10);
    broker.createTopic('later', 2);
    await clock.advance(10);
    expect(witness.events).to.deep.equal(['assigned', 'assigned 0', 'revoked 0', 'assigned 0 1']);
  });

  it('should take commits while it hands over, and refuse them for what is not assigned behind that', async () => {
    const a = await join('t', { revokeTimeout: 50 });
    const commit = (partition: number, offset: number) =>
      a.consumer.commit([{ topic: 't', partition, offset }]);
    let late: Promise<string> | undefined;
    a.witness.beforeRevoked = async () => {
      await commit(0, 7);
      await new Promise<void>((resolve) => a.kafka.clock.after(49, resolve));
      late = rejection(commit(0, 8));
    };
    await clock.until(new Witness().subscribe(connect(), 't'));
    await clock.advance(100);
    expect(a.witness.events.at(-1)).to.equal('assigned 0 1');
    await clock.until(commit(1, 9));
    const refused = [await clock.until(rejection(commit(3, 8))), await late];
    expect(refused).to.deep.equal([3, 0].map((at) => `failed: Committing offsets: t/${at} is not assigned`));
    const places = [0, 1, 3].map((partition) => broker.committed('g', { topic: 't', partition }));
    expect(places).to.deep.equal([7, 9, undefined]);
    const producer = await clock.until(a.kafka.transactional({ id: 'tx', timeout: 10_000 }));
    await clock.until(producer.begin());
    const staged = (partition: number) =>
      clock.until(producer.sendOffsets([{ topic: 't', partition, offset: 10 }], a.consumer));
    expect(await rejection(staged(3))).to.equal(refused[0]);
    await staged(1);
    await clock.until(producer.commit());
    expect(broker.committed('g', { topic: 't', partition: 1 })).to.equal(10);
    a.witness.beforeRevoked = async () => {};
  });

  it('should hand over once where a member closes while it hands over', async () => {
    const a = await join();
    a.witness.beforeRevoked = () => new Promise((resolve) => a.kafka.clock.after(100, resolve));
    const b = new Witness();
    const joined = b.subscribe(connect(), 't');
    await clock.advance(50);
    await clock.until(Promise.all([a.consumer.close(), joined]));
    await clock.advance(20);
    expect(a.witness.events).to.deep.equal(['assigned 0 1 2 3', 'revoked 0 1 2 3']);
    expect(b.events).to.deep.equal(['assigned 0 1 2 3']);
  });

  it('should pause and resume across rebalances', async () => {
    const { witness, consumer } = await join();
    consumer.pause();
    append(0, 'a');
    broker.rebalance('g');
    await clock.advance(20);
    expect(witness.values).to.deep.equal([]);
    consumer.resume();
    await clock.advance(20);
    expect(witness.values).to.deep.equal(['a']);
  });

  it('should give each record of a committing group to one member only, through many rebalances', async () => {
    const seen: string[] = [];
    const open: Consumer[] = [];
    const producer = connect();
    const start = async () => {
      const done = new Map<number, number>();
      const kafka = connect();
      const consumer: Consumer = await kafka.subscribe(
        { group: 'g', topics: ['t'], from: 'earliest', sessionTimeout: 6_000, revokeTimeout: 1_000 },
        {
          onAssigned: () => {},
          onError: () => {},
          onRecord: ({ partition, offset, value }) => {
            seen.push(String(value));
            done.set(partition, offset + 1);
          },
          onRevoked: async () => {
            const offsets = [...done].map(([partition, offset]) => ({ topic: 't', partition, offset }));
            done.clear();
            await consumer?.commit(offsets);
          },
        },
      );
      open.push(consumer);
    };
    await clock.until(start());
    const sent: string[] = [];
    for (let i = 0; i < 300; i += 1) {
      sent.push(`${i}`);
      void send(producer, 't', i % 4, `${i}`);
      if (i % 50 === 10) void start();
      if (i % 50 === 40) void open.shift()?.close();
      if (i % 70 === 5) broker.rebalance('g');
      await clock.advance(3);
    }
    await clock.advance(100);
    expect(seen.map(Number).sort((a, b) => a - b)).to.deep.equal(sent.map(Number));
  });
});
