// The port on a real Kafka, at KAFKA_BROKERS. What the mock cluster can't show: configuration, refusals, groups that move.
import { expect } from 'chai';
import { openKafka } from '../../src/kafka/librdkafka.js';
import type { Consumer, ConsumerRecord, Kafka } from '../../src/kafka/port.js';
import { rejection, until } from './port-support.js';

const brokers = process.env.KAFKA_BROKERS;
const run = `${Date.now().toString(36)}-${process.pid}`;
let made = 0;

describe('librdkafka on a real Kafka (skipped unless KAFKA_BROKERS is set)', () => {
  let kafka: Kafka;

  before(async function () {
    if (brokers === undefined) return this.skip();
    kafka = await openKafka({ brokers });
  });
  after(() => kafka?.close());

  async function newTopic(partitions = 4, config: Record<string, string> = {}): Promise<string> {
    made += 1;
    const topic = `librdkafka-${run}-${made}`;
    expect(await kafka.createTopic({ topic, partitions, config })).equal('created');
    return topic;
  }

  async function join(group: string, topic: string, from: 'earliest' | 'latest' = 'earliest') {
    const records: ConsumerRecord[] = [];
    const log: string[] = [];
    const next = new Map<number, number>();
    const consumer: Consumer = await kafka.subscribe(
      { group: `${group}-${run}`, topics: [topic], from, sessionTimeout: 6_000, revokeTimeout: 3_000 },
      {
        onRecord: (record) => {
          records.push(record);
          next.set(record.partition, record.offset + 1);
        },
        onError: (error) => log.push(`error ${error.message}`),
        onAssigned: (partitions) => log.push(`assigned ${partitions.length}`),
        onRevoked: async (partitions, lost) => {
          log.push(`revoked ${partitions.length}${lost ? ' lost' : ''}`);
          const done = partitions.filter(({ partition }) => next.has(partition));
          await consumer.commit(done.map((at) => ({ ...at, offset: next.get(at.partition) as number })));
          log.push('committed');
        },
      },
    );
    return { records, log, consumer };
  }

  it('should not be taken for a mock cluster', () => {
    expect(kafka.embedded).equal(false);
  });

  it('should name the topics without those of Kafka itself, and tell what a group has committed', async () => {
    const topic = await newTopic(2);
    const { consumer } = await join('asked', topic);
    expect(await kafka.committed(`asked-${run}`, topic)).deep.equal([]);
    await consumer.commit([{ topic, partition: 1, offset: 3 }]);
    expect(await kafka.committed(`asked-${run}`, topic)).deep.equal([{ topic, partition: 1, offset: 3 }]);
    await consumer.close();
    const names = await kafka.topics();
    expect(names).include(topic);
    expect(names.filter((name) => name.startsWith('__'))).deep.equal([]);
  });

  it('should create topics as they are meant, usable at once', async () => {
    const topic = await newTopic(3, { 'retention.ms': '60000' });
    expect(await kafka.partitions(topic)).equal(3);
    for (const partition of [0, 1, 2])
      expect(await kafka.watermarks({ topic, partition })).deep.equal({ low: 0, high: 0 });
    expect(await kafka.createTopic({ topic, partitions: 9 })).equal('exists');
    const error = await rejection(
      kafka.createTopic({ topic: `${topic}x`, partitions: 1, config: { 'no.such': '1' } }),
    );
    expect(error).include({ reason: 'failed', code: 40 });
    expect(error.message).contain(`${topic}x`).contain('no.such');
  });

  it('should tell of a record that the topic refuses', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': '2000' });
    const error = await rejection(kafka.send({ topic, partition: 0, value: Buffer.alloc(5_000) }));
    expect(error).include({ reason: 'too large', notSent: false, code: 10 });
    expect((await kafka.send({ topic, partition: 0, value: Buffer.alloc(1_000) })).offset).equal(0);
  });

  it('should refuse a send to a missing topic within seconds', async () => {
    const started = Date.now();
    const error = await rejection(kafka.send({ topic: `absent-${run}`, partition: 0, value: null }));
    expect(error.reason).equal('no topic');
    expect(Date.now() - started).below(20_000);
    expect(await kafka.partitions(`absent-${run}`)).equal(undefined);
  });

  it('should bring a record to a waiting reader within milliseconds', async () => {
    const topic = await newTopic(1);
    let arrived = () => {};
    const consumer = await kafka.assign([{ topic, partition: 0, offset: 0 }], {
      onRecord: () => arrived(),
      onError: () => {},
    });
    let [quarter, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    // A fetch that isn't woken, or a loop that sleeps, takes 500 ms each time; a busy machine some more than it must.
    for (let tries = 0; tries < 5 && (quarter >= 25 || most >= 250); tries += 1) {
      const times: number[] = [];
      for (let i = 0; i < 200; i += 1) {
        const started = performance.now();
        const arrival = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        kafka.send({ topic, partition: 0, value: Buffer.from('x') });
        await arrival;
        times.push(performance.now() - started);
      }
      times.sort((a, b) => a - b);
      [quarter, most] = [times[50] as number, times[150] as number];
    }
    expect(quarter).below(25);
    expect(most).below(250);
    await consumer.close();
  });

  it('should read a large backlog whole and in order, without holding the event loop', async () => {
    const topic = await newTopic(1);
    const count = 100_000;
    const sends: Promise<unknown>[] = [];
    for (let i = 0; i < count; i += 1) {
      sends.push(kafka.send({ topic, partition: 0, value: Buffer.from(`${i}`) }));
      if (i % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(sends);
    let turns = 0;
    // It goes on between portions of what may wait for it, 32,768 records; one that is held up by others gets more.
    for (let times = 0; times < 5 && turns <= 1; times += 1) {
      let received = 0;
      let disorder = 0;
      turns = 0;
      const beat = setInterval(() => {
        if (received > 0) turns += 1;
      }, 1);
      const consumer = await kafka.assign([{ topic, partition: 0, offset: 0 }], {
        onRecord: ({ offset }) => {
          if (offset !== received) disorder += 1;
          received += 1;
        },
        onError: () => {},
      });
      await until(() => received === count, 'the backlog', 60_000).finally(() => clearInterval(beat));
      expect(disorder).equal(0);
      await consumer.close();
    }
    expect(turns).above(1);
  });

  it('should begin a group from latest at the moment of its assignment', async () => {
    const topic = await newTopic(2);
    await kafka.send({ topic, partition: 0, value: Buffer.from('before') });
    const { records, consumer } = await join('latest', topic, 'latest');
    await kafka.send({ topic, partition: 0, value: Buffer.from('after') });
    await kafka.send({ topic, partition: 1, value: Buffer.from('after') });
    await until(() => records.length >= 2, 'what was sent after');
    expect(records.map(({ value }) => String(value))).deep.equal(['after', 'after']);
    await consumer.close();
  });

  it('should skip nothing that comes from its latest on, be its partitions handed over', async () => {
    const [topic, other] = [await newTopic(1), await newTopic(1)];
    const records: string[] = [];
    let assigned = 0;
    const member = await kafka.subscribe(
      {
        group: `latest-${run}`,
        topics: [topic],
        from: 'latest',
        sessionTimeout: 6_000,
        revokeTimeout: 3_000,
      },
      {
        onRecord: ({ value }) => records.push(String(value)),
        onError: () => {},
        onAssigned: () => {
          assigned += 1;
        },
        // Between two assignments, and nothing was committed.
        onRevoked: async () => {
          await kafka.send({ topic, partition: 0, value: Buffer.from(`after ${assigned}`) });
        },
      },
    );
    member.resubscribe([topic, other], []);
    await until(() => records.length > 0, 'what came meanwhile');
    expect(records).deep.equal(['after 1']);
    await member.close();
  });

  it('should hand partitions over without a gap or a repeat', async () => {
    const topic = await newTopic(4);
    const send = (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, i) => kafka.send({ topic, partition: i % 4, value: null })),
      );
    await send(40);
    const first = await join('move', topic);
    await until(() => first.records.length === 40, 'the first 40');
    const second = await join('move', topic);
    await until(() => [first, second].every(({ log }) => log.at(-1) === 'assigned 2'), 'the hand-over');
    expect(first.log).deep.equal(['assigned 4', 'revoked 4', 'committed', 'assigned 2']);
    await send(40);
    await until(() => first.records.length + second.records.length >= 80, 'the next 40');
    await first.consumer.close();
    expect(first.log.slice(4)).deep.equal(['revoked 2', 'committed']);
    await until(() => second.log.at(-1) === 'assigned 4', 'the rest of the partitions');
    await send(40);
    await until(() => first.records.length + second.records.length >= 120, 'the last 40');
    const seen = [...first.records, ...second.records].map(
      ({ partition, offset }) => `${partition}/${offset}`,
    );
    expect(new Set(seen).size).equal(120);
    expect(seen).length(120);
    await second.consumer.close();
  });

  it('should refuse a commit for what is not assigned, which Kafka takes from any member', async () => {
    const topic = await newTopic(2);
    const { consumer, log } = await join('strict', topic);
    const commit = (partition: number) => consumer.commit([{ topic, partition, offset: 0 }]);
    await Promise.all([commit(0), commit(1)]);
    const second = await join('strict', topic);
    await until(() => log.at(-1) === 'assigned 1', 'the hand-over');
    const outcomes = await Promise.allSettled([commit(0), commit(1)]);
    const gone = outcomes.findIndex(({ status }) => status === 'rejected');
    const refusal = `Committing offsets: ${topic}/${gone} is not assigned`;
    expect(outcomes[gone]).nested.include({ 'reason.message': refusal });
    expect(outcomes[1 - gone]).include({ status: 'fulfilled' });
    const producer = await kafka.transactional({ id: topic, timeout: 10_000 });
    await producer.begin();
    const staged = producer.sendOffsets([{ topic, partition: gone, offset: 0 }], consumer);
    expect(await rejection(staged)).include({ message: refusal });
    await producer.sendOffsets([{ topic, partition: 1 - gone, offset: 0 }], consumer);
    await producer.commit();
    await producer.close();
    await Promise.all([consumer.close(), second.consumer.close()]);
  });

  it('should say why a group refuses a member', async () => {
    const topic = await newTopic(1);
    const options = { group: `hasty-${run}`, topics: [topic], from: 'earliest', revokeTimeout: 100 } as const;
    const handlers = { onRecord() {}, onError() {}, onAssigned() {}, onRevoked: async () => {} };
    const error = await rejection(kafka.subscribe({ ...options, sessionTimeout: 1 }, handlers));
    expect(error).include({ reason: 'failed', code: 26 });
  });

  it('should close in time with a dozen readers and records on their way', async () => {
    const topic = await newTopic(4);
    const own = await openKafka({ brokers });
    for (let i = 0; i < 12; i += 1)
      await own.assign([{ topic, partition: i % 4, offset: 0 }], { onRecord() {}, onError() {} });
    const sends = Array.from({ length: 400 }, (_, i) =>
      own.send({ topic, partition: i % 4, value: Buffer.alloc(100) }),
    );
    const started = Date.now();
    await own.close();
    expect(Date.now() - started).below(5_000);
    expect(await Promise.all(sends)).length(400);
  });
});
