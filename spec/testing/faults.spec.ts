import { expect } from 'chai';
import { type Kafka, KafkaError } from '../../src/kafka/port.js';
import { type Fault, MemoryBroker, seeded, VirtualClock } from '../../src/testing/index.js';
import { rejection, send, Witness } from './support.js';

describe('MemoryBroker: faults on the way of records', () => {
  let clock: VirtualClock;
  let broker: MemoryBroker;
  let kafka: Kafka;
  let witness: Witness;
  const held = () => broker.records('t').map(({ value }) => String(value));
  const sendAll = (...texts: string[]) => texts.map((text) => send(kafka, 't', 0, text));
  beforeEach(async () => {
    clock = new VirtualClock();
    broker = new MemoryBroker({ clock });
    broker.createTopic('t', 2);
    kafka = broker.connect();
    witness = new Witness();
    const from = [0, 1].map((partition) => ({ topic: 't', partition, offset: 0 }));
    await clock.until(kafka.assign(from, witness.handlers));
  });
  afterEach(async () => {
    await clock.until(kafka.close());
    await clock.settle();
    expect([clock.pending, broker.pending]).to.deep.equal([0, 0]);
  });

  it('should reorder across partitions, never within one', async () => {
    broker.inject({ delay: 100, times: 1 });
    const sent = [...sendAll('slow', 'behind'), send(kafka, 't', 1, 'fast')];
    await clock.advance(10);
    expect(witness.values).to.deep.equal(['fast']);
    await clock.until(Promise.all(sent));
    expect(witness.values).to.deep.equal(['fast', 'slow', 'behind']);
  });

  it('should delay the reading of a partition, the report being in time', async () => {
    broker.inject({ deliveryDelay: 100, times: 1 });
    await clock.until(Promise.all(sendAll('slow', 'behind')));
    await clock.advance(99);
    expect([held(), witness.values]).to.deep.equal([['slow', 'behind'], []]);
    await clock.advance(10);
    expect(witness.values).to.deep.equal(['slow', 'behind']);
  });

  it('should not show a record early behind one that is there', async () => {
    broker.inject({ deliveryDelay: 100, where: ({ value }) => String(value) === 'slow' });
    sendAll('quick', 'slow');
    await clock.advance(99);
    expect(witness.values).to.deep.equal(['quick']);
    await clock.advance(3);
    expect(witness.values).to.deep.equal(['quick', 'slow']);
  });

  it('should delay a report, the record being read in time', async () => {
    broker.inject({ reportDelay: 100 });
    const before = clock.now();
    const sent = send(kafka, 't', 0, 'x');
    await clock.advance(2);
    expect(witness.values).to.deep.equal(['x']);
    await clock.until(sent);
    expect(clock.now() - before).to.equal(102);
  });

  it('should fail a report though the record was written', async () => {
    broker.inject({ report: 'written', times: 1 });
    const [first, second] = sendAll('a', 'b') as [Promise<unknown>, Promise<unknown>];
    expect(await rejection(clock.until(first))).to.match(/^failed: Local: Message timed out/);
    expect(await clock.until(second)).to.deep.equal({ topic: 't', partition: 0, offset: 1 });
    expect(held()).to.deep.equal(['a', 'b']);
  });

  it('should fail a report, the record not being written, with the same error or another', async () => {
    broker.inject({ report: 'unwritten', times: 1 });
    const denied = new KafkaError('denied', 'by the test');
    broker.inject({
      report: 'unwritten',
      error: denied,
      where: ({ value }) => String(value) === 'b',
    });
    const sent = sendAll('a', 'b', 'c').map((promise) => promise.then(String, String));
    const [a, b] = await clock.until(Promise.all(sent));
    expect([a, b]).to.deep.equal(['KafkaError: Local: Message timed out', 'KafkaError: by the test']);
    expect(held()).to.deep.equal(['c']);
  });

  it('should write a record again, at once or as a later replay', async () => {
    broker.inject({ duplicates: 1, times: 1 });
    await clock.until(Promise.all(sendAll('a', 'b')));
    expect(held()).to.deep.equal(['a', 'a', 'b']);
    broker.inject({ duplicates: 2, duplicateAfter: 50, times: 1 });
    await clock.until(Promise.all(sendAll('c', 'd')));
    await clock.advance(60);
    expect(witness.values).to.deep.equal(['a', 'a', 'b', 'c', 'd', 'c', 'c']);
    expect(new Set(witness.records.map(({ offset }) => offset)).size).to.equal(7);
  });

  it('should hit only what the fault names', async () => {
    const other = broker.connect();
    broker.createTopic('u');
    const faults: Fault[] = [
      { topic: 'u' },
      { partition: 1 },
      { client: other },
      { where: (record) => record.key === 'k' },
    ];
    const ends = faults.map((fault) => broker.inject({ ...fault, duplicates: 1 }));
    await clock.until(send(kafka, 't', 0, 'safe'));
    expect(held()).to.deep.equal(['safe']);
    await clock.until(send(kafka, 'u', 0, 'x'));
    await clock.until(send(kafka, 't', 1, 'x'));
    await clock.until(send(other, 't', 0, 'x'));
    await clock.until(kafka.send({ topic: 't', partition: 0, key: 'k', value: null }));
    expect([broker.records('u').length, broker.records('t').length]).to.deep.equal([2, 7]);
    for (const end of ends) end();
    await clock.until(send(kafka, 't', 1, 'x'));
    expect(broker.records('t').length).to.equal(8);
    await clock.until(other.close());
  });

  it('should add up faults that hit the same record', async () => {
    broker.inject({ delay: 30 });
    broker.inject({ delay: () => 12, report: 'written' });
    const before = clock.now();
    await rejection(clock.until(send(kafka, 't', 0, 'x')));
    expect(clock.now() - before).to.equal(44);
  });

  it('should draw chances from the seed: the same schedule each time', async () => {
    const run = async (seed: number) => {
      const own = new VirtualClock();
      const random = seeded(seed);
      const chancy = new MemoryBroker({ clock: own, random });
      chancy.createTopic('t', 4);
      const client = chancy.connect();
      chancy.inject({ chance: 0.3, duplicates: 1, delay: () => Math.floor(random() * 9) });
      for (let i = 0; i < 60; i += 1)
        void client.send({ topic: 't', partition: null, value: Buffer.from(`${i}`) });
      await own.advance(100);
      return chancy.records('t').map(({ value }) => String(value));
    };
    const once = await run(7);
    expect(once.length).to.be.within(65, 95);
    expect(await run(7)).to.deep.equal(once);
    expect(await run(8)).not.to.deep.equal(once);
  });
});
