import { expect } from 'chai';
import {
  type DeliveryReport,
  type Headers,
  header,
  type Kafka,
  type KafkaError,
  type KafkaStatus,
} from '../../src/kafka/port.js';
import { MemoryBroker, VirtualClock } from '../../src/testing/index.js';
import { rejection, send, Witness } from './support.js';

describe('MemoryBroker', () => {
  let clock: VirtualClock;
  let broker: MemoryBroker;
  let kafka: Kafka;
  let witness: Witness;
  beforeEach(() => {
    clock = new VirtualClock();
    broker = new MemoryBroker({ clock });
    broker.createTopic('t', 4);
    kafka = broker.connect();
    witness = new Witness();
  });
  afterEach(async () => {
    await clock.until(kafka.close());
    await clock.settle();
    expect([clock.pending, broker.pending]).to.deep.equal([0, 0]);
  });

  describe('send', () => {
    it('should deliver a record one hop to the broker and one to the reader', async () => {
      await clock.until(kafka.assign([{ topic: 't', partition: 2, offset: 0 }], witness.handlers));
      const before = clock.now();
      const headers: Headers = [{ a: '1' }, { b: '2' }, { a: '3' }];
      const value = Buffer.from('hi');
      const sent = kafka.send({ topic: 't', partition: 2, value, key: 'k', headers, timestamp: 5 });
      value.fill('x');
      await clock.advance(1);
      expect(witness.records).to.deep.equal([]);
      await clock.advance(1);
      expect(await sent).to.deep.equal({ topic: 't', partition: 2, offset: 0 });
      const [record] = witness.records;
      expect(record).to.deep.equal({
        topic: 't',
        partition: 2,
        offset: 0,
        timestamp: 5,
        key: Buffer.from('k'),
        value: Buffer.from('hi'),
        headers: [{ a: Buffer.from('1') }, { b: Buffer.from('2') }, { a: Buffer.from('3') }],
      });
      expect(header(record?.headers ?? [], 'a')).to.deep.equal(Buffer.from('3'));
      await clock.until(send(kafka, 't', 2, 'next'));
      await clock.settle();
      expect(witness.records[1]?.timestamp).to.equal(before + 2);
    });

    it('should deliver fresh bytes to each reader', async () => {
      const second = new Witness();
      await clock.until(kafka.assign([{ topic: 't', partition: 0, offset: 0 }], witness.handlers));
      await clock.until(kafka.assign([{ topic: 't', partition: 0, offset: 0 }], second.handlers));
      await clock.until(send(kafka, 't', 0, 'hi'));
      witness.records[0]?.value?.fill('x');
      expect(second.values).to.deep.equal(['hi']);
      expect(broker.records('t').map(({ value }) => String(value))).to.deep.equal(['hi']);
    });

    it('should keep tombstones and absent keys apart from empty ones', async () => {
      broker.append({ topic: 't', partition: 0, value: null });
      broker.append({ topic: 't', partition: 0, value: Buffer.alloc(0), key: '' });
      const [tombstone, empty] = broker.records('t');
      expect([tombstone?.value, tombstone?.key]).to.deep.equal([null, null]);
      expect([empty?.value, empty?.key]).to.deep.equal([Buffer.alloc(0), Buffer.alloc(0)]);
    });

    it('should choose the partition of a key as Kafka does, a random one without a key', async () => {
      const keyed = await clock.until(kafka.send({ topic: 't', partition: null, key: 'abc', value: null }));
      expect(keyed.partition).to.equal(479470107 % 4);
      const used = new Set<number>();
      for (let i = 0; i < 50; i += 1) {
        used.add((await clock.until(kafka.send({ topic: 't', partition: null, value: null }))).partition);
      }
      expect([...used].sort()).to.deep.equal([0, 1, 2, 3]);
    });

    it('should keep the order within a partition under random latencies', async () => {
      broker = new MemoryBroker({ clock, latency: () => Math.floor(broker.random() * 20) });
      broker.createTopic('t', 2);
      kafka = broker.connect();
      const from = [0, 1].map((partition) => ({ topic: 't', partition, offset: 0 }));
      await clock.until(kafka.assign(from, witness.handlers));
      const sent: string[] = [];
      for (let i = 0; i < 200; i += 1) {
        sent.push(`${i}`);
        void send(kafka, 't', i % 2, `${i}`);
        await clock.advance(1);
      }
      await clock.advance(100);
      for (const partition of [0, 1]) {
        const values = witness.records.filter((r) => r.partition === partition).map((r) => String(r.value));
        expect(values).to.deep.equal(sent.filter((_, i) => i % 2 === partition));
      }
      expect(witness.values).not.to.deep.equal(sent);
    });

    it('should refuse what is too large, counting value, key and headers', async () => {
      broker = new MemoryBroker({ clock, maxRecordBytes: 10 });
      broker.createTopic('t');
      kafka = broker.connect();
      expect(kafka.maxRecordBytes).to.equal(10);
      const record = { topic: 't', partition: 0, key: 'kk', headers: [{ n: 'vv' }] };
      await clock.until(kafka.send({ ...record, value: Buffer.alloc(5) }));
      const refused = await rejection(kafka.send({ ...record, value: Buffer.alloc(6) }));
      expect(refused).to.match(/^too large: not sent/);
    });

    it('should refuse headers that node-rdkafka could not send', async () => {
      for (const bad of ['zażółć', Buffer.from('x')]) {
        const record = { topic: 't', partition: 0, value: null, headers: [{ h: bad }] };
        expect(await rejection(kafka.send(record))).to.match(/^failed: not sent: the header h/);
      }
    });

    it('should refuse more than maxQueued records without a report', async () => {
      broker = new MemoryBroker({ clock, maxQueued: 2 });
      broker.createTopic('t');
      kafka = broker.connect();
      const sent = [send(kafka, 't', 0, 'a'), send(kafka, 't', 0, 'b')];
      expect(broker.pending).to.equal(2);
      expect(await rejection(send(kafka, 't', 0, 'c'))).to.match(/^queue full: not sent/);
      await clock.until(Promise.all(sent));
      expect((await clock.until(send(kafka, 't', 0, 'd'))).offset).to.equal(2);
    });

    it('should tell an observer by its tokens, and return what it refuses', async () => {
      const told: unknown[] = [];
      const observer = {
        delivered: ({ offset }: DeliveryReport, token: number) => told.push([token, offset]),
        undelivered: ({ reason }: KafkaError, token: number) => told.push([token, reason]),
      };
      const value = Buffer.from('x');
      for (const token of [7, 5])
        expect(kafka.produce({ topic: 't', partition: 0, value }, observer, token)).equal(undefined);
      kafka.produce({ topic: 'missing', partition: 0, value }, observer, 6);
      const refusal = kafka.produce({ topic: 't', partition: 0, value: Buffer.alloc(2e6) }, observer, 8);
      expect(refusal).include({ reason: 'too large', notSent: true });
      expect(told).to.deep.equal([]);
      await clock.until(kafka.flush(1_000));
      expect(told).to.deep.equal([
        [7, 0],
        [5, 1],
        [6, 'no topic'],
      ]);
    });

    it('should report a missing topic or partition, and create neither', async () => {
      expect(await rejection(clock.until(send(kafka, 'none', 0, 'x')))).to.match(/^no topic: not sent/);
      expect(await rejection(clock.until(send(kafka, 't', 4, 'x')))).to.match(/^no topic: not sent/);
      expect(await clock.until(kafka.partitions('none'))).to.equal(undefined);
    });

    it('should find a topic that is created while the record is on its way', async () => {
      const sent = kafka.send({ topic: 'new', partition: null, key: 'abc', value: null });
      broker.createTopic('new', 7);
      expect((await clock.until(sent)).partition).to.equal(479470107 % 7);
    });

    it('should resolve a flush with the last report, or at its timeout', async () => {
      const sent = send(kafka, 't', 0, 'x');
      let flushed = false;
      const flush = kafka.flush(1_000).then(() => {
        flushed = true;
      });
      await clock.advance(1);
      expect(flushed).to.equal(false);
      await clock.until(Promise.all([sent, flush]));
      broker.inject({ reportDelay: 5_000, times: 1 });
      const slow = send(kafka, 't', 0, 'y');
      const before = clock.now();
      await clock.until(kafka.flush(1_000));
      expect(clock.now() - before).to.equal(1_000);
      await clock.until(slow);
    });
  });

  describe('topics', () => {
    it('should create them, and say where one exists', async () => {
      const spec = { topic: 'new', partitions: 3 };
      expect(await clock.until(kafka.createTopic(spec))).to.equal('created');
      expect(await clock.until(kafka.createTopic(spec))).to.equal('exists');
      expect(await clock.until(kafka.partitions('new'))).to.equal(3);
    });

    it('should deny by the wish of the test', async () => {
      broker = new MemoryBroker({ clock, deny: (action, topic) => topic === `no-${action}` });
      for (const topic of ['no-read', 'no-write']) broker.createTopic(topic);
      kafka = broker.connect();
      const create = () => kafka.createTopic({ topic: 'no-create', partitions: 1 });
      expect(await rejection(clock.until(create()))).to.match(/^denied: .*no-create/);
      broker.createTopic('no-create');
      expect(await clock.until(create())).to.equal('exists');
      expect(await rejection(clock.until(send(kafka, 'no-write', 0, 'x')))).to.match(/^denied: .*no-write/);
      const from = [{ topic: 'no-read', partition: 0, offset: 0 }];
      expect(await rejection(clock.until(kafka.assign(from, witness.handlers)))).to.match(/^denied/);
      expect(await rejection(clock.until(witness.subscribe(kafka, 'no-read')))).to.match(/^denied/);
    });

    it('should tell the watermarks, with what was deleted', async () => {
      const at = { topic: 't', partition: 1 };
      expect(await clock.until(kafka.watermarks(at))).to.deep.equal({ low: 0, high: 0 });
      for (const text of ['a', 'b', 'c']) broker.append({ ...at, value: Buffer.from(text) });
      broker.trim(at, 2);
      expect(await clock.until(kafka.watermarks(at))).to.deep.equal({ low: 2, high: 3 });
      expect(await rejection(clock.until(kafka.watermarks({ ...at, partition: 9 })))).to.match(/^no topic/);
      await clock.until(kafka.assign([{ ...at, offset: 0 }], witness.handlers));
      await clock.advance(5);
      expect(witness.records.map(({ offset }) => offset)).to.deep.equal([2]);
    });
  });

  describe('assign', () => {
    it('should read from the offset given, once reading has begun', async () => {
      for (const text of ['a', 'b', 'c'])
        broker.append({ topic: 't', partition: 0, value: Buffer.from(text) });
      await clock.until(kafka.assign([{ topic: 't', partition: 0, offset: 1 }], witness.handlers));
      await clock.advance(10);
      expect(witness.values).to.deep.equal(['b', 'c']);
    });

    it('should miss nothing sent after it resolved at the high watermark', async () => {
      broker.append({ topic: 't', partition: 0, value: Buffer.from('old') });
      const { high } = await clock.until(kafka.watermarks({ topic: 't', partition: 0 }));
      await clock.until(kafka.assign([{ topic: 't', partition: 0, offset: high }], witness.handlers));
      broker.append({ topic: 't', partition: 0, value: Buffer.from('new') });
      await clock.advance(10);
      expect(witness.values).to.deep.equal(['new']);
    });

    it('should stop while paused, at once, and go on where it was', async () => {
      const consumer = await clock.until(
        kafka.assign([{ topic: 't', partition: 0, offset: 0 }], {
          onError: witness.handlers.onError,
          onRecord: (record) => {
            witness.handlers.onRecord(record);
            if (String(record.value) === 'b') consumer.pause();
          },
        }),
      );
      for (const text of ['a', 'b', 'c', 'd']) void send(kafka, 't', 0, text);
      await clock.advance(100);
      expect(witness.values).to.deep.equal(['a', 'b']);
      consumer.resume();
      await clock.advance(100);
      expect(witness.values).to.deep.equal(['a', 'b', 'c', 'd']);
    });

    it('should deliver nothing after close, not even within a burst', async () => {
      const consumer = await clock.until(
        kafka.assign([{ topic: 't', partition: 0, offset: 0 }], {
          onError: witness.handlers.onError,
          onRecord: (record) => {
            witness.handlers.onRecord(record);
            void consumer.close();
          },
        }),
      );
      for (const text of ['a', 'b']) void send(kafka, 't', 0, text);
      await clock.advance(100);
      expect(witness.values).to.deep.equal(['a']);
    });

    it('should have no group to commit for', async () => {
      const consumer = await clock.until(
        kafka.assign([{ topic: 't', partition: 0, offset: 0 }], witness.handlers),
      );
      expect(await rejection(consumer.commit([]))).to.match(/^failed/);
    });
  });

  describe('close', () => {
    it('should report what was sent, then refuse', async () => {
      const states: KafkaStatus['state'][] = [];
      kafka.status$.subscribe({
        next: ({ state }) => states.push(state),
        complete: () => states.push('closed'),
      });
      const sent = send(kafka, 't', 0, 'last');
      const closing = kafka.close();
      expect(await rejection(send(kafka, 't', 0, 'late'))).to.match(/^closed: not sent/);
      await clock.until(closing);
      expect((await sent).offset).to.equal(0);
      expect(states).to.deep.equal(['connected', 'closed', 'closed']);
      const refused = [kafka.partitions('t'), witness.subscribe(kafka, 't')].map(rejection);
      for (const text of await clock.until(Promise.all(refused))) {
        expect(text).to.match(/^closed: not sent/);
      }
      await kafka.close();
    });

    it('should settle whatever waits for the broker', async () => {
      broker.disconnect();
      const waiting = [send(kafka, 't', 0, 'x'), kafka.partitions('t'), witness.subscribe(kafka, 't')].map(
        rejection,
      );
      await clock.until(kafka.close());
      for (const text of await Promise.all(waiting)) expect(text).to.match(/^closed/);
      await clock.advance(10_000);
    });
  });

  it('should shift the clock of a client with skew', async () => {
    const ahead = broker.connect({ skew: 5_000 });
    expect(ahead.clock.now() - clock.now()).to.equal(5_000);
    const sentAt = clock.now();
    await clock.until(send(ahead, 't', 0, 'x'));
    expect(broker.records('t')[0]?.timestamp).to.equal(sentAt + 5_000);
    await clock.until(ahead.close());
  });

  it('should work on the system clock with no delay', async () => {
    const quick = new MemoryBroker();
    quick.createTopic('t');
    const client = quick.connect();
    const got = new Promise((resolve) => {
      void client.assign([{ topic: 't', partition: 0, offset: 0 }], {
        onError: () => {},
        onRecord: ({ value }) => resolve(String(value)),
      });
    });
    await send(client, 't', 0, 'hi');
    expect(await got).to.equal('hi');
    await client.close();
  });
});
