import { expect } from 'chai';
import { concat, NEVER, of, take, throwError } from 'rxjs';
import {
  type Connection,
  type Output,
  type ReadOptions,
  type Topic,
  type Transaction,
  type TransactOptions,
  transact,
} from '../../src/index.js';
import { type Kafka, KafkaError, type TransactionalProducer } from '../../src/kafka/port.js';
import { Seen, TOPIC, upTo, World } from '../topic/harness.js';

const OUT = 'copies';
const brief = ({ records, produced, offsets }: Transaction): string =>
  `${records}>${produced} ${offsets.map(({ partition, offset }) => `${partition}@${offset}`).join()}`;

describe('transact', () => {
  let world: World;
  const open = async (partitions = 1) => {
    world = await World.open(partitions);
    world.broker.createTopic(OUT, 1);
    world.broker.createTopic('failed', 1);
    orders = world.connection.topic(TOPIC);
  };
  let orders: Topic<unknown>;
  const topic = (name: string) => (name === TOPIC ? orders : world.connection.topic(name));
  const copy = (value: unknown): Output => topic(OUT).toRecord(value);
  const start = (
    work: Parameters<typeof transact<unknown, string>>[1] = ({ value }) => copy(value),
    options: Partial<TransactOptions> = {},
    reading: ReadOptions = {},
    connection?: Connection,
  ) => {
    const records$ = (connection?.topic(TOPIC) ?? orders).records$({ group: 'g', ...reading });
    return new Seen(transact(records$, work, { transactionalId: 'copy-1', ...options }), brief);
  };
  const values = (name = OUT, isolation?: 'read_uncommitted'): unknown[] =>
    world.broker.records(name, isolation).map(({ value }) => JSON.parse(String(value)));
  const errors = (): string[] => {
    const told: string[] = [];
    orders.events$.subscribe((event) => event.type === 'error' && told.push(event.error.message));
    return told;
  };
  const end = async (...seen: Seen<any>[]) => {
    for (const { subscription } of seen) subscription.unsubscribe();
    await world.clock.until(world.connection.close());
    await world.clock.advance(120_000);
    expect([world.clock.pending, world.broker.members('g')]).deep.equal([0, []]);
  };

  it('should commit outputs and offsets together, many records in one transaction, and emit it', async () => {
    await open(2);
    world.fill(upTo(5), 0);
    world.fill([5, 6], 1);
    const seen = start(undefined, { maxBatch: 4 }, { to: 'now' });
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal(['4>4 0@4', '3>3 0@5,1@2', 'complete']);
    expect(values()).deep.equal(upTo(7));
    expect([world.committed('g', 0), world.committed('g', 1)]).deep.equal([5, 2]);
    await end(seen);
  });

  it('should show nothing to readers of committed records before the commit', async () => {
    await open();
    world.fill([1, 2, 3]);
    const reader = new Seen(topic(OUT).records$(), ({ value }) => value);
    const dirty = new Seen(topic(OUT).records$({ isolation: 'read_uncommitted' }), ({ value }) => value);
    const seen = start(undefined, { maxWait: 1_000 });
    await world.clock.advance(900);
    expect([reader.log, dirty.log, world.committed('g')]).deep.equal([[], [1, 2, 3], undefined]);
    await world.clock.advance(300);
    expect([reader.log, dirty.log, world.committed('g')]).deep.equal([[1, 2, 3], [1, 2, 3], 3]);
    await end(seen, reader, dirty);
  });

  it('should take outputs one by one, in arrays, later, or none, and write them in the order of the records', async () => {
    await open();
    world.fill(upTo(4));
    const later = () => new Promise<Output>((resolve) => world.clock.after(50, () => resolve(copy('0'))));
    const works = [later, () => [copy('1a'), copy('1b')], () => undefined, () => of(copy('3a'), copy('3b'))];
    const seen = start(({ offset }) => works[offset]?.(), {}, { to: 'now' });
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal(['4>5 0@4', 'complete']);
    expect(values()).deep.equal(['0', '1a', '1b', '3a', '3b']);
    await end(seen);
  });

  it('should work on no more than its concurrency', async () => {
    await open();
    world.fill(upTo(10));
    let running = 0;
    let most = 0;
    const seen = start(
      ({ value }) =>
        new Promise<Output>((resolve) => {
          running += 1;
          most = Math.max(most, running);
          world.clock.after(10, () => {
            running -= 1;
            resolve(copy(value));
          });
        }),
      { concurrency: 3 },
    );
    await world.clock.advance(1_000);
    expect([most, values()]).deep.equal([3, upTo(10)]);
    await end(seen);
  });

  it('should abort where the work fails, and work on all of the transaction again', async () => {
    await open();
    world.fill(upTo(3));
    const told = errors();
    const worked: unknown[] = [];
    let failures = 2;
    const seen = start(
      ({ value }) => {
        worked.push(value);
        if (value === 2 && failures > 0) {
          failures -= 1;
          throw new Error('not now');
        }
        return copy(value);
      },
      {},
      { to: 'now' },
    );
    await world.clock.advance(10_000);
    expect(worked).deep.equal([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(seen.log).deep.equal(['3>3 0@3', 'complete']);
    expect(values()).deep.equal([0, 1, 2]);
    expect(told).deep.equal(Array(2).fill('A transaction was aborted for orders/0@2: not now'));
    await end(seen);
  });

  it('should undo what is written already where an Observable fails behind its outputs', async () => {
    await open();
    world.fill([1, 2]);
    let failed = false;
    const seen = start(({ value }) => {
      if (value === 1 || failed) return copy(value);
      failed = true;
      return concat(
        of(copy('undone')),
        new Promise<never>((_, reject) => world.clock.after(50, () => reject(new Error('late')))),
      );
    });
    await world.clock.advance(1_000);
    expect(values()).deep.equal([1, 2]);
    expect(values(OUT, 'read_uncommitted')).deep.equal([1, 1, 2]);
    await end(seen);
  });

  it('should end with the error of a record whose tries are used up, and leave it to the next', async () => {
    await open();
    world.fill([1, 2]);
    const work = ({ value }: { value: unknown }) =>
      value === 2 ? throwError(() => new Error('poison')) : copy(value);
    const seen = start(work, { onError: { retry: { attempts: 2 } } });
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal(['error poison']);
    expect([values(), world.committed('g')]).deep.equal([[], undefined]);
    const first = start(work, { onError: 'stop' });
    await world.clock.advance(50);
    expect(first.log).deep.equal(['error poison']);
    const healed = start();
    await world.clock.advance(5_000);
    expect(healed.log).deep.equal(['2>2 0@2']);
    expect(values()).deep.equal([1, 2]);
    await end(healed);
  });

  it('should put a poison record into the dead-letter topic, in the transaction of the others', async () => {
    await open();
    world.fill([1, 2, 3]);
    const seen = start(
      ({ value }) => {
        if (value === 2) throw new Error('poison');
        return copy(value);
      },
      { onError: { retry: { attempts: 1 }, deadLetter: topic('failed') } },
    );
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal(['3>3 0@3']);
    expect([values(), values('failed')]).deep.equal([[1, 3], [2]]);
    expect(values('failed', 'read_uncommitted')).deep.equal([2]);
    const [letter] = world.broker.records('failed');
    expect(letter?.headers.map((header) => Object.values(header).join()).slice(0, 2)).deep.equal([
      'poison',
      'orders/0/1',
    ]);
    await end(seen);
  });

  it("should count what Kafka refuses, and what isn't a record, as the record's failure", async () => {
    await open();
    world.fill([1, 2, 3]);
    const refused = [
      { topic: 'nowhere', value: null },
      { topic: OUT, value: 'text' as never },
      topic(OUT).toRecord('x'.repeat(1_000_001)),
    ];
    const seen = start(({ offset }) => refused[offset], {
      onError: { retry: { attempts: 1 }, deadLetter: topic('failed') },
    });
    await world.clock.advance(10_000);
    expect(seen.log).deep.equal(['3>3 0@3']);
    const reasons = world.broker
      .records('failed')
      .map(({ headers }) => String(headers[0]?.['callstream-error']));
    expect(reasons).deep.equal([
      'no topic or partition nowhere',
      'an output\'s value: expected a Buffer or null (`topic.toRecord(value)` makes it), got "string"',
      'a record of 1000003 bytes for copies: at most 1000000',
    ]);
    await end(seen);
  });

  it("should write records that don't decode to the dead-letter topic in their transaction, and skip them else", async () => {
    await open();
    world.broker.append({ topic: TOPIC, partition: 0, value: Buffer.from('{') });
    world.fill([1]);
    const seen = start(undefined, {}, { onInvalid: 'deadLetter', deadLetter: topic('failed') });
    await world.clock.advance(1_000);
    expect([seen.log, values()]).deep.equal([['2>2 0@2'], [1]]);
    expect(world.broker.records('failed').map(({ value }) => String(value))).deep.equal(['{']);
    world.fill([2]);
    world.broker.append({ topic: TOPIC, partition: 0, value: Buffer.from('{') });
    await world.clock.advance(1_000);
    expect(seen.log).deep.equal(['2>2 0@2', '2>2 0@4']);
    seen.subscription.unsubscribe();
    await world.clock.advance(5_000);
    const skipping = start(undefined, {}, { group: 'other' });
    await world.clock.advance(1_000);
    expect(skipping.log).deep.equal(['2>2 0@4']);
    await end(skipping);
  });

  it('should abort where Kafka fails a record, and try again without an end', async () => {
    await open();
    world.fill([1, 2]);
    const told = errors();
    world.broker.inject({ topic: OUT, report: 'unwritten', times: 7 });
    const seen = start(undefined, { onError: 'stop' });
    await world.clock.advance(60_000);
    expect([seen.log, values()]).deep.equal([['2>2 0@2'], [1, 2]]);
    expect(told.length).within(3, 7);
    await end(seen);
  });

  for (const how of ['written', 'unwritten'] as const) {
    it(`should go by the group's offsets where a commit fails that was ${how}`, async () => {
      await open();
      world.fill([1, 2]);
      world.broker.failCommits('copy-1', how);
      const seen = start();
      await world.clock.advance(10_000);
      expect(seen.log).deep.equal(how === 'written' ? [] : ['2>2 0@2']);
      world.fill([3]);
      await world.clock.advance(1_000);
      expect(seen.log.at(-1)).equal('1>1 0@3');
      expect(values()).deep.equal([1, 2, 3]);
      await end(seen);
    });
  }

  it('should end as fenced where another opens its transactional id', async () => {
    await open();
    world.fill([1]);
    const first = start();
    await world.clock.advance(1_000);
    const other = await world.connect();
    const second = start(undefined, {}, {}, other);
    await world.clock.advance(5_000);
    world.fill([2, 3]);
    await world.clock.advance(10_000);
    expect(first.log).deep.equal([
      '1>1 0@1',
      'error another producer has opened the transactional id copy-1',
    ]);
    expect([second.log, values()]).deep.equal([['2>2 0@3'], [1, 2, 3]]);
    await world.clock.until(other.close());
    await end(first, second);
  });

  it('should be fenced in the middle of a transaction, and leave the records to the other', async () => {
    await open();
    world.fill([1, 2]);
    const zombie = start(() => NEVER);
    await world.clock.advance(50);
    const kafka = world.broker.connect();
    await world.clock.until(kafka.transactional({ id: 'copy-1', timeout: 1_000 }));
    world.fill([3]);
    await world.clock.advance(25_000);
    expect(zombie.log).deep.equal(['error another producer has opened the transactional id copy-1']);
    await world.clock.until(kafka.close());
    const heir = start();
    await world.clock.advance(5_000);
    expect([heir.log, values()]).deep.equal([['3>3 0@3'], [1, 2, 3]]);
    await end(heir);
  });

  it('should commit what is done before its partitions are handed over', async () => {
    await open(2);
    world.fill([1], 0);
    world.fill([2], 1);
    const first = start(undefined, { maxWait: 60_000 });
    await world.clock.advance(100);
    expect(first.log).deep.equal([]);
    const other = await world.connect();
    const second = start(undefined, { transactionalId: 'copy-2' }, {}, other);
    await world.clock.advance(5_000);
    expect([first.log, second.log]).deep.equal([['2>2 0@1,1@1'], []]);
    world.fill([3], 0);
    world.fill([4], 1);
    await world.clock.advance(61_000);
    expect([first.log.at(-1), second.log]).deep.equal(['1>1 0@2', ['1>1 1@2']]);
    expect((values() as number[]).sort()).deep.equal([1, 2, 3, 4]);
    await world.clock.until(other.close());
    await end(first, second);
  });

  it('should abort at a hand-over what is not done within revokeTimeout, which somebody else then works on', async () => {
    await open(2);
    world.fill([1], 0);
    world.fill([2], 1);
    const first = start(({ value }) => concat(of(copy(value)), value === 2 ? NEVER : of()));
    await world.clock.advance(500);
    const other = await world.connect();
    const second = start(undefined, { transactionalId: 'copy-2' }, {}, other);
    await world.clock.advance(2_300);
    expect([first.log, second.log, world.broker.members('g').length]).deep.equal([[], [], 2]);
    await world.clock.advance(2_000);
    expect([first.log, second.log]).deep.equal([['1>1 0@1'], ['1>1 1@1']]);
    expect((values() as number[]).sort()).deep.equal([1, 2]);
    await world.clock.until(other.close());
    await end(first, second);
  });

  /** A connection whose transactional producers are changed, to pause for longer than a hand-over may take. */
  const slowed = (change: (producer: TransactionalProducer, pause: () => Promise<void>) => void) => {
    const kafka: Kafka = world.broker.connect();
    const { transactional } = kafka;
    kafka.transactional = async (options) => {
      const producer = await transactional.call(kafka, options);
      change(producer, () => new Promise<void>((resolve) => kafka.clock.after(1_500, resolve)));
      return producer;
    };
    return world.connect(kafka);
  };

  it('should leave to the next what Kafka refuses while it is handed over', async () => {
    await open(2);
    world.fill([1], 0);
    world.fill([2], 1);
    const slow = await slowed((producer, pause) => {
      const { sendOffsets } = producer;
      producer.sendOffsets = async () => {
        producer.sendOffsets = sendOffsets;
        await pause();
        throw new KafkaError('failed', 'Broker: Specified group generation id is not valid', { code: 22 });
      };
    });
    const first = start(undefined, {}, { revokeTimeout: 1_000 }, slow);
    await world.clock.advance(150);
    const second = start(undefined, { transactionalId: 'copy-2' });
    await world.clock.advance(5_000);
    expect([first.log, second.log]).deep.equal([['1>1 0@1'], ['1>1 1@1']]);
    expect((values() as number[]).sort()).deep.equal([1, 2]);
    first.subscription.unsubscribe();
    await world.clock.until(slow.close());
    await end(second);
  });

  it('should commit the offsets of what has come back while the answer to its last commit held up the hand-over', async () => {
    await open();
    world.fill([1]);
    const slow = await slowed((producer, pause) => {
      const { commit } = producer;
      producer.commit = async () => {
        producer.commit = commit;
        await commit.call(producer);
        await pause();
      };
    });
    const seen = start(undefined, {}, { revokeTimeout: 1_000 }, slow);
    await world.clock.advance(150);
    world.broker.rebalance('g');
    await world.clock.advance(1_100);
    world.fill([2]);
    await world.clock.advance(5_000);
    expect([seen.log, values()]).deep.equal([
      ['1>1 0@1', '1>1 0@2'],
      [1, 2],
    ]);
    expect(world.committed('g')).equal(2);
    seen.subscription.unsubscribe();
    await world.clock.until(slow.close());
    await end();
  });

  it('should commit nothing as a zombie whose partitions were given away while it stood still', async () => {
    await open();
    world.fill([1, 2]);
    const kafka: Kafka = world.broker.connect();
    const frozen = await world.connect(kafka);
    const zombie = start(undefined, { transactionalId: 'copy-0', maxWait: 1_000 }, {}, frozen);
    await world.clock.advance(500);
    world.broker.freeze(kafka);
    const heir = start();
    await world.clock.advance(10_000);
    expect(heir.log).deep.equal(['2>2 0@2']);
    world.broker.thaw(kafka);
    await world.clock.advance(10_000);
    expect([zombie.log, values()]).deep.equal([[], [1, 2]]);
    zombie.subscription.unsubscribe();
    await world.clock.until(frozen.close());
    await end(heir);
  });

  it('should leave a transaction of a killed process to the next of its id, or to its timeout', async () => {
    await open();
    world.fill([1, 2]);
    const kill = async (id: string) => {
      const kafka = world.broker.connect();
      const connection = await world.connect(kafka);
      start(undefined, { transactionalId: id, maxWait: 60_000 }, {}, connection);
      await world.clock.advance(10_000);
      world.broker.kill(kafka);
    };
    const reader = new Seen(topic(OUT).records$(), ({ value }) => value);
    await kill('copy-1');
    expect(values(OUT, 'read_uncommitted')).deep.equal([1, 2]);
    const heir = start();
    await world.clock.advance(10_000);
    expect(reader.log).deep.equal([1, 2]);
    heir.subscription.unsubscribe();
    await world.clock.advance(5_000);
    world.fill([3]);
    await kill('copy-0');
    const other = start();
    await world.clock.advance(10_000);
    expect([other.log, reader.log]).deep.equal([['1>1 0@3'], [1, 2]]);
    await world.clock.advance(20_000);
    expect(reader.log).deep.equal([1, 2, 3]);
    await end(other, reader);
  });

  it('should fail a transaction whose work takes more than its time', async () => {
    await open();
    world.fill([1, 2]);
    const told = errors();
    let slow = true;
    const seen = start(
      ({ value }) => {
        if (value === 1 || !slow) return copy(value);
        slow = false;
        return NEVER;
      },
      { transactionTimeout: 1_000 },
    );
    await world.clock.advance(5_000);
    expect(told).deep.equal([
      "A transaction was aborted for orders/0@1: A transaction's work was not done within 800 ms",
    ]);
    expect([seen.log, values()]).deep.equal([['2>2 0@2'], [1, 2]]);
    await end(seen);
  });

  it('should let go of its work at an unsubscribe, abort, leave the group at once, and begin again', async () => {
    await open();
    world.fill([1, 2]);
    let stopped = 0;
    const transaction$ = transact(
      topic(TOPIC).records$({ group: 'g' }),
      ({ value }) => (stopped > 0 ? copy(value) : value === 1 ? copy(value) : concat(NEVER, of())),
      { transactionalId: 'copy-1' },
    );
    const first = new Seen(transaction$, brief);
    await world.clock.advance(500);
    expect(values(OUT, 'read_uncommitted')).deep.equal([1]);
    first.subscription.unsubscribe();
    stopped += 1;
    await world.clock.advance(50);
    expect([first.log, world.broker.members('g'), values()]).deep.equal([[], [], []]);
    const second = new Seen(transaction$.pipe(take(1)), brief);
    await world.clock.advance(1_000);
    expect([second.log, values()]).deep.equal([
      ['2>2 0@2', 'complete'],
      [1, 2],
    ]);
    world.fill([3]);
    const third = new Seen(transaction$, brief);
    await world.clock.advance(1_000);
    expect([third.log, values()]).deep.equal([['1>1 0@3'], [1, 2, 3]]);
    await end(third);
  });

  it('should commit what is open, and complete, where the connection is closed', async () => {
    await open();
    world.fill([1, 2]);
    const seen = start(undefined, { maxWait: 60_000 });
    await world.clock.advance(500);
    await end();
    expect([seen.log, values()]).deep.equal([
      ['2>2 0@2', 'complete'],
      [1, 2],
    ]);
  });

  it("should take no heed of its records' acks and nacks", async () => {
    await open();
    world.fill([1, 2]);
    const seen = start((record) => {
      if (record.value === 1) record.ack();
      else record.nack();
      return copy(record.value);
    });
    await world.clock.advance(5_000);
    expect([seen.log, values()]).deep.equal([['2>2 0@2'], [1, 2]]);
    await end(seen);
  });

  it('should error where there is no topic', async () => {
    await open();
    const records$ = topic('nowhere').records$({ group: 'g' });
    const seen = new Seen(transact(records$, () => undefined, { transactionalId: 'copy-1' }));
    await world.clock.advance(1_000);
    expect(seen.log).deep.equal(['error There is no topic nowhere, or no right to see it']);
    await end(seen);
  });

  it('should refuse options, and records, by their name', async () => {
    await open();
    const records$ = topic(TOPIC).records$({ group: 'g' });
    const refuse = (given: object, message: string, from$ = records$) =>
      expect(() => transact(from$, () => undefined, { transactionalId: 'x', ...given })).throw(
        TypeError,
        message,
      );
    refuse({ transactionalId: '' }, 'transactionalId: expected a name that this instance has alone, got ""');
    refuse({ maxBatch: 0 }, 'maxBatch: expected an integer from 1, got 0');
    refuse({ maxWait: -1 }, 'maxWait: expected an integer from 1');
    refuse({ concurrency: 0.5 }, 'concurrency: expected an integer from 1, got 0.5');
    refuse({ transactionTimeout: 0 }, 'transactionTimeout: expected an integer from 1');
    refuse({ onError: 7 }, "onError: expected 'stop' or { retry, deadLetter }, got 7");
    refuse({ onError: { retry: { attempts: -1 } } }, 'onError.retry.attempts');
    refuse({ onError: { deadLetter: { deadLetter: () => {} } } }, 'onError.deadLetter: expected a topic');
    refuse({}, 'transact needs one with a group', topic(TOPIC).records$());
    refuse(
      {},
      "transact reads 'read_committed'",
      topic(TOPIC).records$({ group: 'g', isolation: 'read_uncommitted' }),
    );
    refuse({}, "what a topic's records$ has returned", records$.pipe(take(1)));
    expect(() => topic(TOPIC).records$({ isolation: 'dirty' as never })).throw(
      TypeError,
      'isolation: expected',
    );
    await end();
  });
});
