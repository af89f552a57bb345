import { expect } from 'chai';
import type { Consumer, Kafka } from '../../src/kafka/port.js';
import { MemoryBroker, VirtualClock } from '../../src/testing/index.js';
import { rejection, send, Witness } from './support.js';

describe('MemoryBroker: outages of clients', () => {
  let clock: VirtualClock;
  let broker: MemoryBroker;
  let clients: Kafka[];
  const connect = () => {
    const kafka = broker.connect();
    clients.push(kafka);
    return kafka;
  };
  const join = async (options = {}) => {
    const kafka = connect();
    const witness = new Witness();
    const consumer: Consumer = await clock.until(witness.subscribe(kafka, 't', options));
    await clock.advance(20);
    return { kafka, witness, consumer };
  };
  const append = (partition: number, ...texts: string[]) => {
    for (const text of texts) broker.append({ topic: 't', partition, value: Buffer.from(text) });
  };
  const states = (kafka: Kafka) => {
    const seen: string[] = [];
    kafka.status$.subscribe(({ state }) => seen.push(state));
    return seen;
  };
  beforeEach(() => {
    clock = new VirtualClock();
    broker = new MemoryBroker({ clock });
    broker.createTopic('t', 2);
    clients = [];
  });
  afterEach(async () => {
    await clock.until(Promise.all(clients.map((kafka) => kafka.close())));
    await clock.advance(10_000);
    expect([clock.pending, broker.pending, broker.members('g')]).to.deep.equal([0, 0, []]);
  });

  describe('kill', () => {
    it('should move the partitions after the session timeout, and deliver the uncommitted again', async () => {
      append(0, 'a', 'b');
      append(1, 'c');
      const a = await join();
      const b = await join();
      await clock.until(a.consumer.commit([{ topic: 't', partition: 0, offset: 1 }]));
      b.witness.reset();
      broker.kill(a.kafka);
      a.witness.reset();
      append(0, 'd');
      await clock.advance(5_999);
      expect(b.witness.events).to.deep.equal([]);
      await clock.advance(10);
      expect(b.witness.events.slice(0, 2)).to.deep.equal(['revoked 1', 'assigned 0 1']);
      expect([...b.witness.values].sort()).to.deep.equal(['b', 'c', 'd']);
      expect(a.witness.events, 'no callback of the dead').to.deep.equal([]);
    });

    it('should keep a rebalance waiting for the dead member', async () => {
      const a = await join();
      broker.kill(a.kafka);
      const before = clock.now();
      await clock.until(new Witness().subscribe(connect(), 't'));
      expect(clock.now() - before).to.be.within(6_000, 6_010);
    });

    it('should stop its timers and promises, and let what is on the wire arrive', async () => {
      const kafka = connect();
      let ran = 0;
      const count = () => {
        ran += 1;
      };
      kafka.clock.after(10, count);
      kafka.clock.soon(count);
      send(kafka, 't', 0, 'on the wire').then(count, count);
      broker.kill(kafka);
      send(kafka, 't', 0, 'from the grave').then(count, count);
      kafka.clock.after(10, count);
      kafka.partitions('t').then(count, count);
      kafka.createTopic({ topic: 'u', partitions: 1 }).then(count, count);
      expect(broker.pending).to.equal(0);
      await clock.settle();
      expect(clock.pending, 'the record on the wire').to.equal(1);
      await clock.advance(100);
      expect([ran, clock.pending, await clock.until(connect().partitions('u'))]).to.deep.equal([
        0,
        0,
        undefined,
      ]);
      expect(broker.records('t').map(({ value }) => String(value))).to.deep.equal(['on the wire']);
    });

    it('should kill while it hands over', async () => {
      const a = await join();
      a.witness.beforeRevoked = () => new Promise(() => {});
      const b = new Witness();
      const joined = b.subscribe(connect(), 't');
      await clock.advance(100);
      expect(a.witness.events.at(-1)).to.equal('revoked 0 1');
      broker.kill(a.kafka);
      await clock.until(joined);
      expect(b.events).to.deep.equal(['assigned 0 1']);
    });
  });

  describe('freeze', () => {
    it('should do nothing until the thaw, then go on, where its session has not run out', async () => {
      const { kafka, witness, consumer } = await join();
      witness.reset();
      let fired = 0;
      kafka.clock.after(1_000, () => {
        fired = clock.now();
      });
      broker.freeze(kafka);
      append(0, 'a');
      await clock.advance(5_000);
      expect([witness.events, fired]).to.deep.equal([[], 0]);
      broker.thaw(kafka);
      await clock.advance(10);
      expect([witness.events, fired]).to.deep.equal([['a'], clock.now() - 10]);
      await clock.until(consumer.commit([{ topic: 't', partition: 0, offset: 1 }]));
      await clock.advance(10_000);
      expect(witness.events).to.deep.equal(['a']);
    });

    it('should tell a zombie that its partitions are lost, and refuse its commits', async () => {
      append(0, 'a');
      const a = await join();
      broker.freeze(a.kafka);
      const b = new Witness();
      await clock.until(b.subscribe(connect(), 't'));
      await clock.advance(10);
      expect(b.events).to.deep.equal(['assigned 0 1', 'a']);
      broker.thaw(a.kafka);
      const refused = rejection(a.consumer.commit([{ topic: 't', partition: 0, offset: 1 }]));
      await clock.advance(50);
      expect(await refused).to.match(/^failed: Broker: Unknown member/);
      expect(broker.committed('g', { topic: 't', partition: 0 })).to.equal(undefined);
      expect(a.witness.events.slice(0, 4)).to.deep.equal(['assigned 0 1', 'a', 'lost 0 1', 'assigned 0']);
      expect(b.events.slice(2)).to.deep.equal(['revoked 0 1', 'assigned 1']);
    });

    it('should refuse what a zombie commits while it lets go', async () => {
      const a = await join();
      const refused: string[] = [];
      a.witness.beforeRevoked = async (_, lost) => {
        if (lost) refused.push(await rejection(a.consumer.commit([{ topic: 't', partition: 0, offset: 9 }])));
      };
      broker.freeze(a.kafka);
      await clock.advance(6_001);
      broker.thaw(a.kafka);
      await clock.advance(50);
      expect(refused).to.have.length(1);
      expect(broker.committed('g', { topic: 't', partition: 0 })).to.equal(undefined);
    });

    it('should let a zombie see what it had fetched, but nothing newer', async () => {
      const { kafka, witness } = await join({ revokeTimeout: 50 });
      witness.reset();
      append(0, 'fetched');
      broker.freeze(kafka);
      append(0, 'newer');
      await clock.advance(7_000);
      broker.thaw(kafka);
      await clock.settle();
      expect(witness.events).to.deep.equal(['fetched']);
      await clock.advance(50);
      expect(witness.events).to.deep.equal(['fetched', 'lost 0 1', 'assigned 0 1', 'fetched', 'newer']);
    });

    it('should tell a zombie that closes before it learns of it', async () => {
      const { kafka, witness } = await join();
      broker.freeze(kafka);
      await clock.advance(6_001);
      broker.thaw(kafka);
      await clock.until(kafka.close());
      expect(witness.events).to.deep.equal(['assigned 0 1', 'lost 0 1']);
    });

    it('should run what was due in order, and not what was taken back meanwhile', async () => {
      const kafka = connect();
      const ran: number[] = [];
      const cancels = [3, 1, 2].map((ms) => kafka.clock.after(ms, () => ran.push(ms)));
      broker.freeze(kafka);
      await clock.advance(10);
      cancels[2]?.();
      broker.thaw(kafka);
      await clock.settle();
      expect(ran).to.deep.equal([1, 3]);
    });
  });

  describe('disconnect', () => {
    it('should tell the status, late subscribers included', async () => {
      const kafka = connect();
      const seen = states(kafka);
      broker.disconnect();
      await clock.settle();
      const late = states(broker.connect());
      expect([seen, states(kafka), late]).to.deep.equal([
        ['connected', 'reconnecting'],
        ['reconnecting'],
        ['reconnecting'],
      ]);
      broker.reconnect();
      await clock.settle();
      expect([seen.at(-1), late.at(-1)]).to.deep.equal(['connected', 'connected']);
    });

    it('should hold records, reports and answers until it is reconnected, in order', async () => {
      const kafka = connect();
      const witness = new Witness();
      await clock.until(kafka.assign([{ topic: 't', partition: 0, offset: 0 }], witness.handlers));
      let reports = 0;
      const count = () => {
        reports += 1;
      };
      void send(kafka, 't', 0, 'reported later').then(count);
      await clock.advance(1);
      broker.disconnect();
      void send(kafka, 't', 0, 'written later').then(count);
      void kafka.partitions('t').then(count);
      append(1, 'from elsewhere');
      await clock.advance(5_000);
      expect([reports, witness.values, broker.records('t').length]).to.deep.equal([0, [], 2]);
      broker.reconnect();
      await clock.advance(10);
      expect([reports, witness.values]).to.deep.equal([3, ['reported later', 'written later']]);
    });

    it('should cut one client off only', async () => {
      const [cut, other] = [connect(), connect()];
      broker.disconnect(cut);
      const waiting = send(cut, 't', 0, 'late');
      await clock.until(send(other, 't', 0, 'early'));
      broker.reconnect(cut);
      await clock.until(waiting);
      expect(broker.records('t').map(({ value }) => String(value))).to.deep.equal(['early', 'late']);
    });

    it('should give records up after deliveryTimeout, whether they were written or not', async () => {
      broker = new MemoryBroker({ clock, deliveryTimeout: 1_000 });
      broker.createTopic('t', 2);
      const kafka = connect();
      const outcomes: string[] = [];
      const start = clock.now();
      const attempt = (text: string) => {
        void rejection(send(kafka, 't', 0, text)).then((why) =>
          outcomes.push(`${text} ${clock.now() - start} ${why}`),
        );
      };
      attempt('written');
      await clock.advance(1);
      attempt('unwritten');
      broker.disconnect();
      await clock.advance(500);
      attempt('later');
      await clock.advance(5_000);
      expect(outcomes).to.deep.equal([
        'written 1000 unreachable: Local: Message timed out',
        'unwritten 1001 unreachable: Local: Message timed out',
        'later 1501 unreachable: Local: Message timed out',
      ]);
      broker.reconnect();
      await clock.advance(100);
      expect(broker.records('t').map(({ value }) => String(value))).to.deep.equal(['written']);
    });

    it('should give up what was sent without a broker', async () => {
      broker = new MemoryBroker({ clock, deliveryTimeout: 1_000 });
      broker.createTopic('t', 2);
      const kafka = connect();
      broker.disconnect();
      const before = clock.now();
      expect(await rejection(clock.until(send(kafka, 't', 0, 'x')))).to.match(/^unreachable/);
      expect(clock.now() - before).to.equal(1_000);
    });

    it('should keep the partitions through a short cut', async () => {
      const { kafka, witness } = await join();
      witness.reset();
      broker.disconnect(kafka);
      append(0, 'a');
      await clock.advance(5_900);
      broker.reconnect(kafka);
      await clock.advance(10_000);
      expect(witness.events).to.deep.equal(['a']);
    });

    it('should lose them at the session timeout, on both sides, and join again', async () => {
      const a = await join();
      const b = await join();
      for (const { witness } of [a, b]) witness.reset();
      broker.disconnect(a.kafka);
      await clock.advance(6_010);
      expect([a.witness.events, b.witness.events]).to.deep.equal([['lost 0'], ['revoked 1', 'assigned 0 1']]);
      await clock.advance(10_000);
      broker.reconnect(a.kafka);
      await clock.advance(50);
      expect([a.witness.events.at(-1), b.witness.events.at(-1)]).to.deep.equal(['assigned 0', 'assigned 1']);
    });

    it('should join when it is reconnected', async () => {
      broker.disconnect();
      const witness = new Witness();
      const joined = witness.subscribe(connect(), 't');
      await clock.advance(20_000);
      expect(witness.events).to.deep.equal([]);
      broker.reconnect();
      await clock.until(joined);
      expect(witness.events).to.deep.equal(['assigned 0 1']);
      await clock.advance(20);
      expect(witness.events, 'one join, one rebalance').to.deep.equal(['assigned 0 1']);
    });

    it('should close without a broker', async () => {
      const { kafka, witness } = await join();
      broker.disconnect();
      witness.reset();
      const before = clock.now();
      await clock.until(kafka.close());
      expect([witness.events, clock.now() - before < 1_100]).to.deep.equal([['revoked 0 1'], true]);
      await clock.advance(6_000);
      expect(broker.members('g')).to.deep.equal([]);
    });
  });
});
