// Topics as Observables on a real Kafka: what memory can't show.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  firstValueFrom,
  lastValueFrom,
  map,
  type Observable,
  retry,
  type Subscription,
  take,
  toArray,
} from 'rxjs';
import {
  type Connection,
  connect,
  header,
  processEach,
  type Topic,
  type TopicEvent,
} from '../../src/index.js';
import { openKafka } from '../../src/kafka/librdkafka.js';
import type { Kafka } from '../../src/kafka/port.js';
import { brokers, deleteTopic, describeOnKafka, unique } from './brokers.js';
import { until } from './port-support.js';

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const values = <T>(records$: Observable<{ value: T }>) =>
  lastValueFrom(
    records$.pipe(
      map(({ value }) => value),
      toArray(),
    ),
  );

describeOnKafka('topics on a real Kafka', () => {
  let kafka: Kafka;
  let connection: Connection;

  before(async () => {
    kafka = await openKafka({ brokers });
    connection = await connect({ kafka, onIssue: () => {} });
  });

  after(() => connection.close());

  async function newTopic(partitions = 4): Promise<Topic<unknown>> {
    const topic = unique('topic');
    await kafka.createTopic({ topic, partitions });
    return connection.topic(topic);
  }

  it('should commit what a group has acked and resume behind it', async () => {
    const topic = await newTopic(1);
    await lastValueFrom(topic.publishAll(upTo(100)));
    const group = unique('group');
    const first = await lastValueFrom(topic.records$({ group }).pipe(take(60), toArray()));
    for (const record of first.slice(0, 50)) record.ack();
    const again = await connect({ brokers });
    const rest = await values(again.topic(topic.name).records$({ group, to: 'now', autoAck: true }));
    expect(rest).deep.equal(upTo(100).slice(50));
    await again.close();
    expect(await values(topic.records$({ group, to: 'now' }))).deep.equal([]);
  });

  it('should end at the high watermarks, on empty partitions too', async () => {
    const topic = await newTopic(4);
    expect(await values(topic.records$({ to: 'now' }))).deep.equal([]);
    expect(await values(topic.records$({ group: unique('group'), to: 'now' }))).deep.equal([]);
    await lastValueFrom(topic.publishAll(upTo(10), { record: () => ({ partition: 2 }) }));
    expect(await values(topic.records$({ to: 'now' }))).deep.equal(upTo(10));
    expect(await values(topic.records$({ group: unique('group'), to: 'now', autoAck: true }))).deep.equal(
      upTo(10),
    );
    expect(await values(topic.records$({ from: { 2: 4 }, to: { 2: 6 } }))).deep.equal([4, 5]);
  });

  it('should begin at a time, with a group and without', async () => {
    const topic = await newTopic(2);
    const begin = Date.now() - 60_000;
    const record = (value: unknown) => ({ partition: 0, timestamp: begin + (value as number) * 1_000 });
    await lastValueFrom(topic.publishAll(upTo(10), { record }));
    const from = new Date(begin + 7_000);
    expect(await values(topic.records$({ from, to: 'now' }))).deep.equal([7, 8, 9]);
    const options = { group: unique('group'), from, to: 'now', autoAck: true } as const;
    expect(await values(topic.records$(options))).deep.equal([7, 8, 9]);
  });

  it('should carry a record of nearly 1 MB, headers, bytes and a tombstone', async () => {
    const { name } = await newTopic(1);
    const raw = connection.topic(name, { codec: 'raw' });
    const large = Buffer.alloc(990_000, 7);
    await raw.publish(large, { key: Buffer.from([0, 1, 0]), headers: { trace: 'abc' } });
    await raw.publish(null, { key: 'gone' });
    const [first, second] = await lastValueFrom(raw.records$({ to: 'now' }).pipe(toArray()));
    expect(first?.value?.equals(large)).equal(true);
    expect(first?.key).deep.equal(Buffer.from([0, 1, 0]));
    expect(first?.headers).deep.equal([{ trace: Buffer.from('abc') }]);
    expect(second).include({ value: null });
    const error = await raw.publish(Buffer.alloc(1_100_000)).catch((thrown) => thrown);
    expect(error).include({ reason: 'too large', notSent: true });
  });

  it('should put a poison record into the dead-letter topic and go on behind it', async () => {
    const topic = await newTopic(1);
    const dead = await newTopic(1);
    const raw = connection.topic(topic.name, { codec: 'raw' });
    const rawDead = connection.topic(dead.name, { codec: 'raw' });
    for (const text of ['1', '{', '"poison"', '4']) await raw.publish(Buffer.from(text));
    const work = async ({ value }: { value: unknown }) => {
      if (value === 'poison') throw new Error('not a number');
      return value;
    };
    const options = { group: unique('group'), to: 'now', onInvalid: 'deadLetter', deadLetter: dead } as const;
    const onError = { retry: { attempts: 1 }, deadLetter: dead };
    const done = await lastValueFrom(
      topic.records$(options).pipe(processEach(work, { ordered: 'partition', onError }), toArray()),
    );
    expect(done).deep.equal([1, 4]);
    const kept = await lastValueFrom(rawDead.records$({ to: 'now' }).pipe(toArray()));
    const found = kept.map(({ value, headers }) => [
      String(value),
      String(header(headers, 'callstream-origin')),
      String(header(headers, 'callstream-error')).split(':')[0],
    ]);
    expect(found).deep.equal([
      ['{', `${topic.name}/0/1`, 'value'],
      ['"poison"', `${topic.name}/0/2`, 'not a number'],
    ]);
    const again = topic.records$({ group: options.group, to: 'now' });
    await until(() => topic.stats.invalid === 1, 'one invalid record');
    expect(await values(again)).deep.equal([]);
  });

  it('should tell of assignments, ends, lag and what is handed over in one Observable', async () => {
    const topic = await newTopic(1);
    await lastValueFrom(topic.publishAll(upTo(3)));
    const events: TopicEvent[] = [];
    const watching = topic.events$.subscribe((event) => events.push(event));
    const group = unique('group');
    const options = { group, lagInterval: 100, maxUnacked: 1, revokeTimeout: 200 };
    const held: { ack(): void }[] = [];
    const reading = topic.records$(options).subscribe((record) => held.push(record));
    const find = (type: TopicEvent['type']) => events.find((event) => event.type === type);
    await until(() => find('lag') !== undefined && find('end') !== undefined, 'lag and the end');
    reading.unsubscribe();
    await until(() => find('revoked') !== undefined, 'the hand-over');
    watching.unsubscribe();
    const partitions = [{ topic: topic.name, partition: 0 }];
    expect(held).lengthOf(1);
    expect(find('assigned')).deep.equal({ type: 'assigned', group, partitions });
    expect(find('lag')).deep.equal({ type: 'lag', group, ...partitions[0], lag: 2 });
    expect(find('end')).deep.equal({ type: 'end', group, ...partitions[0], offset: 3 });
    expect(find('revoked')).deep.equal({ type: 'revoked', group, partitions, lost: false, unfinished: 1 });
  });

  it('should error where the topic is missing, and read it once it is there', async () => {
    const topic = connection.topic(unique('later'));
    const error = await firstValueFrom(topic.records$()).catch((thrown) => thrown);
    expect(error).include({ reason: 'no topic' });
    expect(await topic.publish(1).catch((thrown) => thrown)).include({ reason: 'no topic' });
    const first = firstValueFrom(topic.records$().pipe(retry({ delay: 200 })));
    await sleep(300);
    await kafka.createTopic({ topic: topic.name, partitions: 1 });
    await topic.publish('here');
    expect((await first).value).equal('here');
  });

  it('should go on reading a topic that was deleted and made anew', async () => {
    const topic = await newTopic(1);
    const group = unique('group');
    const seen: unknown[] = [];
    const subscription = topic.records$({ group, autoAck: true }).subscribe(({ value }) => seen.push(value));
    await lastValueFrom(topic.publishAll(['old 1', 'old 2', 'old 3']));
    await until(() => seen.length === 3, 'the old records');
    while ((await kafka.committed(group, topic.name))[0]?.offset !== 3) await sleep(20);
    await deleteTopic(topic.name);
    await sleep(3_000);
    await kafka.createTopic({ topic: topic.name, partitions: 1 });
    await lastValueFrom(topic.publishAll(['new 1', 'new 2']));
    await until(() => seen.length >= 5, 'the new records', 30_000);
    subscription.unsubscribe();
    expect(seen).deep.equal(['old 1', 'old 2', 'old 3', 'new 1', 'new 2']);
  });

  it('should lose nothing while members of a group come and go', async () => {
    const topic = await newTopic(6);
    const group = unique('group');
    const total = 30_000;
    const done = new Map<unknown, number>();
    const events: TopicEvent[] = [];
    const members: { connection: Connection; subscription: Subscription }[] = [];
    const errors: unknown[] = [];
    const join = async () => {
      const member = await connect({ brokers, onIssue: () => {} });
      const own = member.topic(topic.name);
      own.events$.subscribe((event) => events.push(event));
      const work = async ({ value }: { value: unknown }) => {
        await sleep(Math.random() * 5);
        done.set(value, (done.get(value) ?? 0) + 1);
      };
      const subscription = own
        .records$({ group, maxUnacked: 500 })
        .pipe(processEach(work, { concurrency: 64, ordered: false }))
        .subscribe({ error: (error) => errors.push(error) });
      members.push({ connection: member, subscription });
    };
    const leave = async () => {
      const member = members.shift();
      // In turn by an unsubscribe and by closing the connection.
      if (members.length % 2 === 0) member?.subscription.unsubscribe();
      await member?.connection.close();
    };
    let published = 0;
    const flow = (async () => {
      for (; published < total; published += 1_000) {
        await lastValueFrom(topic.publishAll(upTo(1_000).map((i) => published + i)));
        await sleep(300);
      }
    })();
    await Promise.all([join(), join(), join()]);
    for (let round = 0; round < 4; round += 1) {
      await sleep(2_000);
      await leave();
      await join();
    }
    await flow;
    await until(() => done.size >= total, 'all records', 60_000);
    for (const member of members) await member.connection.close();
    expect(errors).deep.equal([]);
    expect(done.size).equal(total);
    const twice = [...done.values()].filter((times) => times > 1).length;
    const unfinished = events.reduce(
      (sum, event) => sum + (event.type === 'revoked' ? event.unfinished : 0),
      0,
    );
    // Leaving drops the work that runs, 64 records at most, so those come again; nothing else may.
    expect(twice).most(unfinished + 4 * 64);
  });
});
