/** From topic to topic: what is read is done when what is written for it is delivered. */
import { expect } from 'chai';
import { from, map, NEVER, Observable, of, retry, Subject, startWith } from 'rxjs';
import { callEach, type TopicRecord } from '../../src/index.js';
import { Seen, TOPIC, theValue, upTo, World } from './harness.js';

const OUT = 'out';

/** Something to settle, and what became of it. */
class Input {
  readonly log: string[] = [];
  constructor(
    readonly n: number,
    readonly partition = 0,
  ) {}
  ack(): void {
    this.log.push('ack');
  }
  nack(): void {
    this.log.push('nack');
  }
}

const options = {
  value: ({ n }: Input) => n,
  record: ({ partition }: Input) => ({ partition }),
  ack: (input: Input) => input,
};
const logs = (inputs: readonly Input[]) => inputs.map(({ log }) => log.join());
const inputs = (count: number) => upTo(count).map((n) => new Input(n));

async function open(partitions = 1, broker = {}): Promise<World> {
  const world = await World.open(1, broker);
  world.broker.createTopic(OUT, partitions);
  return world;
}

describe('a sink with acks', () => {
  it('should ack each input once it is delivered, whatever is in front of it', async () => {
    const world = await open(2);
    const given = [new Input(0, 0), new Input(1, 1), new Input(2, 0)];
    world.broker.inject({ topic: OUT, partition: 0, reportDelay: 50 });
    const seen = new Seen(from(given).pipe(world.connection.topic(OUT).sink(options)));
    expect(logs(given)).deep.equal(['', '', '']);
    await world.clock.advance(20);
    expect([seen.log.length, logs(given)]).deep.equal([0, ['', 'ack', '']]);
    await world.clock.advance(100);
    expect([seen.log.at(-1), logs(given)]).deep.equal(['complete', ['ack', 'ack', 'ack']]);
  });

  it('should write tombstones, with their key', async () => {
    const world = await open();
    const sink = world.connection.topic(OUT).sink({ ...options, value: () => null, key: ({ n }) => `k${n}` });
    new Seen(of(new Input(7)).pipe(sink));
    await world.clock.advance(20);
    const [record] = world.broker.records(OUT);
    expect([String(record?.key), record?.value]).deep.equal(['k7', null]);
  });

  it('should leave to the next of the group what was not delivered: topic, call, topic', async () => {
    const world = await open();
    world.fill(upTo(6));
    await world.clock.until(world.connection.serve('s', { double: (n: number) => n * 2 }));
    const { connection } = world;
    const failing = world.broker.inject({
      topic: OUT,
      report: 'unwritten',
      where: ({ value }) => String(value) === '4',
    });
    const pipeline$ = connection
      .topic(TOPIC)
      .records$({ group: 'g', maxUnacked: 4, revokeTimeout: 60_000 })
      .pipe(
        callEach(connection.client('s'), 'double', {
          ordered: true,
          toParams: ({ value }: TopicRecord<unknown>) => [value],
        }),
        map(({ input, result }) => ({ input, output: result._tag === 'Right' ? result.right : null })),
        connection.topic(OUT).sink({ value: ({ output }) => output, ack: ({ input }) => input }),
      );
    const first = new Seen(pipeline$);
    await world.clock.advance(1_000);
    expect(first.log.at(-1)).match(/^error /);
    expect([world.committed('g'), world.broker.members('g')]).deep.equal([2, []]);
    failing();
    const second = new Seen(pipeline$);
    await world.clock.advance(5_000);
    second.subscription.unsubscribe();
    await world.clock.advance(1_000);
    expect(world.committed('g')).equal(6);
    const written = world.broker.records(OUT).map(({ value }) => Number(value));
    // At least once: what was delivered behind the one that failed comes again.
    expect(new Set(written)).deep.equal(new Set([0, 2, 4, 6, 8, 10]));
  });

  it('should go on by itself behind retry', async () => {
    const world = await open();
    world.fill(upTo(5));
    world.broker.inject({ topic: OUT, report: 'unwritten', times: 2 });
    const { connection } = world;
    const seen = new Seen(
      connection
        .topic(TOPIC)
        .records$({ group: 'g' })
        .pipe(
          connection.topic(OUT).sink({ value: (record) => record.value, ack: (record) => record }),
          retry({ delay: () => new Observable<void>((to) => world.clock.after(1_000, () => to.next())) }),
        ),
    );
    await world.clock.advance(10_000);
    expect(world.committed('g')).equal(5);
    expect(seen.log).have.length.at.least(5);
  });

  it('should send what it took after an unsubscribe, ack it, and let the group be left then', async () => {
    const world = await open();
    world.fill(upTo(3));
    world.broker.inject({ topic: OUT, reportDelay: 500 });
    const { connection } = world;
    const sink = connection.topic(OUT).sink({
      value: (record: TopicRecord<unknown>) => record.value,
      ack: (record: TopicRecord<unknown>) => record,
      maxInFlight: 1,
    });
    const seen = new Seen(connection.topic(TOPIC).records$({ group: 'g' }).pipe(sink));
    await world.clock.advance(100);
    seen.subscription.unsubscribe();
    await world.clock.advance(1_000);
    expect(world.broker.members('g')).have.length(1);
    await world.clock.advance(1_000);
    expect([world.committed('g'), world.broker.members('g'), seen.log]).deep.equal([3, [], []]);
  });

  it('should give back what failed and what was never sent, and ack what was delivered behind it', async () => {
    const world = await open(2);
    world.broker.inject({ topic: OUT, partition: 0, report: 'unwritten', reportDelay: 50 });
    const given = [new Input(0, 0), ...upTo(7).map((n) => new Input(n + 1, 1))];
    const source$ = new Subject<Input>();
    const seen = new Seen(source$.pipe(world.connection.topic(OUT).sink({ ...options, maxInFlight: 3 })));
    for (const input of given) source$.next(input);
    await world.clock.advance(20);
    // Three in flight, and three with their reports: no more are sent.
    expect(logs(given)).deep.equal(['', 'ack', 'ack', 'ack', 'ack', 'ack', '', '']);
    await world.clock.advance(100);
    expect(seen.log).deep.equal(['error Local: Message timed out']);
    expect(logs(given)).deep.equal(['nack', 'ack', 'ack', 'ack', 'ack', 'ack', 'nack', 'nack']);
    expect(source$.observed).equal(false);
  });

  it('should give back what comes behind a failure that is not told yet', async () => {
    const world = await open(2);
    world.broker.inject({ topic: OUT, partition: 0, reportDelay: 50 });
    const source$ = new Subject<Input>();
    const given = [new Input(0, 0), new Input(Number.NaN, -1), new Input(2, 1)];
    const seen = new Seen(source$.pipe(world.connection.topic(OUT).sink(options)));
    for (const input of given) source$.next(input);
    expect([seen.log, logs(given)]).deep.equal([[], ['', 'nack', 'nack']]);
    await world.clock.advance(100);
    expect(logs(given)).deep.equal(['ack', 'nack', 'nack']);
    expect(seen.log.at(-1)).equal('error partition: expected an integer from 0, got -1');
  });

  it('should give back the one beyond its bound', async () => {
    const world = await open();
    const given = inputs(4);
    const sink = world.connection.topic(OUT).sink({ ...options, maxInFlight: 1, maxBuffered: 2 });
    const seen = new Seen(NEVER.pipe(startWith(...given), sink));
    expect(logs(given)).deep.equal(['', '', '', 'nack']);
    expect(seen.log).deep.equal([`error Writing to ${OUT}: 2 values wait already`]);
    await world.clock.advance(100);
    expect(logs(given)).deep.equal(['ack', 'ack', 'ack', 'nack']);
  });

  it('should ack all in their turn where the queue is full, and give back what waits for it', async () => {
    const world = await open(2, { maxQueued: 3 });
    const given = inputs(20);
    new Seen(from(given).pipe(world.connection.topic(OUT).sink(options)));
    await world.clock.advance(1_000);
    expect(new Set(logs(given))).deep.equal(new Set(['ack']));
    const failing = inputs(5);
    world.broker.inject({ topic: OUT, report: 'unwritten', times: 1 });
    new Seen(from(failing).pipe(world.connection.topic(OUT).sink(options)));
    await world.clock.advance(1_000);
    expect(logs(failing)).deep.equal(['nack', 'ack', 'ack', 'nack', 'nack']);
  });

  it('should do the same for an iterable, in publishAll', async () => {
    const world = await open();
    world.fill(upTo(5));
    const { connection } = world;
    const records = connection.topic(TOPIC).records({ group: 'g', to: 'now', maxUnacked: 2 });
    const seen = new Seen(
      connection.topic(OUT).publishAll(records, {
        value: ({ value }) => value,
        ack: (record) => record,
      }),
    );
    await world.clock.advance(5_000);
    expect([seen.log.at(-1), world.committed('g')]).deep.equal(['complete', 5]);
    const copied = new Seen(connection.topic(OUT).records$({ to: 'now' }), theValue);
    await world.clock.advance(1_000);
    expect(copied.log).deep.equal([...upTo(5), 'complete']);
  });

  it('should refuse options by their name, and what cannot be acked', async () => {
    const world = await open();
    const topic = world.connection.topic(OUT);
    for (const name of ['ack', 'value', 'key', 'record'])
      expect(() => topic.sink({ [name]: 5 } as never)).throw(
        TypeError,
        `${name}: expected a function, got 5`,
      );
    const given = inputs(2);
    const wrong = (input: Input) => (input.n === 0 ? input : 5) as Input;
    const seen = new Seen(from(given).pipe(topic.sink({ ...options, ack: wrong })));
    await world.clock.advance(100);
    expect(seen.log.at(-1)).equal('error ack: expected what has ack() and nack(), got 5');
    expect(logs(given)).deep.equal(['ack', '']);
  });
});
