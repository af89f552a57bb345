import { expect } from 'chai';
import * as t from 'io-ts';
import { from, NEVER, of, Subject, startWith, tap, throwError } from 'rxjs';
import { brief, Seen, TOPIC, theValue, upTo, World } from './harness.js';

const offsetOf = ({ offset }: { offset: number }) => offset;

describe('publish', () => {
  it('should resolve with the delivery report, on the partition of the key', async () => {
    const { clock, connection } = await World.open(4);
    const topic = connection.topic(TOPIC, { codec: 'string' });
    const first = await clock.until(topic.publish('a', { key: 'k' }));
    const second = await clock.until(topic.publish('b', { key: 'k' }));
    expect(second).deep.equal({ ...first, offset: 1 });
    expect(await clock.until(topic.publish('c', { partition: 3 }))).include({ partition: 3 });
  });

  it('should write and read by each codec, and by a type on top', async () => {
    const { clock, connection, broker } = await World.open();
    const At = new t.Type<Date, string, unknown>(
      'At',
      (value): value is Date => value instanceof Date,
      (value, context) =>
        typeof value === 'string' ? t.success(new Date(value)) : t.failure(value, context),
      (date) => date.toISOString(),
    );
    let made = 0;
    const through = async (format: object, value: unknown) => {
      made += 1;
      broker.createTopic(`t${made}`);
      const topic = connection.topic(`t${made}`, format);
      await clock.until(topic.publish(value));
      const seen = new Seen(topic.records$({ to: 'now' }), theValue);
      await clock.advance(100);
      expect(seen.log.pop()).equal('complete');
      return seen.log[0];
    };
    expect(await through({ codec: 'raw' }, Buffer.from([0, 255]))).deep.equal(Buffer.from([0, 255]));
    expect(await through({ codec: 'string' }, 'žluť')).equal('žluť');
    expect(await through({ codec: 'json' }, { a: [1] })).deep.equal({ a: [1] });
    expect(await through({ codec: 'msgpack' }, { a: [1] })).deep.equal({ a: [1] });
    expect(await through({ value: At }, new Date(5))).deep.equal(new Date(5));
  });

  it('should refuse a value that is not of the type, unsent', async () => {
    const { connection } = await World.open();
    const topic = connection.topic(TOPIC, { value: t.type({ id: t.number }) });
    const error = await topic.publish({ id: 'x' } as never).catch((thrown) => thrown);
    expect(error).include({
      notSent: true,
      message: `Sending to ${TOPIC}: value.id: expected number, got "x"`,
    });
  });
});

describe('sink', () => {
  it('should emit reports in order and complete behind the last', async () => {
    const world = await World.open(2);
    const topic = world.connection.topic(TOPIC);
    world.broker.inject({ topic: TOPIC, partition: 0, reportDelay: 50 });
    const record = (value: unknown) => ({ partition: (value as number) % 2 });
    const reports$ = from(upTo(4)).pipe(topic.sink({ record }));
    for (const base of [0, 2]) {
      const seen = new Seen(reports$, ({ partition, offset }) => `${partition}@${offset}`);
      await world.clock.advance(200);
      expect(seen.log).deep.equal([`0@${base}`, `1@${base}`, `0@${base + 1}`, `1@${base + 1}`, 'complete']);
    }
    const empty = new Seen(of().pipe(topic.sink()));
    expect(empty.log).deep.equal(['complete']);
  });

  it('should keep the order of many, also of those that the subscriber of a report pushes', async () => {
    const world = await World.open(2);
    const topic = world.connection.topic(TOPIC);
    world.broker.inject({ topic: TOPIC, partition: 0, reportDelay: 50 });
    const source$ = new Subject<number>();
    const record = (value: unknown) => ({ partition: (value as number) % 2 });
    let next = 0;
    const seen = new Seen(
      source$.pipe(
        topic.sink({ record, maxInFlight: 50 }),
        tap(() => next < 200 && source$.next(next++)),
      ),
      ({ partition, offset }) => `${partition}@${offset}`,
    );
    while (next < 60) source$.next(next++);
    await world.clock.advance(2_000);
    expect(seen.log).deep.equal(upTo(200).map((value) => `${value % 2}@${value >> 1}`));
  });

  it('should have no more in flight than its bound, and error beyond what it may hold', async () => {
    const world = await World.open();
    const source$ = new Subject<number>();
    const topic = world.connection.topic(TOPIC);
    const seen = new Seen(source$.pipe(topic.sink({ maxInFlight: 2, maxBuffered: 3 })), offsetOf);
    for (const value of upTo(5)) source$.next(value);
    expect(world.broker.pending).equal(2);
    source$.next(5);
    expect(seen.log).deep.equal([`error Writing to ${TOPIC}: 3 values wait already`]);
    await world.clock.advance(100);
    // What was taken is sent.
    expect(world.broker.records(TOPIC).length).equal(5);
    expect(source$.observed).equal(false);
  });

  it('should send on while a partition answers late, until as many reports as may be in flight wait', async () => {
    const world = await World.open(2);
    const topic = world.connection.topic(TOPIC);
    world.broker.inject({ topic: TOPIC, partition: 0, reportDelay: 500 });
    const record = (value: unknown) => ({ partition: value === 0 ? 0 : 1 });
    const seen = new Seen(
      from(upTo(20)).pipe(topic.sink({ record, maxInFlight: 4 })),
      ({ partition, offset }) => `${partition}@${offset}`,
    );
    expect(world.broker.pending).equal(4);
    await world.clock.advance(100);
    expect(world.broker.pending).equal(1);
    expect([seen.log, world.broker.records(TOPIC).length]).deep.equal([[], 8]);
    await world.clock.advance(1_000);
    expect(seen.log).deep.equal(['0@0', ...upTo(19).map((offset) => `1@${offset}`), 'complete']);
  });

  for (const [prompt, sent] of [
    [1, 8],
    [2, 10],
  ] as const) {
    it(`should send ${sent - 8} more when ${prompt} of 8 that may be in flight are reported`, async () => {
      const world = await World.open(2);
      world.broker.inject({ topic: TOPIC, partition: 0, reportDelay: 500 });
      const record = (value: unknown) => ({ partition: (value as number) < prompt ? 1 : 0 });
      const seen = new Seen(
        from(upTo(20)).pipe(world.connection.topic(TOPIC).sink({ record, maxInFlight: 8 })),
      );
      await world.clock.advance(100);
      expect(world.broker.records(TOPIC).length).equal(sent);
      await world.clock.advance(3_000);
      expect(seen.log.at(-1)).equal('complete');
    });
  }

  it('should error behind the reports of what was before the record that failed', async () => {
    const world = await World.open();
    const topic = world.connection.topic(TOPIC, { codec: 'string' });
    const seen = new Seen(from(['a', 'b', 5 as never, 'd']).pipe(topic.sink()), offsetOf);
    await world.clock.advance(100);
    expect(seen.log).deep.equal([0, 1, `error Sending to ${TOPIC}: value: expected a string, got number`]);
    const failing = new Seen(throwError(() => new Error('source')).pipe(topic.sink() as never));
    expect(failing.log).deep.equal(['error source']);
    const record = (value: unknown) => {
      if (value === 2) throw new Error('no place');
      return {};
    };
    const placed = new Seen(from(upTo(4)).pipe(world.connection.topic(TOPIC).sink({ record })), offsetOf);
    await world.clock.advance(100);
    expect(placed.log).deep.equal([2, 3, 'error no place']);
  });

  it('should send what it took after an unsubscribe, and tell what fails then', async () => {
    const world = await World.open();
    const topic = world.connection.topic(TOPIC);
    const events = new Seen(topic.events$, brief);
    const seen = new Seen(NEVER.pipe(startWith(...upTo(5)), topic.sink({ maxInFlight: 2 })));
    seen.subscription.unsubscribe();
    await world.clock.advance(100);
    expect(seen.log).deep.equal([]);
    expect(world.broker.records(TOPIC).length).equal(5);
    world.broker.inject({ topic: TOPIC, report: 'unwritten' });
    new Seen(of(1).pipe(topic.sink())).subscription.unsubscribe();
    await world.clock.advance(100);
    expect(events.log).deep.equal(['error failed']);
  });

  it('should wait, in order, where the queue is full', async () => {
    const world = await World.open(1, { maxQueued: 3 });
    const topic = world.connection.topic(TOPIC);
    const seen = new Seen(from(upTo(20)).pipe(topic.sink()), offsetOf);
    await world.clock.advance(1_000);
    expect(seen.log).deep.equal([...upTo(20), 'complete']);
    expect(world.broker.records(TOPIC).map(({ value }) => Number(value))).deep.equal(upTo(20));
  });
});

describe('publishAll', () => {
  it('should ask an iterable for no more than may be in flight', async () => {
    const world = await World.open();
    let asked = 0;
    const values = function* () {
      for (const value of upTo(10)) {
        asked += 1;
        yield value;
      }
    };
    const topic = world.connection.topic(TOPIC);
    const seen = new Seen(topic.publishAll(values(), { maxInFlight: 3 }), offsetOf);
    expect(asked).equal(3);
    await world.clock.advance(100);
    expect(seen.log).deep.equal([...upTo(10), 'complete']);
  });

  it('should take an async iterable, and end it at an unsubscribe and at an error', async () => {
    const world = await World.open();
    let left = 0;
    const values = async function* () {
      try {
        for (const value of upTo(10)) yield value;
        throw new Error('no more');
      } finally {
        left += 1;
      }
    };
    const topic = world.connection.topic(TOPIC);
    const seen = new Seen(topic.publishAll(values(), { maxInFlight: 3 }), offsetOf);
    await world.clock.advance(100);
    expect(seen.log.at(-1)).equal('error no more');
    const stopped = new Seen(topic.publishAll(values(), { maxInFlight: 3 }));
    await world.clock.settle();
    stopped.subscription.unsubscribe();
    await world.clock.advance(100);
    expect(left).equal(2);
  });

  it('should take what promises by any `then`, and give up what comes behind an unsubscribe', async () => {
    const world = await World.open();
    const waiting: ((result: IteratorResult<number>) => void)[] = [];
    // biome-ignore lint/suspicious/noThenProperty: it is what is given
    const next = () => ({ then: (resolve: (typeof waiting)[number]) => void waiting.push(resolve) });
    const values = { [Symbol.asyncIterator]: () => ({ next }) } as unknown as AsyncIterable<number>;
    const given: string[] = [];
    const ack = (value: unknown) => ({
      ack: () => void given.push(`ack ${value}`),
      nack: () => void given.push(`nack ${value}`),
    });
    const seen = new Seen(world.connection.topic(TOPIC).publishAll(values, { ack }), offsetOf);
    await world.clock.settle();
    waiting.shift()?.({ done: false, value: 1 });
    await world.clock.advance(100);
    expect(seen.log).deep.equal([0]);
    seen.subscription.unsubscribe();
    waiting.shift()?.({ done: false, value: 2 });
    await world.clock.advance(100);
    expect(given).deep.equal(['ack 1', 'nack 2']);
    expect(world.broker.records(TOPIC)).length(1);
  });
});
