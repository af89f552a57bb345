/** What a subscription to a topic leaves behind while its connection stays open: nothing refers to it any more. */
import { expect } from 'chai';
import { from, type Observable, of, Observable as Rx, tap } from 'rxjs';
import { processEach, type Topic, type TopicRecord, transact } from '../../src/index.js';
import { Watched } from '../testing/watched.js';
import { TOPIC, upTo, World } from './harness.js';

describe('references to a topic', () => {
  const roads: Record<
    string,
    (topic: Topic<unknown>, out: Topic<unknown>, watched: Watched) => Observable<unknown>
  > = {
    records$: (topic) => topic.records$(),
    'records$ with a group': (topic) =>
      topic.records$({ group: 'g', maxUnacked: 3 }).pipe(tap((record) => record.ack())),
    'records$, nothing acked': (topic) => topic.records$({ group: 'g', maxUnacked: 3, revokeTimeout: 100 }),
    'records$, all nacked': (topic) => topic.records$({ group: 'g' }).pipe(tap((record) => record.nack())),
    processEach: (topic, _, watched) =>
      topic
        .records$({ group: 'g' })
        .pipe(processEach((record) => of(watched.add('work', { of: record.offset })))),
    'topic to topic': (topic, out) =>
      topic.records$({ group: 'g' }).pipe(
        out.sink({
          value: ({ value }: TopicRecord<unknown>) => value,
          ack: (record: TopicRecord<unknown>) => record,
        }),
      ),
    sink: (_, out) => from(upTo(20)).pipe(out.sink({ maxInFlight: 4 })),
    publishAll: (_, out) => out.publishAll(upTo(20), { maxInFlight: 4 }),
    transact: (topic, out) =>
      transact(topic.records$({ group: 'g' }), ({ value }) => out.toRecord(value), { transactionalId: 't' }),
  };

  for (const [road, make] of Object.entries(roads))
    it(`should be none to ${road} behind an unsubscribe`, async () => {
      const watched = new Watched();
      const world = await World.open();
      world.broker.createTopic('out');
      world.fill(upTo(10));
      const topic = world.connection.topic(TOPIC);
      const out = world.connection.topic('out');
      await (async () => {
        const made = make(topic, out, watched);
        const subscription = new Rx((subscriber) => {
          watched.add('subscriber', subscriber);
          return made.subscribe(subscriber);
        }).subscribe((item) => typeof item === 'object' && item !== null && watched.add('item', item));
        await world.clock.advance(500);
        subscription.unsubscribe();
      })();
      await world.clock.advance(20_000);
      expect(watched.size).above(1);
      expect(await watched.left()).deep.equal([]);
      expect(topic.name).equal(TOPIC);
      await world.clock.until(world.connection.close());
    });
});
