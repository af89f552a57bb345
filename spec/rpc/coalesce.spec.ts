import { expect } from 'chai';
import { codecs } from '../../src/jsonrpc/codec.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import { type Kafka, KafkaError } from '../../src/kafka/port.js';
import { Coalescer, DEFAULT_LIMITS, Lane, type Limits, type Outcome } from '../../src/rpc/coalesce.js';
import { Bench, type Seen, seen } from './harness.js';

class Told implements Outcome {
  readonly told: string[] = [];
  delivered(): void {
    this.told.push('delivered');
  }
  undelivered(error: RpcError | KafkaError): void {
    this.told.push(error instanceof RpcError ? `RpcError ${error.code}` : error.reason);
  }
}

describe('Coalescer', () => {
  let bench: Bench;
  let kafka: Kafka;
  let coalescer: Coalescer;
  const setUp = (limits: Partial<Limits> = {}, maxRecordBytes = 1_000_000) => {
    bench = new Bench({ maxRecordBytes });
    bench.broker.createTopic('t', 2);
    kafka = bench.broker.connect();
    coalescer = new Coalescer(kafka, { ...DEFAULT_LIMITS, ...limits });
  };
  beforeEach(() => setUp());
  afterEach(async () => {
    await bench.until(kafka.close());
    expect([bench.clock.pending, bench.broker.pending]).to.deep.equal([0, 0]);
  });
  const laneOf = (partition: number | null = 0, codec: 'json' | 'msgpack' = 'json', key?: string) =>
    new Lane(
      't',
      partition,
      [{ 'content-type': codecs[codec].contentType }, { who: 'me' }],
      codecs[codec],
      key,
    );
  const send = (lane: Lane, ...messages: unknown[]) =>
    messages.map((message) => {
      const outcome = new Told();
      coalescer.send(lane, message, outcome);
      return outcome;
    });
  const records = (): Seen[] => bench.broker.records('t').map(seen);
  const values = () => records().map(({ value }) => value);
  const told = (all: Told[]) => all.map((it) => it.told.join());

  it('should send a lone message alone, at the end of its turn', async () => {
    const outcomes = send(laneOf(), { a: 1 });
    await bench.clock.settle();
    expect(bench.broker.pending).to.equal(1);
    await bench.advance(5);
    const [record] = records();
    expect([record?.text, record?.key, record?.headers]).to.deep.equal([
      '{"a":1}',
      null,
      [
        ['content-type', 'application/json'],
        ['who', 'me'],
      ],
    ]);
    expect(record?.timestamp).to.equal(bench.clock.now() - 5);
    expect(told(outcomes)).to.deep.equal(['delivered']);
  });

  it('should send the messages of one turn and one lane as one batch, in order', async () => {
    const lane = laneOf();
    const outcomes = send(lane, 1, 2, 3);
    send(lane, 4);
    await bench.advance(5);
    expect([values(), told(outcomes)]).to.deep.equal([[[1, 2, 3, 4]], Array(3).fill('delivered')]);
  });

  it('should send the messages of two turns, and of two lanes, as two records', async () => {
    const lane = laneOf();
    send(lane, 1, 2);
    await bench.clock.settle();
    send(lane, 3);
    send(laneOf(1), 4, 5);
    send(laneOf(1, 'msgpack'), 6);
    await bench.advance(5);
    expect(values()).to.deep.equal([[1, 2], 3, [4, 5], 6]);
  });

  it('should send what waits at once where it is told to', async () => {
    send(laneOf(), 1);
    coalescer.flush();
    expect(bench.broker.pending).to.equal(1);
    await bench.advance(5);
    expect(values()).to.deep.equal([1]);
  });

  it('should send its key', async () => {
    send(laneOf(null, 'json', 'k'), 1);
    await bench.advance(5);
    expect(records().map(({ key }) => key)).to.deep.equal(['k']);
  });

  it('should send no more messages in a record than the limit', async () => {
    setUp({ maxCount: 3 });
    send(laneOf(), 1, 2, 3, 4, 5, 6, 7);
    await bench.advance(5);
    expect(values()).to.deep.equal([[1, 2, 3], [4, 5, 6], 7]);
  });

  it('should send no more bytes in a record of several than the limit, the first time too', async () => {
    setUp({ maxBytes: 100 });
    const lane = laneOf();
    const messages = Array.from({ length: 20 }, (_, i) => `${i}`.padStart(20, '.'));
    for (let turn = 0; turn < 3; turn += 1) {
      const outcomes = send(lane, ...messages);
      await bench.advance(5);
      expect(told(outcomes)).to.deep.equal(Array(20).fill('delivered'));
    }
    expect(values().flat()).to.deep.equal([...messages, ...messages, ...messages]);
    for (const { text } of records()) expect(text.length).to.be.at.most(100);
  });

  it('should send a lone message that is larger than the limit for several', async () => {
    setUp({ maxBytes: 100 });
    const outcomes = send(laneOf(), 'x'.repeat(500), 'y');
    await bench.advance(5);
    expect([values(), told(outcomes)]).to.deep.equal([
      ['x'.repeat(500), 'y'],
      ['delivered', 'delivered'],
    ]);
  });

  it('should pack small messages together again after a large one', async () => {
    const lane = laneOf();
    send(lane, 'x'.repeat(200_000));
    await bench.advance(5);
    send(lane, ...Array(150).keys());
    await bench.advance(5);
    expect(records().length).to.equal(2);
  });

  it('should split a record that is refused for its size, and keep the order', async () => {
    setUp({ maxBytes: 10_000 }, 400);
    const messages = Array.from({ length: 30 }, (_, i) => `${i}`.padStart(60, '.'));
    const outcomes = send(laneOf(), ...messages);
    await bench.advance(20);
    expect(values().flat()).to.deep.equal(messages);
    expect(told(outcomes)).to.deep.equal(Array(30).fill('delivered'));
  });

  it('should keep the order where a record is refused for its size only with its headers', async () => {
    setUp({ maxBytes: 10_000 }, 400);
    const lane = laneOf();
    const text = (length: number, letter: string) => letter.repeat(length);
    const outcomes = [...send(lane, text(190, 'a'), text(190, 'b'))];
    await bench.clock.settle();
    outcomes.push(...send(lane, 'c'));
    await bench.advance(20);
    expect(told(outcomes)).to.deep.equal(Array(3).fill('delivered'));
    expect(
      values()
        .flat()
        .map((it: string) => it[0]),
    ).to.deep.equal(['a', 'b', 'c']);
  });

  it('should split a record that the broker refuses for its size', async () => {
    const error = new KafkaError('too large', 'no', { code: 10 });
    bench.broker.inject({ topic: 't', times: 1, report: 'unwritten', error });
    const outcomes = send(laneOf(), 1, 2, 3);
    await bench.advance(20);
    expect([values(), told(outcomes)]).to.deep.equal([[1, [2, 3]], Array(3).fill('delivered')]);
  });

  it('should tell one message that it is too large, and deliver the others', async () => {
    setUp({}, 400);
    const outcomes = send(laneOf(), 'a', 'x'.repeat(500), 'b', 'c');
    await bench.advance(20);
    expect(told(outcomes)).to.deep.equal(['delivered', 'too large', 'delivered', 'delivered']);
    expect(values().flat()).to.deep.equal(['a', 'b', 'c']);
  });

  it('should tell one message that it can not be encoded, and deliver the others', async () => {
    for (const codec of ['json', 'msgpack'] as const) {
      const outcomes = send(laneOf(0, codec), 'a', 5n, 'b', { c: [5n] }, 'd');
      await bench.advance(20);
      expect(told(outcomes)).to.deep.equal([
        'delivered',
        'RpcError -32603',
        'delivered',
        'RpcError -32603',
        'delivered',
      ]);
    }
    expect(values().flat()).to.deep.equal(['a', 'b', 'd', 'a', 'b', 'd']);
  });

  it('should tell all messages of a record that was not delivered', async () => {
    bench.broker.inject({ topic: 't', times: 1, report: 'unwritten' });
    const outcomes = send(laneOf(), 1, 2);
    const other = send(laneOf(1), 3);
    await bench.advance(20);
    expect([told(outcomes), told(other)]).to.deep.equal([['failed', 'failed'], ['delivered']]);
  });

  it('should send what a message is split into, and tell its outcome of each part', async () => {
    setUp({}, 400);
    const outcome = new Told();
    const lane = laneOf();
    send(lane, 'before');
    coalescer.send(
      lane,
      'xy'.repeat(300),
      Object.assign(outcome, { split: () => ['x'.repeat(300), 'y'.repeat(300)] }),
    );
    send(lane, 'after');
    await bench.advance(20);
    expect(
      values()
        .flat()
        .map((it: string) => it[0]),
    ).to.deep.equal(['b', 'x', 'y', 'a']);
    expect(outcome.told).to.deep.equal(['delivered', 'delivered']);
  });

  it('should take a message that an outcome sends', async () => {
    const lane = laneOf();
    coalescer.send(lane, 1, {
      delivered: () => coalescer.send(lane, 2),
      undelivered: () => {},
    });
    coalescer.send(lane, 5n, { delivered: () => {}, undelivered: () => coalescer.send(lane, 3) });
    await bench.advance(20);
    expect(values().flat()).to.deep.equal([1, 3, 2]);
  });
});
