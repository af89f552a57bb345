import { expect } from 'chai';
import { lastValueFrom, tap } from 'rxjs';
import { TOPIC, World } from './harness.js';

/** The rejection of a Promise, as its message. */
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing',
    (error) => error.message,
  );

describe('positions', () => {
  it('should tell where partitions begin and end, and nothing of a group that nobody asked for', async () => {
    const world = await World.open(2);
    world.fill([1, 2, 3]);
    world.broker.trim({ topic: TOPIC, partition: 0 }, 1);
    const positions = await world.clock.until(world.connection.topic(TOPIC).positions());
    expect(positions).deep.equal([
      { partition: 0, low: 1, high: 3, committed: undefined, lag: undefined },
      { partition: 1, low: 0, high: 0, committed: undefined, lag: undefined },
    ]);
  });

  it('should tell how far a group has come, and what it has left', async () => {
    const world = await World.open(2);
    world.fill([1, 2]);
    const topic = world.connection.topic(TOPIC);
    const all$ = topic.records$({ group: 'billing', to: 'now' }).pipe(tap((record) => record.ack()));
    await world.clock.until(lastValueFrom(all$));
    await world.clock.advance(1_000);
    world.fill([3, 4, 5]);
    world.fill([6], 1);
    const lags = async (group: string) =>
      (await world.clock.until(topic.positions(group))).map(({ committed, lag }) => [committed, lag]);
    expect(await lags('billing')).deep.equal([
      [2, 3],
      [undefined, 1],
    ]);
    expect(await lags('another')).deep.equal([
      [undefined, 5],
      [undefined, 1],
    ]);
    // What retention has deleted nobody can catch up with.
    world.broker.trim({ topic: TOPIC, partition: 0 }, 4);
    expect(await lags('billing')).deep.equal([
      [2, 1],
      [undefined, 1],
    ]);
  });

  it('should be refused without the topic, or with a group that is none', async () => {
    const world = await World.open();
    expect(await world.clock.until(refusal(world.connection.topic('none').positions()))).match(
      /There is no topic none/,
    );
    expect(await refusal(world.connection.topic(TOPIC).positions(''))).match(/^group: expected a name/);
  });
});

describe('topicNames', () => {
  it('should name all topics, in order', async () => {
    const world = await World.open();
    world.broker.createTopic('a');
    expect(await world.clock.until(world.connection.topicNames())).deep.equal([
      'a',
      'callstream.inbox',
      TOPIC,
    ]);
  });
});
