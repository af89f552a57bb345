// Exactly once on a real Kafka: processes that are killed, fencing, and what readers see.
// TRANSACT_KILLS=20 TRANSACT_RECORDS=100000 makes the run of kills the long one.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { lastValueFrom, map, toArray } from 'rxjs';
import { type Connection, connect, KafkaError, transact } from '../../src/index.js';
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

  const newTopic = async (name: string) => {
    const topic = connection.topic(unique(name));
    await topic.create({ partitions: 1 });
    return topic;
  };
  const read = (topic: Awaited<ReturnType<typeof newTopic>>, isolation?: 'read_uncommitted') =>
    lastValueFrom(
      topic.records$({ to: 'now', ...(isolation && { isolation }) }).pipe(
        map(({ value }) => value),
        toArray(),
      ),
    );

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
          // The first two are at the broker by the time at which it fails.
          if (value === 3 && failures > 0) {
            failures -= 1;
            await sleep(2_000);
            throw new Error('now and then');
          }
          return to.toRecord(value);
        },
        { transactionalId: unique('id') },
      ).pipe(toArray()),
    );
    expect(transactions.map(({ records, produced }) => [records, produced])).deep.equal([[3, 3]]);
    expect(await read(to)).deep.equal([1, 2, 3]);
    expect(await read(to, 'read_uncommitted')).deep.equal([1, 2, 1, 2, 3]);
  });

  it('should end as fenced where another opens its transactional id', async () => {
    const from = await newTopic('orders');
    const to = await newTopic('copies');
    const id = unique('id');
    let ended: unknown;
    let committed = 0;
    const subscription = transact(from.records$({ group: unique('g') }), ({ value }) => to.toRecord(value), {
      transactionalId: id,
    }).subscribe({
      next: () => {
        committed += 1;
      },
      error: (error) => {
        ended = error;
      },
    });
    await from.publish(1);
    await until(() => committed === 1, 'the first transaction', 20_000);
    const other = await kafka.transactional({ id, timeout: 10_000 });
    await from.publish(2);
    await until(() => ended !== undefined, 'the end', 30_000);
    expect(ended).instanceOf(KafkaError).include({ reason: 'fenced' });
    expect(String(ended)).include('another producer has opened this transactional id');
    expect(await read(to)).deep.equal([1]);
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
    expect(await read(to)).deep.equal([2]);
  });
});
