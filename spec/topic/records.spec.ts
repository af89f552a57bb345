import { expect } from 'chai';
import * as t from 'io-ts';
import { take } from 'rxjs';
import { nothingBehindTheEnd } from '../rpc/timeline.js';
import { brief, Seen, TOPIC, theValue, upTo, World } from './harness.js';

describe('records$ without a group', () => {
  nothingBehindTheEnd();

  it('should emit what is there from the earliest, then what comes', async () => {
    const { clock, connection, ...world } = await World.open();
    for (const value of [1, 2])
      world.broker.append({ topic: TOPIC, partition: 0, value: Buffer.from(`${value}`) });
    const seen = new Seen(connection.topic(TOPIC).records$(), theValue);
    await clock.advance(100);
    expect(seen.log).deep.equal([1, 2]);
    await clock.until(connection.topic(TOPIC).publish(3));
    await clock.advance(10);
    expect(seen.log).deep.equal([1, 2, 3]);
    seen.subscription.unsubscribe();
    await clock.until(connection.close());
    expect(seen.log).deep.equal([1, 2, 3]);
    expect(clock.pending).equal(0);
  });

  it('should complete at the high watermarks of the start, and again for another subscriber', async () => {
    const world = await World.open(3);
    world.fill([1, 2, 3], 0);
    world.fill([4], 2);
    const records$ = world.connection.topic(TOPIC).records$({ to: 'now' });
    for (let i = 0; i < 2; i += 1) {
      const seen = new Seen(records$, theValue);
      await world.clock.advance(100);
      expect(seen.log).have.members([1, 2, 3, 4, 'complete']);
      expect(seen.log.at(-1)).equal('complete');
    }
    world.fill([5], 1);
    const later = new Seen(records$, theValue);
    await world.clock.advance(100);
    expect(later.log).have.members([1, 2, 3, 4, 5, 'complete']);
  });

  it('should complete on an empty topic, and where nothing is left up to the end', async () => {
    const world = await World.open(2);
    const empty = new Seen(world.connection.topic(TOPIC).records$({ to: 'now' }));
    await world.clock.advance(100);
    world.fill([1, 2], 0);
    const latest = new Seen(world.connection.topic(TOPIC).records$({ from: 'latest', to: 'now' }));
    await world.clock.advance(100);
    expect([empty.log, latest.log]).deep.equal([['complete'], ['complete']]);
  });

  it('should read between explicit offsets, and from a time', async () => {
    const world = await World.open(2);
    world.fill(upTo(10), 0);
    const between = new Seen(
      world.connection.topic(TOPIC).records$({ from: { 0: 3 }, to: { 0: 6 } }),
      theValue,
    );
    await world.clock.advance(1_000);
    const noon = new Date(world.clock.now());
    await world.clock.advance(1_000);
    world.fill(['afternoon'], 1);
    const since = new Seen(world.connection.topic(TOPIC).records$({ from: noon, to: 'now' }), theValue);
    await world.clock.advance(100);
    expect(between.log).deep.equal([3, 4, 5, 'complete']);
    expect(since.log).deep.equal(['afternoon', 'complete']);
  });

  it('should emit a tombstone as null, keys as text, headers as they are', async () => {
    const { clock, connection } = await World.open();
    const topic = connection.topic(TOPIC);
    await clock.until(topic.publish(null, { key: 'k', headers: { trace: 'abc' }, timestamp: 5 }));
    const seen = new Seen(topic.records$({ to: 'now' }));
    await clock.advance(100);
    const [record] = seen.items;
    expect(record).include({ key: 'k', value: null, timestamp: 5, partition: 0, offset: 0, topic: TOPIC });
    expect(record?.headers).deep.equal([{ trace: Buffer.from('abc') }]);
  });

  it('should stop at maxUnacked until a record is acked', async () => {
    const world = await World.open();
    world.fill(upTo(10));
    const seen = new Seen(
      world.connection.topic(TOPIC).records$({ to: 'now', autoAck: false, maxUnacked: 4 }),
      theValue,
    );
    await world.clock.advance(100);
    expect(seen.log).deep.equal([0, 1, 2, 3]);
    seen.items[2]?.ack();
    seen.items[2]?.ack();
    await world.clock.advance(100);
    expect(seen.log).deep.equal([0, 1, 2, 3, 4]);
    for (let i = 0; i < seen.items.length; i += 1) {
      seen.items[i]?.ack();
      await world.clock.advance(1);
    }
    expect(seen.log).deep.equal([...upTo(10), 'complete']);
  });

  it('should stop at maxUnackedBytes', async () => {
    const world = await World.open();
    world.fill(['aaaaaaaa', 'bbbbbbbb', 'cccccccc']);
    const seen = new Seen(
      world.connection.topic(TOPIC).records$({ autoAck: false, maxUnackedBytes: 15 }),
      theValue,
    );
    await world.clock.advance(100);
    expect(seen.items.length).equal(2);
    seen.items[0]?.ack();
    await world.clock.advance(100);
    expect(seen.items.length).equal(3);
  });

  it('should keep its line bounded where the subscriber stands still', async () => {
    const world = await World.open();
    world.fill(upTo(30_000));
    const seen = new Seen(
      world.connection.topic(TOPIC).records$({ to: 'now', autoAck: false, maxUnacked: 10 }),
      theValue,
    );
    await world.clock.advance(1_000);
    expect(seen.items.length).equal(10);
    for (let i = 0; i < seen.items.length; i += 1) {
      seen.items[i]?.ack();
      if (i % 10 === 9) await world.clock.advance(1);
    }
    await world.clock.advance(100);
    expect(seen.log).deep.equal([...upTo(30_000), 'complete']);
  });

  it('should emit a nacked record again', async () => {
    const world = await World.open();
    world.fill([1, 2]);
    const seen = new Seen(
      world.connection.topic(TOPIC).records$({ to: 'now', autoAck: false, nackDelay: 500 }),
      theValue,
    );
    seen.subscription.add(() => {});
    await world.clock.advance(100);
    // Both have been emitted, so the stream has ended: a nack comes too late.
    expect(seen.log).deep.equal([1, 2, 'complete']);
    const live = new Seen(
      world.connection.topic(TOPIC).records$({ autoAck: false, nackDelay: 500 }),
      theValue,
    );
    await world.clock.advance(100);
    live.items[0]?.nack();
    await world.clock.advance(400);
    expect(live.log).deep.equal([1, 2]);
    await world.clock.advance(200);
    expect(live.log).deep.equal([1, 2, 1]);
  });

  it('should error where the topic is missing or may not be read', async () => {
    const world = await World.open(1, { deny: (action, topic) => action === 'read' && topic === 'secret' });
    world.broker.createTopic('secret');
    const missing = new Seen(world.connection.topic('absent').records$());
    const secret = new Seen(world.connection.topic('secret').records$({ group: 'g' }));
    await world.clock.advance(100);
    expect(missing.log).deep.equal(['error There is no topic absent, or no right to see it']);
    expect(secret.log).deep.equal(['error not allowed to read secret']);
  });

  it('should complete a live stream and error a bounded one when the connection closes', async () => {
    const world = await World.open();
    world.fill(upTo(5));
    const topic = world.connection.topic(TOPIC);
    const live = new Seen(topic.records$({ from: 'latest' }), theValue);
    const bounded = new Seen(topic.records$({ to: 'now', autoAck: false, maxUnacked: 1 }), theValue);
    await world.clock.advance(100);
    await world.clock.until(world.connection.close());
    await world.clock.advance(100);
    expect(live.log).deep.equal(['complete']);
    expect(bounded.log).deep.equal([0, `error The connection was closed before the end of ${TOPIC}`]);
  });

  it('should complete a live stream whose connection closes while it joins, and error on one that is closed', async () => {
    const world = await World.open();
    const topic = world.connection.topic(TOPIC);
    const other = await world.connect();
    new Seen(other.topic(TOPIC).records$({ group: 'g', autoAck: false }));
    world.fill([1]);
    await world.clock.advance(100);
    const seen = new Seen(topic.records$({ group: 'g' }), theValue);
    await world.clock.advance(10);
    await world.clock.until(world.connection.close());
    await world.clock.advance(100);
    expect(seen.log).deep.equal(['complete']);
    const late = new Seen(topic.records$());
    await world.clock.advance(100);
    expect(late.log.length).equal(1);
    expect(late.log[0]).match(/^error .*closed/);
  });

  it('should do nothing after an unsubscribe, even one while it opens', async () => {
    const world = await World.open();
    world.fill([1]);
    const seen = new Seen(world.connection.topic(TOPIC).records$(), theValue);
    seen.subscription.unsubscribe();
    await world.clock.advance(100);
    const first = new Seen(world.connection.topic(TOPIC).records$().pipe(take(1)), theValue);
    await world.clock.advance(100);
    world.fill([2]);
    await world.clock.advance(100);
    expect([seen.log, first.log]).deep.equal([[], [1, 'complete']]);
  });

  it('should tell ends and lag', async () => {
    const world = await World.open();
    world.fill([1, 2, 3]);
    const topic = world.connection.topic(TOPIC);
    const events = new Seen(topic.events$, brief);
    const seen = new Seen(topic.records$({ autoAck: false, maxUnacked: 1, lagInterval: 50 }), theValue);
    await world.clock.advance(60);
    expect(seen.log).deep.equal([1]);
    expect(events.log).deep.equal(['end 0@3', 'lag 0: 2']);
    seen.items[0]?.ack();
    await world.clock.advance(50);
    expect(events.log).deep.equal(['end 0@3', 'lag 0: 2', 'lag 0: 1']);
  });

  it('should refuse options by their name', async () => {
    const { connection } = await World.open();
    const topic = connection.topic(TOPIC);
    for (const [options, text] of [
      [{ from: 'committed' }, 'from'],
      [{ from: 'first' }, 'from'],
      [{ to: 7 }, 'to'],
      [{ maxUnacked: 0 }, 'maxUnacked'],
      [{ group: '' }, 'group'],
      [{ onInvalid: 'deadLetter' }, 'deadLetter'],
      [{ commitInterval: 1e12 }, 'commitInterval'],
      [{ assignor: 'eager' }, 'assignor needs a group'],
      [{ group: 'g', assignor: 'sticky' }, "assignor: expected 'eager' or 'cooperative', got \"sticky\""],
      [{ group: 'g', protocol: 'next' }, "protocol: expected 'classic' or 'consumer'"],
      [{ group: 'g', protocol: 'consumer', assignor: 'eager' }, 'assignor: with protocol'],
      [{ group: 'g', protocol: 'consumer', sessionTimeout: 1_000 }, 'sessionTimeout: with protocol'],
      [{ group: 'g', groupInstanceId: '' }, 'groupInstanceId: expected a name'],
    ] as const)
      expect(() => topic.records$(options as object)).throw(TypeError, new RegExp(`^${text}`));
    expect(() => connection.topic('a b')).throw(TypeError, /^topic: expected/);
    expect(() => connection.topic('a', { codec: 'xml' as 'json' })).throw(TypeError, /^codec: expected/);
  });
});

describe('a record that does not decode', () => {
  const Order = t.type({ id: t.number });

  it('should be skipped, counted and told by default', async () => {
    const world = await World.open();
    world.fill([{ id: 1 }, { id: 'two' }, { id: 3 }]);
    world.broker.append({ topic: TOPIC, partition: 0, value: Buffer.from('{') });
    world.fill([{ id: 5 }]);
    const topic = world.connection.topic(TOPIC, { value: Order });
    const events = new Seen(topic.events$, brief);
    const seen = new Seen(topic.records$({ group: 'g', to: 'now', autoAck: true }), theValue);
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal([{ id: 1 }, { id: 3 }, { id: 5 }, 'complete']);
    expect(events.log.filter((event) => String(event).startsWith('invalid'))).deep.equal([
      'invalid 1: value.id: expected number, got "two"',
      events.log.find((event) => String(event).startsWith('invalid 3: value: invalid JSON')),
    ]);
    expect(topic.stats.invalid).equal(2);
    expect(world.committed('g')).equal(5);
  });

  it('should stop the stream where that is asked for, unacked', async () => {
    const world = await World.open();
    world.fill([{ id: 1 }, { id: 'two' }]);
    const topic = world.connection.topic(TOPIC, { value: Order });
    const seen = new Seen(topic.records$({ group: 'g', autoAck: true, onInvalid: 'stop' }), theValue);
    await world.clock.advance(10_000);
    expect(seen.log).deep.equal([{ id: 1 }, 'error orders/0@1: value.id: expected number, got "two"']);
    expect(world.committed('g')).equal(1);
  });

  it('should go to a dead-letter topic as it was read, then be acked', async () => {
    const world = await World.open();
    world.broker.createTopic('dead');
    world.broker.append({
      topic: TOPIC,
      partition: 0,
      key: Buffer.from([1, 2]),
      value: Buffer.from('{'),
      headers: [{ a: 'b' }, { bin: Buffer.from([0, 255]) }],
    });
    const topic = world.connection.topic(TOPIC, { value: Order });
    const options = {
      group: 'g',
      to: 'now',
      onInvalid: 'deadLetter',
      deadLetter: world.connection.topic('dead'),
    } as const;
    const seen = new Seen(topic.records$(options), theValue);
    await world.clock.advance(10_000);
    expect(seen.log).deep.equal(['complete']);
    const [dead] = world.broker.records('dead');
    expect(dead?.key).deep.equal(Buffer.from([1, 2]));
    expect(String(dead?.value)).equal('{');
    const headers = dead?.headers.map(
      (entry) => Object.entries(entry).map(([name, text]) => `${name}=${text}`)[0],
    );
    expect(headers?.slice(0, 2)).deep.equal(['a=b', 'bin.base64=AP8=']);
    expect(headers?.[2]).match(/^callstream-error=value: invalid JSON/);
    expect(headers?.[3]).equal('callstream-origin=orders/0/0');
    expect(world.committed('g')).equal(1);
  });
});
