import { expect } from 'chai';
import { take } from 'rxjs';
import { brief, Seen, TOPIC, theValue, upTo, World } from './harness.js';

describe('records$ with a group', () => {
  it('should commit what is acked, contiguously, and resume behind it', async () => {
    const world = await World.open();
    world.fill(upTo(6));
    const topic = world.connection.topic(TOPIC);
    const seen = new Seen(topic.records$({ group: 'g' }), theValue);
    await world.clock.advance(100);
    expect(seen.log).deep.equal(upTo(6));
    for (const index of [3, 1, 0]) seen.items[index]?.ack();
    await world.clock.advance(600);
    expect(world.committed('g')).equal(2);
    seen.items[2]?.ack();
    await world.clock.advance(600);
    expect(world.committed('g')).equal(4);
    seen.subscription.unsubscribe();
    await world.clock.advance(5_000);
    const again = new Seen(topic.records$({ group: 'g', to: 'now', autoAck: true }), theValue);
    await world.clock.advance(10_000);
    expect(again.log).deep.equal([4, 5, 'complete']);
    expect(world.committed('g')).equal(6);
  });

  it('should commit at the count without waiting for the interval', async () => {
    const world = await World.open();
    world.fill(upTo(10));
    const options = { group: 'g', autoAck: true, commitEvery: 5, commitInterval: 60_000 };
    new Seen(world.connection.topic(TOPIC).records$(options));
    await world.clock.advance(100);
    expect(world.committed('g')).equal(10);
  });

  it('should commit at an unsubscribe, acks that come within revokeTimeout included', async () => {
    const world = await World.open();
    world.fill(upTo(5));
    const options = { group: 'g', commitInterval: 60_000, revokeTimeout: 1_000 };
    const seen = new Seen(world.connection.topic(TOPIC).records$(options).pipe(take(4)), theValue);
    await world.clock.advance(100);
    expect(seen.log).deep.equal([0, 1, 2, 3, 'complete']);
    seen.items[0]?.ack();
    await world.clock.advance(300);
    seen.items[1]?.ack();
    await world.clock.advance(2_000);
    seen.items[2]?.ack();
    await world.clock.advance(5_000);
    expect(world.committed('g')).equal(2);
    expect(world.broker.members('g')).deep.equal([]);
  });

  it('should wait behind its end for the acks of what it emitted', async () => {
    const world = await World.open();
    world.fill(upTo(3));
    const seen = new Seen(world.connection.topic(TOPIC).records$({ group: 'g', to: 'now' }), theValue);
    await world.clock.advance(100);
    expect(seen.log).deep.equal([0, 1, 2, 'complete']);
    await world.clock.advance(60_000);
    for (const record of seen.items) record.ack();
    await world.clock.advance(1_000);
    expect(world.committed('g')).equal(3);
    expect(world.broker.members('g')).deep.equal([]);
  });

  it('should begin where `from` says only where nothing is committed', async () => {
    const world = await World.open(2);
    world.fill(upTo(5), 0);
    world.fill(upTo(5), 1);
    const topic = world.connection.topic(TOPIC);
    const first = new Seen(
      topic.records$({ group: 'g', from: { 0: 3, 1: 4 }, to: 'now', autoAck: true }),
      ({ partition, offset }) => `${partition}@${offset}`,
    );
    await world.clock.advance(5_000);
    expect(first.log).have.members(['0@3', '0@4', '1@4', 'complete']);
    const second = new Seen(topic.records$({ group: 'g', from: 'earliest', to: 'now' }));
    await world.clock.advance(5_000);
    expect(second.log).deep.equal(['complete']);
  });

  it('should hand over: stop emitting, wait for what is out, commit', async () => {
    const world = await World.open(2);
    world.fill(upTo(10), 0);
    world.fill(upTo(10), 1);
    const topic = world.connection.topic(TOPIC);
    const events = new Seen(topic.events$, brief);
    const place = ({ partition, offset }: { partition: number; offset: number }) => `${partition}@${offset}`;
    const options = { group: 'g', maxUnacked: 4, revokeTimeout: 1_000, commitInterval: 60_000 };
    const one = new Seen(topic.records$(options), place);
    await world.clock.advance(100);
    expect(one.items.length).equal(4);
    const other = await world.connect();
    const two = new Seen(other.topic(TOPIC).records$(options), place);
    await world.clock.advance(200);
    for (const record of one.items.slice(0, 3)) record.ack();
    await world.clock.advance(2_000);
    expect(events.log.filter((event) => !String(event).startsWith('end'))).deep.equal([
      'assigned 0,1',
      'revoked 0,1, 1 unfinished',
      'assigned 0',
    ]);
    // The one that was not acked in time comes again where it is held by nobody.
    const left = one.items[3];
    const again = [...one.log.slice(4), ...two.log];
    expect(left).not.equal(undefined);
    left?.ack();
    for (let round = 0; round < 40; round += 1) {
      for (const record of [...one.items, ...two.items]) record.ack();
      await world.clock.advance(10);
    }
    expect(again.length).greaterThan(0);
    const all = new Set([...one.log, ...two.log]);
    expect(all.size).equal(20);
    one.subscription.unsubscribe();
    two.subscription.unsubscribe();
    await world.clock.advance(5_000);
    expect([world.committed('g', 0), world.committed('g', 1)]).deep.equal([10, 10]);
  });

  it('should commit what comes back to it while its hand-over still waits for Kafka', async () => {
    const world = await World.open();
    world.fill(upTo(2));
    const kafka = world.broker.connect();
    const topic = (await world.connect(kafka)).topic(TOPIC);
    const options = { group: 'g', sessionTimeout: 1_000, revokeTimeout: 100 };
    const seen = new Seen(topic.records$(options), theValue);
    await world.clock.advance(100);
    seen.items[0]?.ack();
    world.broker.rebalance('g');
    await world.clock.advance(5);
    world.broker.disconnect(kafka);
    await world.clock.advance(2_000);
    world.broker.reconnect(kafka);
    await world.clock.advance(100);
    seen.items[1]?.ack();
    world.fill([2]);
    await world.clock.advance(100);
    expect(seen.log).deep.equal(upTo(3));
    seen.items[2]?.ack();
    await world.clock.advance(6_000);
    expect(world.committed('g')).equal(3);
    seen.subscription.unsubscribe();
    await world.clock.advance(1_000);
  });

  it('should ignore acks of partitions that were lost', async () => {
    const world = await World.open();
    world.fill(upTo(4));
    const kafka = world.broker.connect();
    const frozen = await world.connect(kafka);
    const topic = frozen.topic(TOPIC);
    const events = new Seen(topic.events$, brief);
    const seen = new Seen(topic.records$({ group: 'g', sessionTimeout: 1_000 }), theValue);
    await world.clock.advance(100);
    world.broker.freeze(kafka);
    const other = new Seen(world.connection.topic(TOPIC).records$({ group: 'g' }), theValue);
    await world.clock.advance(5_000);
    expect(other.log).deep.equal(upTo(4));
    other.items[0]?.ack();
    await world.clock.advance(1_000);
    world.broker.thaw(kafka);
    await world.clock.advance(5);
    for (const record of seen.items) record.ack();
    seen.subscription.unsubscribe();
    await world.clock.advance(20_000);
    expect(events.log.filter((event) => String(event).startsWith('lost'))).deep.equal([
      'lost 0, 4 unfinished',
    ]);
    expect(world.committed('g')).equal(1);
    expect(seen.log).deep.equal(upTo(4));
  });
});

describe('records as an AsyncIterable', () => {
  it('should give the same records, acked when the loop comes back', async () => {
    const world = await World.open();
    world.fill(upTo(5));
    const values: unknown[] = [];
    const loop = async () => {
      const options = { group: 'g', to: 'now', autoAck: true } as const;
      for await (const { value } of world.connection.topic(TOPIC).records(options)) values.push(value);
    };
    await world.clock.until(loop());
    await world.clock.advance(5_000);
    expect(values).deep.equal(upTo(5));
    expect(world.committed('g')).equal(5);
  });

  it('should leave the last record undone where the loop is left', async () => {
    const world = await World.open();
    world.fill(upTo(5));
    const loop = async () => {
      for await (const { value } of world.connection.topic(TOPIC).records({ group: 'g', autoAck: true }))
        if (value === 2) break;
    };
    await world.clock.until(loop());
    await world.clock.advance(5_000);
    expect(world.committed('g')).equal(2);
    expect(world.broker.members('g')).deep.equal([]);
  });

  it('should throw what ends the stream', async () => {
    const world = await World.open();
    const loop = async () => {
      for await (const record of world.connection.topic('absent').records()) void record;
    };
    const error = await world.clock.until(loop().catch((thrown) => thrown));
    expect(error).include({ reason: 'no topic' });
  });
});

describe('a record that is nacked', () => {
  it('should come again to a member that has its partition back, though it was waiting at the hand-over', async () => {
    const world = await World.open();
    world.fill(upTo(3));
    const seen = new Seen(world.connection.topic(TOPIC).records$({ group: 'g' }), theValue);
    await world.clock.advance(100);
    seen.items[0]?.nack();
    for (const record of seen.items.slice(1)) record.ack();
    world.broker.rebalance('g');
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal([0, 1, 2, 0]);
    seen.items[3]?.ack();
    await world.clock.advance(1_000);
    expect(world.committed('g')).equal(3);
  });

  it('should not come again here where its partition was handed over before, and make room for others', async () => {
    const world = await World.open(2);
    world.fill([0, 1], 1);
    const options = { group: 'g', maxUnacked: 2, revokeTimeout: 500 };
    const one = new Seen(world.connection.topic(TOPIC).records$(options), theValue);
    await world.clock.advance(100);
    expect(one.log).deep.equal([0, 1]);
    const two = new Seen((await world.connect()).topic(TOPIC).records$(options), theValue);
    await world.clock.advance(2_000);
    expect(two.log).deep.equal([0, 1]);
    for (const record of one.items) record.nack();
    world.fill([2, 3], 0);
    await world.clock.advance(5_000);
    expect(one.log).deep.equal([0, 1, 2, 3]);
    expect(two.log).deep.equal([0, 1]);
  });
});
