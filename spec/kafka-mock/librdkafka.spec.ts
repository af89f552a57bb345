// The port on librdkafka's mock cluster: real client, no broker to install.
import { inspect } from 'node:util';
import { expect } from 'chai';
import { type EmbeddedCluster, startEmbedded } from '../../src/kafka/embedded.js';
import { openKafka } from '../../src/kafka/librdkafka.js';
import { loadBinding } from '../../src/kafka/librdkafka-binding.js';
import {
  type Consumer,
  type ConsumerRecord,
  type DeliveryReport,
  type Headers,
  header,
  type Kafka,
  KafkaError,
  type TopicPartition,
} from '../../src/kafka/port.js';
import { rejection, until } from '../kafka/port-support.js';

let cluster: EmbeddedCluster;
let kafka: Kafka;
let made = 0;

async function newTopic(): Promise<string> {
  made += 1;
  const topic = `topic-${made}`;
  await kafka.createTopic({ topic, partitions: 4 });
  return topic;
}

async function read(topic: string, partition: number, offset = 0, through = kafka) {
  const records: ConsumerRecord[] = [];
  const errors: KafkaError[] = [];
  const consumer = await through.assign([{ topic, partition, offset }], {
    onRecord: (record) => records.push(record),
    onError: (error) => errors.push(error),
  });
  return { records, errors, consumer };
}

const value = (text: string) => Buffer.from(text);
const texts = (records: readonly ConsumerRecord[]) => records.map((record) => String(record.value));

describe('librdkafka on its mock cluster', () => {
  before(async () => {
    cluster = await startEmbedded();
    kafka = await openKafka({ brokers: cluster.brokers });
  });
  after(async () => {
    await kafka.close();
    await cluster.close();
  });

  describe('a cluster', () => {
    it('should be found to be a mock by its address alone', () => {
      expect(kafka.embedded).equal(true);
      expect(kafka.brokers).equal(cluster.brokers);
    });

    it('should be started where no brokers are given, and end with the connection', async () => {
      const own = await openKafka({ brokers: undefined });
      expect(own.brokers)
        .match(/^127\.0\.0\.1:\d+$/)
        .not.equal(cluster.brokers);
      await own.createTopic({ topic: 'own', partitions: 1 });
      await own.close();
      const error = await rejection(openKafka({ brokers: own.brokers, connectTimeout: 300 }));
      expect(error.reason).equal('unreachable');
    });

    it('should be given up in time where nobody answers, with the address and no credentials', async () => {
      const started = Date.now();
      const properties = { 'sasl.password': 'hunter2', 'sasl.username': 'joe' };
      const error = await rejection(openKafka({ brokers: '127.0.0.1:9', connectTimeout: 400, properties }));
      expect(error.reason).equal('unreachable');
      expect(error.message).contain('127.0.0.1:9').not.contain('hunter2').not.contain('joe');
      expect(Date.now() - started).within(300, 5_000);
    });
  });

  describe('an installation', () => {
    it('should say in one sentence what a missing binding needs', () => {
      const load = () => {
        throw new Error('Could not locate the bindings file. Tried:\n → /a\n → /b');
      };
      expect(() => loadBinding(load))
        .throw(KafkaError)
        .property('message')
        .match(
          /^node-rdkafka's native binding isn't built .*C\+\+ compiler, make and Python 3.*`npm rebuild node-rdkafka`\.$/,
        );
    });
  });

  describe('topics', () => {
    it('should not come to be by asking, sending or reading', async () => {
      expect(await kafka.partitions('nowhere')).equal(undefined);
      expect((await rejection(kafka.watermarks({ topic: 'nowhere', partition: 0 }))).reason).equal(
        'no topic',
      );
      expect((await rejection(read('nowhere', 0))).reason).equal('no topic');
      expect(await kafka.partitions('nowhere')).equal(undefined);
    });

    it('should be usable as soon as they are created', async () => {
      expect(await kafka.createTopic({ topic: 'fresh', partitions: 4 })).equal('created');
      expect(await kafka.partitions('fresh')).equal(4);
      const report = await kafka.send({ topic: 'fresh', partition: 3, value: value('a') });
      expect(report).deep.equal({ topic: 'fresh', partition: 3, offset: 0 });
      expect(await kafka.watermarks({ topic: 'fresh', partition: 3 })).deep.equal({ low: 0, high: 1 });
      expect(await kafka.createTopic({ topic: 'fresh', partitions: 4 })).equal('exists');
    });

    it('should all be named, but for the one that tells a mock', async () => {
      const topic = await newTopic();
      expect(await kafka.topics())
        .include.members([topic])
        .not.include('callstream: is this a mock cluster?');
    });

    it('should tell what a group has committed of them, without joining it', async () => {
      const topic = await newTopic();
      expect(await kafka.committed('asked', topic)).deep.equal([]);
      const member = await kafka.subscribe(
        { group: 'asked', topics: [topic], from: 'earliest', sessionTimeout: 6_000, revokeTimeout: 1_000 },
        { onRecord() {}, onError() {}, onAssigned() {}, onRevoked: async () => {} },
      );
      await member.commit([{ topic, partition: 2, offset: 7 }]);
      expect(await kafka.committed('asked', topic)).deep.equal([{ topic, partition: 2, offset: 7 }]);
      await member.close();
    });

    it('should refuse a group that names a missing one, soon', async () => {
      const started = Date.now();
      const handlers = { onRecord() {}, onError() {}, onAssigned() {}, onRevoked: async () => {} };
      const options = { from: 'earliest', sessionTimeout: 6_000, revokeTimeout: 1_000 } as const;
      const error = await rejection(
        kafka.subscribe({ ...options, group: 'g', topics: ['absent'] }, handlers),
      );
      expect(error.reason).equal('no topic');
      expect(error.message).contain('absent');
      expect(Date.now() - started).below(5_000);
    });
  });

  describe('a record', () => {
    it('should arrive as it was sent', async () => {
      const topic = await newTopic();
      const { records, consumer } = await read(topic, 1);
      const headers: Headers = [{ a: '1' }, { a: 'two' }, { b: Buffer.from('three'), c: 'four' }];
      const timestamp = 1_700_000_000_123;
      await kafka.send({
        topic,
        partition: 1,
        value: Buffer.from([0, 255, 1]),
        key: 'k\u0000ey',
        headers,
        timestamp,
      });
      await kafka.send({ topic, partition: 1, value: null, key: Buffer.from([0, 200]) });
      await until(() => records.length === 2, 'both records');
      const [first, second] = records as [ConsumerRecord, ConsumerRecord];
      expect(first.value).deep.equal(Buffer.from([0, 255, 1]));
      expect(first.key).deep.equal(Buffer.from('k\u0000ey'));
      expect(first).include({ topic, partition: 1, offset: 0, timestamp });
      expect(
        first.headers.map((entry) => Object.entries(entry).map(([name, bytes]) => `${name}=${bytes}`)),
      ).deep.equal([['a=1'], ['a=two'], ['b=three'], ['c=four']]);
      expect(String(header(first.headers, 'a'))).equal('two');
      expect(second).include({ offset: 1, value: null });
      expect(second.key).deep.equal(Buffer.from([0, 200]));
      expect(second.headers).deep.equal([]);
      await consumer.close();
    });

    it('should be read from the offset that was asked for, in order', async () => {
      const topic = await newTopic();
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => kafka.send({ topic, partition: 0, value: value(`${i}`) })),
      );
      const { records, consumer } = await read(topic, 0, 100);
      await until(() => records.length === 400, '400 records');
      expect(texts(records)).deep.equal(Array.from({ length: 400 }, (_, i) => `${i + 100}`));
      await consumer.close();
    });

    it("should go to its key's partition as with Kafka's own clients", async () => {
      const topic = await newTopic();
      // The hashes of Kafka's own UtilsTest, without their sign, modulo the partitions.
      for (const [key, hash] of [
        ['21', -973932308],
        ['foobar', -790332482],
        ['a-little-bit-long-string', -985981536],
        ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ] as const) {
        const { partition } = await kafka.send({ topic, partition: null, value: value('x'), key });
        expect(partition, key).equal((hash & 0x7fffffff) % 4);
      }
    });

    it('should be refused before it is sent where it is too large', async () => {
      const topic = await newTopic();
      const error = await rejection(
        kafka.send({ topic, partition: 0, value: Buffer.alloc(kafka.maxRecordBytes - 3), key: '1234' }),
      );
      expect(error).include({ reason: 'too large', notSent: true });
      const { offset } = await kafka.send({ topic, partition: 0, value: Buffer.alloc(kafka.maxRecordBytes) });
      expect(offset).equal(0);
    });

    it('should be refused where the binding would damage a header', async () => {
      const topic = await newTopic();
      for (const bad of ['a\u0000b', 'é', Buffer.from([0xff])]) {
        const error = await rejection(
          kafka.send({ topic, partition: 0, value: null, headers: [{ trace: bad }] }),
        );
        expect(error).include({ reason: 'failed', notSent: true });
        expect(error.message).contain('"trace"');
      }
      expect(await kafka.watermarks({ topic, partition: 0 })).deep.equal({ low: 0, high: 0 });
    });

    it('should be refused for a partition that is not there', async () => {
      const topic = await newTopic();
      const error = await rejection(kafka.send({ topic, partition: 7, value: value('x') }));
      expect(error).include({ reason: 'no topic' });
    });

    it('should tell its observer by its token, once, after it was handed over', async () => {
      const topic = await newTopic();
      const lost = await startEmbedded();
      const through = await openKafka({ brokers: lost.brokers });
      const told: unknown[] = [];
      const observer = {
        delivered: (report: DeliveryReport, token: number) => told.push([token, report]),
        undelivered: ({ reason, notSent }: KafkaError, token: number) => told.push([token, reason, notSent]),
      };
      const refusal = kafka.produce({ topic, partition: 0, value: Buffer.alloc(2e6) }, observer, 1);
      expect(refusal).include({ reason: 'too large', notSent: true });
      for (const token of [2, 3, 2])
        expect(kafka.produce({ topic, partition: 1, value: null }, observer, token)).equal(undefined);
      expect(told).deep.equal([]);
      await kafka.flush(5_000);
      expect(told.splice(0)).deep.equal(
        [2, 3, 2].map((token, offset) => [token, { topic, partition: 1, offset }]),
      );
      await lost.close();
      for (const token of [4, 5]) through.produce({ topic, partition: 0, value: null }, observer, token);
      await through.close();
      expect(told.length).equal(2);
      expect(told).deep.include.members([
        [4, 'closed', false],
        [5, 'closed', false],
      ]);
      expect(through.produce({ topic, partition: 0, value: null }, observer, 6)).include({
        reason: 'closed',
        notSent: true,
      });
    });

    it("should wait its turn where librdkafka's queue is full, and keep its place", async () => {
      const topic = await newTopic();
      const small = await openKafka({
        brokers: cluster.brokers,
        properties: { 'queue.buffering.max.messages': 10 },
      });
      const reports = await Promise.all(
        Array.from({ length: 300 }, (_, i) => small.send({ topic, partition: 0, value: value(`${i}`) })),
      );
      expect(reports.map(({ offset }) => offset)).deep.equal(Array.from({ length: 300 }, (_, i) => i));
      const sends = Array.from({ length: 11_000 }, () => small.send({ topic, partition: 0, value: null }));
      const ends = await Promise.allSettled(sends);
      const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as KafkaError] : []));
      expect(refused.length).within(900, 1_000);
      expect(refused[0]).include({ reason: 'queue full', notSent: true });
      await small.close();
    });
  });

  describe('pause', () => {
    it('should hold back what has arrived already, and lose nothing', async () => {
      const topic = await newTopic();
      const got: string[] = [];
      const consumer: Consumer = await kafka.assign([{ topic, partition: 0, offset: 0 }], {
        onRecord: (record) => {
          got.push(String(record.value));
          if (got.length === 50 || got.length === 70) consumer.pause();
        },
        onError: () => {},
      });
      await Promise.all(
        Array.from({ length: 200 }, (_, i) => kafka.send({ topic, partition: 0, value: value(`${i}`) })),
      );
      await until(() => got.length >= 50, 'the first 50');
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(got.length).equal(50);
      consumer.resume();
      await until(() => got.length >= 70, 'the next 20');
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(got.length).equal(70);
      consumer.resume();
      await until(() => got.length >= 200, 'the rest');
      expect(got).deep.equal(Array.from({ length: 200 }, (_, i) => `${i}`));
      await consumer.close();
    });
  });

  describe('a group', () => {
    interface Seen {
      readonly records: ConsumerRecord[];
      readonly assigned: (readonly TopicPartition[])[];
      readonly log: string[];
      readonly consumer: Consumer;
    }

    async function join(
      group: string,
      topic: string,
      onRevoked?: (consumer: Consumer, log: string[]) => Promise<void>,
    ): Promise<Seen> {
      const records: ConsumerRecord[] = [];
      const assigned: (readonly TopicPartition[])[] = [];
      const log: string[] = [];
      const options = {
        group,
        topics: [topic],
        from: 'earliest',
        sessionTimeout: 6_000,
        revokeTimeout: 2_000,
      } as const;
      const consumer: Consumer = await kafka.subscribe(options, {
        onRecord: (record) => records.push(record),
        onError: (error) => log.push(`error ${error.message}`),
        onAssigned: (partitions) => {
          assigned.push(partitions);
          log.push(`assigned ${partitions.length}`);
        },
        onRevoked: async (partitions, lost) => {
          log.push(`revoked ${partitions.length}${lost ? ' lost' : ''}`);
          await onRevoked?.(consumer, log);
        },
      });
      return { records, assigned, log, consumer };
    }

    it('should hand over what is done, and the next member go on there', async () => {
      const topic = await newTopic();
      const send = (from: number, count: number) =>
        Promise.all(
          Array.from({ length: count }, (_, i) =>
            kafka.send({ topic, partition: i % 4, value: value(`${from + i}`) }),
          ),
        );
      await send(0, 40);
      // The mock refuses commits while a group rebalances (Kafka takes them): so this one commits before.
      const first = await join('pair', topic, async (_, log) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        log.push('handed over');
      });
      expect(first.assigned[0]).length(4);
      await until(() => first.records.length === 40, 'the first 40');
      const commits = [0, 1, 2, 3].map((partition) =>
        first.consumer.commit([{ topic, partition, offset: 10 }]),
      );
      await Promise.all(commits);
      const second = await join('pair', topic);
      // A member learns of a rebalance with its next heartbeat, and then the mock waits for the others. One that is
      // late makes it begin anew.
      const shared = () => [first, second].every(({ log }) => log.at(-1) === 'assigned 2');
      await until(shared, 'two partitions each', 30_000);
      expect(first.log.join()).match(/^(assigned \d,revoked \d,handed over,)+assigned 2$/);
      expect(first.log.slice(0, 3)).deep.equal(['assigned 4', 'revoked 4', 'handed over']);
      await send(40, 40);
      await until(() => first.records.length + second.records.length >= 80, 'the next 40');
      expect(second.records.length).equal(20);
      const all = texts([...first.records, ...second.records]).map(Number);
      expect(all.sort((a, b) => a - b)).deep.equal(Array.from({ length: 80 }, (_, i) => i));
      await first.consumer.close();
      expect(first.log.slice(-3)).deep.equal(['assigned 2', 'revoked 2', 'handed over']);
      await second.consumer.close();
      const error = await rejection(second.consumer.commit([{ topic, partition: 0, offset: 1 }]));
      expect(error.message).contain('Committing');
    });

    it('should resolve for a member that gets no partition, and wait no longer than it may', async () => {
      const topic = await newTopic();
      const members = await Promise.all(
        Array.from({ length: 5 }, () => join('crowd', topic, () => new Promise(() => {}))),
      );
      const counts = members.map(({ assigned }) => assigned.at(-1)?.length ?? -1);
      expect(counts.sort()).deep.equal([0, 1, 1, 1, 1]);
      const started = Date.now();
      await Promise.all(members.map(({ consumer }) => consumer.close()));
      expect(Date.now() - started).below(15_000);
    });
  });

  describe('status$', () => {
    it('should replay the latest, tell of lost brokers, and end with closed', async () => {
      const doomed = await startEmbedded();
      const other = await openKafka({ brokers: doomed.brokers });
      const states: string[] = [];
      other.status$.subscribe({
        next: ({ state }) => states.push(state),
        complete: () => states.push('done'),
      });
      expect(states).deep.equal(['connected']);
      await doomed.close();
      await until(() => states.length === 2, 'the loss');
      expect(states[1]).equal('reconnecting');
      await other.close();
      expect(states).deep.equal(['connected', 'reconnecting', 'closed', 'done']);
      const late: string[] = [];
      other.status$.subscribe({ next: ({ state }) => late.push(state), complete: () => late.push('done') });
      expect(late).deep.equal(['closed', 'done']);
    });
  });

  describe('close', () => {
    it('should be quick and idempotent, and refuse what comes after', async () => {
      const topic = await newTopic();
      const closed = async () => {
        const other = await openKafka({ brokers: cluster.brokers });
        const { consumer, records } = await read(topic, 0, 0, other);
        const started = Date.now();
        const [one, two] = [other.close(), other.close()];
        expect(one).equal(two);
        await one;
        return { took: Date.now() - started, other, consumer, records };
      };
      let { took, other, consumer, records } = await closed();
      // A busy machine slows any of them down.
      for (let again = 0; again < 9 && took >= 300; again += 1)
        ({ took, other, consumer, records } = await closed());
      expect(took).below(300);
      await consumer.close();
      expect(await rejection(other.send({ topic, partition: 0, value: null }))).include({
        reason: 'closed',
        notSent: true,
      });
      expect((await rejection(other.partitions(topic))).reason).equal('closed');
      expect((await rejection(read(topic, 0, 0, other))).reason).equal('closed');
      await kafka.send({ topic, partition: 0, value: value('late') });
      expect(records).deep.equal([]);
    });

    it('should wait for the reports of what was sent', async () => {
      const topic = await newTopic();
      const other = await openKafka({ brokers: cluster.brokers });
      const sends = Array.from({ length: 100 }, () => other.send({ topic, partition: 0, value: value('x') }));
      await other.close();
      expect(await Promise.all(sends)).length(100);
      expect((await kafka.watermarks({ topic, partition: 0 })).high).equal(100);
    });
  });

  describe('properties', () => {
    const open = (properties: Record<string, string | number>) =>
      rejection(openKafka({ brokers: cluster.brokers, properties }));

    it('should be checked by name, and no value be printed', async () => {
      for (const [name, given] of [
        ['sasl.pasword', 'hunter2'],
        ['security.protocol', 'hunter2'],
        ['message.max.bytes', 'hunter2'],
        ['plugin.library.paths', 'hunter2'],
        ['rebalance_cb', 'hunter2'],
        ['group.id', 'hunter2'],
      ] as const) {
        const error = await open({ [name]: given });
        expect(error.message).contain(name).not.contain('hunter2');
      }
    });

    it('should be told apart from brokers that do not answer', async () => {
      const error = await open({ 'security.protocol': 'ssl', 'ssl.ca.location': '/no/such/file' });
      expect(error.reason).equal('failed');
      expect(error.message).contain('ssl.ca.location');
      expect((await rejection(openKafka({ brokers: ' ' }))).message).contain('empty');
    });

    it('should reach librdkafka', async () => {
      const other = await openKafka({
        brokers: cluster.brokers,
        properties: { 'message.max.bytes': 5_000, 'compression.codec': 'gzip', 'sasl.password': 'hunter2' },
      });
      expect(other.maxRecordBytes).within(4_000, 5_000);
      const topic = await newTopic();
      const error = await rejection(other.send({ topic, partition: 0, value: Buffer.alloc(5_001) }));
      expect(error.reason).equal('too large');
      expect(inspect(other, { depth: 10, showHidden: true })).not.contain('hunter2');
      await other.close();
    });
  });

  it('should refuse transactions, which would neither hide nor undo anything', async () => {
    const error = await rejection(kafka.transactional({ id: 'a', timeout: 10_000 }));
    expect(error.message).include('The embedded cluster has no transactions');
  });
});
