// Exactly once on a real Kafka: processes that are killed, fencing, and what readers see.
// TRANSACT_KILLS=20 TRANSACT_RECORDS=100000 makes the run of kills the long one.
import { expect } from 'chai';
import { lastValueFrom, map, take, toArray } from 'rxjs';
import {
  type Connection,
  connect,
  KafkaError,
  type ReadOptions,
  type Topic,
  transact,
} from '../../src/index.js';
import { openKafka } from '../../src/kafka/librdkafka.js';
import type { Kafka } from '../../src/kafka/port.js';
import { brokers, describeOnKafka, unique } from './brokers.js';
import { rejection, until } from './port-support.js';
import { killAgainAndAgain } from './transact-kills.js';

const LONG = process.env.TRANSACT_KILLS !== undefined;

describeOnKafka('transact on a real Kafka', function () {
  this.timeout(LONG ? 400_000 : 180_000);
  let kafka: Kafka;
  let connection: Connection;

  before(async () => {
    kafka = await openKafka({ brokers });
    connection = await connect({ kafka, onIssue: () => {} });
  });

  after(() => connection.close());

  const newTopic = async (name: string): Promise<Topic<unknown>> => {
    const topic = connection.topic(unique(name));
    await topic.create({ partitions: 1 });
    return topic;
  };
  type Read = Omit<ReadOptions, 'group'>;
  const read = (topic: Topic<unknown>, options: Read, count = Number.POSITIVE_INFINITY) =>
    lastValueFrom(
      topic.records$(options).pipe(
        map(({ value }) => value),
        take(count),
        toArray(),
      ),
    );
  /** What has been committed, once there are so many, and that there are no more. */
  const committed = async (topic: Topic<unknown>, count: number) => {
    // Not to `now` alone: the marker of the last transaction may be on its way.
    await read(topic, {}, count);
    return read(topic, { to: 'now' });
  };

  it('should write each result once, however often its process is killed', async () => {
    const kills = Number(process.env.TRANSACT_KILLS ?? 3);
    const records = Number(process.env.TRANSACT_RECORDS ?? 5_000);
    const within = LONG ? 360_000 : 160_000;
    const figures = await killAgainAndAgain({ kills, records, maxBatch: LONG ? 250 : 100, within });
    if (LONG) console.log(JSON.stringify(figures));
    expect(figures).include({ kills, duplicates: 0, missing: 0 });
  });

  it('should undo what an aborted transaction wrote, and replay it', async () => {
    const from = await newTopic('orders');
    const to = await newTopic('copies');
    for (const value of [1, 2, 3]) await from.publish(value);
    let failures = 1;
    const transactions = await lastValueFrom(
      transact(
        from.records$({ group: unique('g'), to: 'now' }),
        async ({ value }) => {
          if (value === 3 && failures > 0) {
            failures -= 1;
            // The first two are at the broker by the time at which it fails.
            await read(to, { isolation: 'read_uncommitted' }, 2);
            throw new Error('now and then');
          }
          return to.toRecord(value);
        },
        { transactionalId: unique('id') },
      ).pipe(toArray()),
    );
    expect(transactions.map(({ records, produced }) => [records, produced])).deep.equal([[3, 3]]);
    expect(await committed(to, 3)).deep.equal([1, 2, 3]);
    expect(await read(to, { to: 'now', isolation: 'read_uncommitted' })).deep.equal([1, 2, 1, 2, 3]);
  });

  it('should end as fenced where another opens its transactional id', async () => {
    const from = await newTopic('orders');
    const to = await newTopic('copies');
    const id = unique('id');
    let ended: unknown;
    let transactions = 0;
    const subscription = transact(from.records$({ group: unique('g') }), ({ value }) => to.toRecord(value), {
      transactionalId: id,
    }).subscribe({
      next: () => {
        transactions += 1;
      },
      error: (error) => {
        ended = error;
      },
    });
    await from.publish(1);
    await until(() => transactions === 1, 'the first transaction', 20_000);
    const other = await kafka.transactional({ id, timeout: 10_000 });
    await from.publish(2);
    await until(() => ended !== undefined, 'the end', 30_000);
    expect(ended).instanceOf(KafkaError).include({ reason: 'fenced' });
    expect(String(ended)).include('another producer has opened this transactional id');
    expect(await committed(to, 1)).deep.equal([1]);
    subscription.unsubscribe();
    await other.close();
  });

  it('should begin another transaction behind an abort, and refuse to commit none', async () => {
    const producer = await kafka.transactional({ id: unique('id'), timeout: 10_000 });
    const to = await newTopic('copies');
    await producer.begin();
    await producer.send(to.toRecord(1));
    await producer.abort();
    await producer.begin();
    await producer.send(to.toRecord(2));
    await producer.commit();
    const error = await rejection(producer.commit());
    expect(error.message).include('Committing as');
    await producer.close();
    expect(await committed(to, 1)).deep.equal([2]);
  });
});
