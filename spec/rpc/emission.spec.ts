/** The server's end of a stream, against a raw client and, where the wire is too coarse, by itself. */
import { expect } from 'chai';
import { right } from 'fp-ts/lib/Either.js';
import { concat, from, NEVER, Observable, of, range, Subject, throwError } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { codecs } from '../../src/jsonrpc/codec.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import type { ServeOptions } from '../../src/options.js';
import { Coalescer, DEFAULT_LIMITS, type Lane } from '../../src/rpc/coalesce.js';
import { Emission } from '../../src/rpc/emission.js';
import { Bench, call, Gate, headerOf, INBOX, notice, ok, RawPeer, watch } from './harness.js';

const LEASE = 15_000;

describe('emission', () => {
  let bench: Bench;
  let connection: Connection;
  let server: Server;
  let raw: RawPeer;
  let source: Observable<unknown> | AsyncIterable<unknown>;
  let subject: Subject<unknown>;
  let ended: number;

  beforeEach(async () => {
    bench = new Bench();
    raw = new RawPeer(bench);
    subject = new Subject();
    ended = 0;
    source = new Observable((to) => {
      const inner = subject.subscribe(to);
      return () => {
        ended += 1;
        inner.unsubscribe();
      };
    });
    connection = await bench.connect({ lease: LEASE });
  });
  afterEach(async () => {
    await bench.close();
    expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
  });

  const serve = async (options: ServeOptions = {}) => {
    const target = { feed: () => source, value: () => 5 };
    server = await bench.until(connection.serve('s', target, { requests: { partitions: 1 }, ...options }));
  };
  /** Opens the stream 1. */
  const open = async (credit: number, options?: ServeOptions) => {
    await serve(options);
    raw.request('s', call(1, 'feed', [], { credit }), raw.callstream);
    await bench.advance(5);
  };
  /** To the server's inbox, or with its request topic. */
  const control = async (method: string, params: unknown) => {
    const [topic, partition, instance] = (headerOf(raw.records()[0] as any, 'callstream-inbox') ?? '').split(
      '/',
    );
    raw.append({
      topic: topic ?? '',
      partition: Number(partition),
      value: notice(method, params),
      headers: {
        kafka_correlationId: instance ?? '',
        'callstream-version': '1',
        'callstream-inbox': `${INBOX}/${raw.partition}/${raw.id}`,
      },
    });
    await bench.advance(5);
  };
  const emit = async (...items: unknown[]) => {
    for (const item of items) subject.next(item);
    await bench.advance(5);
  };
  const nexts = () => raw.messages().filter(({ method }) => method === '$/next');
  const items = () => nexts().flatMap(({ params }) => params.items);
  const seqs = () => nexts().map(({ params }) => params.seq);
  const last = () => {
    const { error, result } = raw.messages().at(-1);
    return error?.code ?? result;
  };

  it('should send open, then items with their numbers, then the response', async () => {
    await open(100);
    expect(raw.messages()).to.deep.equal([notice('$/open', { id: 1 })]);
    await emit('a', 'b');
    await emit('c');
    subject.complete();
    await bench.advance(5);
    expect(raw.messages()).to.deep.equal([
      notice('$/open', { id: 1 }),
      notice('$/next', { id: 1, seq: 0, items: ['a', 'b'] }),
      notice('$/next', { id: 1, seq: 1, items: ['c'] }),
      ok(1, null),
    ]);
    for (const record of raw.records()) {
      expect(record.headers.map(([name]) => name)).to.deep.equal([
        'kafka_correlationId',
        'content-type',
        'callstream-inbox',
      ]);
    }
    expect([server.load.streams, ended]).to.deep.equal([0, 1]);
  });

  it('should answer a value with the response alone', async () => {
    await serve();
    raw.request('s', call(1, 'value', [], { credit: 5 }), raw.callstream);
    await bench.advance(5);
    expect(raw.messages()).to.deep.equal([ok(1, 5)]);
  });

  it('should send exactly as much as was asked for, in all', async () => {
    await open(2);
    await emit(1, 2, 3, 4, 5, 6);
    expect(items()).to.deep.equal([1, 2]);
    await control('$/request', { id: 1, credit: 5 });
    expect(items()).to.deep.equal([1, 2, 3, 4, 5]);
    await control('$/request', { id: 1, credit: 3 });
    await control('$/request', { id: 1, credit: 5 });
    expect(items()).to.deep.equal([1, 2, 3, 4, 5]);
    await control('$/request', { id: 1, credit: 1_000 });
    subject.complete();
    await bench.advance(5);
    expect([items(), last()]).to.deep.equal([[1, 2, 3, 4, 5, 6], null]);
    expect(seqs()).to.deep.equal([...seqs().keys()]);
  });

  it('should not take credit back for a total that comes late', async () => {
    await open(2);
    await emit(1, 2, 3);
    await control('$/request', { id: 1, credit: 6 });
    await control('$/request', { id: 1, credit: 4 });
    await emit(4, 5, 6, 7);
    expect(items()).to.deep.equal([1, 2, 3, 4, 5, 6]);
    await control('$/cancel', { id: 1 });
  });

  it('should send nothing but open with a credit of nothing, until it is asked', async () => {
    await open(0);
    await emit(1, 2);
    expect(raw.messages()).to.have.length(1);
    await control('$/request', { id: 1, credit: 1 });
    expect(items()).to.deep.equal([1]);
    await control('$/cancel', { id: 1 });
  });

  it('should take credit through the request topic too', async () => {
    await open(1);
    await emit(1, 2);
    raw.request('s', notice('$/request', { id: 1, credit: 2 }));
    await bench.advance(5);
    expect(items()).to.deep.equal([1, 2]);
    await control('$/cancel', { id: 1 });
  });

  it('should hold the end back until the items before it were asked for', async () => {
    await open(1);
    await emit(1, 2);
    subject.error(new RpcError(8, 'eight'));
    await bench.advance(5);
    expect([items(), raw.messages().length]).to.deep.equal([[1], 2]);
    await control('$/request', { id: 1, credit: 2 });
    expect([items(), last()]).to.deep.equal([[1, 2], 8]);
  });

  it('should answer a repeated credit with an empty message that counts', async () => {
    await open(3);
    await emit(1);
    await control('$/request', { id: 1, credit: 3 });
    await control('$/request', { id: 1, credit: 3 });
    await emit(2);
    expect(nexts().map(({ params }) => params.items)).to.deep.equal([[1], [], [], [2]]);
    expect(seqs()).to.deep.equal([0, 1, 2, 3]);
    await control('$/cancel', { id: 1 });
  });

  it('should ignore credit that is no number, and credit and cancels of other streams', async () => {
    await open(1);
    await emit(1, 2);
    for (const credit of ['5', null, {}, -1]) await control('$/request', { id: 1, credit });
    await control('$/request', { id: 2, credit: 50 });
    await control('$/cancel', { id: '1' });
    expect([items(), server.load.streams]).to.deep.equal([[1], 1]);
    await control('$/cancel', { id: 1 });
  });

  it('should stop the source at a cancel, once, and say so', async () => {
    await open(10);
    await emit(1);
    await control('$/cancel', { id: 1 });
    await control('$/cancel', { id: 1 });
    await emit(2);
    expect([items(), last(), ended, server.load.streams]).to.deep.equal([[1], -32003, 1, 0]);
    expect(raw.messages().filter(({ error }) => error)).to.have.length(1);
  });

  it('should stop the source when its client was silent for a lease, and not before', async () => {
    await open(10);
    await bench.advance(10_000);
    await control('$/request', { id: 1, credit: 10 });
    await bench.advance(LEASE - 100);
    expect([ended, server.load.streams]).to.deep.equal([0, 1]);
    await bench.advance(200);
    expect([ended, server.load.streams, last()]).to.deep.equal([1, 0, -32003]);
  });

  it('should not end at the timeout of the call', async () => {
    await serve();
    raw.request('s', call(1, 'feed', [], { credit: 5, timeout: 100 }), raw.callstream);
    await bench.advance(5_000);
    await emit(1);
    expect([items(), server.load.streams]).to.deep.equal([[1], 1]);
    await control('$/cancel', { id: 1 });
  });

  it('should not end at the timeout of a call that opened late', async () => {
    await serve();
    const late = await bench.until(connection.serve('late', { feed: async () => source }));
    raw.request('late', call(1, 'feed', [], { credit: 5, timeout: 100 }), raw.callstream);
    await bench.advance(5_000);
    await emit(1);
    expect([items(), late.load.streams]).to.deep.equal([[1], 1]);
    await control('$/cancel', { id: 1 });
  });

  it('should stop the source of a call without a stream at its cancel, and give its turn back', async () => {
    await serve();
    raw.request('s', call(1, 'feed'));
    await bench.advance(5);
    expect([server.load.running, ended]).to.deep.equal([1, 0]);
    raw.request('s', notice('$/cancel', { id: 1 }));
    await bench.advance(5);
    expect([server.load.running, ended, last()]).to.deep.equal([0, 1, -32003]);
  });

  it('should keep items up to the bound for a slower client, then end with an error', async () => {
    await open(1, { maxBuffered: 3 });
    await emit(1, 2, 3, 4);
    expect(server.load.streams).to.equal(1);
    await emit(5);
    expect([items(), last(), ended]).to.deep.equal([[1], -32000, 1]);
  });

  it('should stop a source that emits without a pause as soon as it has overflowed', async () => {
    let emitted = 0;
    source = new Observable((to) => {
      while (!to.closed && emitted < 100_000) {
        emitted += 1;
        to.next(emitted);
      }
    });
    await open(1, { maxBuffered: 3 });
    expect([last(), emitted]).to.deep.equal([-32000, 5]);
  });

  it('should ask an async generator for no more than its client asked for, and close it', async () => {
    const asked: number[] = [];
    source = (async function* () {
      try {
        for (let i = 1; ; i += 1) {
          asked.push(i);
          yield i;
        }
      } finally {
        ended += 1;
      }
    })();
    await open(2);
    expect([asked, items()]).to.deep.equal([
      [1, 2],
      [1, 2],
    ]);
    await control('$/request', { id: 1, credit: 5 });
    expect([asked.length, items()]).to.deep.equal([5, [1, 2, 3, 4, 5]]);
    await control('$/cancel', { id: 1 });
    expect([ended, server.load.streams]).to.deep.equal([1, 0]);
  });

  it('should not let an async generator take all of the time and the memory, whatever credit there is', async () => {
    let made = 0;
    source = (async function* () {
      while (made < 200_000) yield made++;
    })();
    let first = 0;
    bench.clock.soon(() => {
      first = made;
    });
    await open(1e12);
    await bench.advance(100);
    expect(first).to.be.lessThan(100_000);
    expect([items().length, last()]).to.deep.equal([200_000, null]);
  });

  for (const [what, data] of [
    ['can not be encoded', 1n],
    ['is too large for a record', 'x'.repeat(2_000_000)],
  ])
    it(`should end with an error where the error that it ends with ${what}`, async () => {
      source = concat(
        of(1),
        throwError(() => new RpcError(6, 'six', { data })),
      );
      await open(5);
      await bench.advance(50);
      expect([items(), last()]).to.deep.equal([[1], -32603]);
    });

  it('should end with the error that an async generator throws', async () => {
    source = (async function* () {
      yield 1;
      throw new RpcError(6, 'six');
    })();
    await open(5);
    expect([items(), last()]).to.deep.equal([[1], 6]);
  });

  it('should answer with an error where an iterable can not be begun', async () => {
    source = {
      [Symbol.asyncIterator]() {
        throw new RpcError(6, 'six');
      },
    };
    await open(5).catch(() => {});
    await bench.advance(20);
    expect([last(), server.load]).to.deep.equal([6, { running: 0, queued: 0, streams: 0 }]);
  });

  for (const [what, end] of [
    ['gives no Promise', () => ({ done: true, value: undefined })],
    [
      'throws',
      () => {
        throw new Error('no end');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no end'))],
  ] as const)
    it(`should stop an iterable whose return ${what}`, async () => {
      const iterable: any = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          return: () => {
            ended += 1;
            return end();
          },
        }),
      };
      source = iterable;
      await open(5);
      await control('$/cancel', { id: 1 });
      expect([last(), ended, server.load]).to.deep.equal([-32003, 1, { running: 0, queued: 0, streams: 0 }]);
      // Without credit its items are one answer: it is let go just as well.
      raw.request('s', call(2, 'feed'));
      await bench.advance(5);
      raw.request('s', notice('$/cancel', { id: 2 }));
      await bench.advance(5);
      expect([last(), ended, server.load.running]).to.deep.equal([-32003, 2, 0]);
    });

  it('should pack thousands of items of one turn into messages and records within the limits', async () => {
    source = range(0, 5_000);
    await open(10_000);
    await bench.advance(100);
    expect(items()).to.deep.equal([...Array(5_000).keys()]);
    expect(seqs()).to.deep.equal([...seqs().keys()]);
    expect(Math.max(...nexts().map(({ params }) => params.items.length))).to.be.at.most(256);
    expect(raw.records().length).to.be.at.most(3);
    expect(last()).to.equal(null);
  });

  it('should split items that are too large together, in order and without gaps', async () => {
    source = from(Array.from({ length: 10 }, (_, i) => `${i}`.repeat(300_000)));
    await open(100);
    await bench.advance(100);
    expect(items().map((item) => item[0])).to.deep.equal([...'0123456789']);
    expect(seqs()).to.deep.equal([...seqs().keys()]);
    expect(last()).to.equal(null);
  });

  it('should split items that only the headers make too large', async () => {
    const half = (1_000_000 - 60) / 2;
    source = of('a'.repeat(half - 20), 'b'.repeat(half - 20));
    await open(100);
    await bench.advance(100);
    expect(items().map((item) => item[0])).to.deep.equal(['a', 'b']);
    expect(last()).to.equal(null);
  });

  it('should end with an error, not with a gap, at an item that is too large or can not be encoded', async () => {
    await serve();
    const client = (await bench.connect()).client('s');
    for (const item of ['x'.repeat(1_100_000), { a: 5n }]) {
      source = concat(from([...Array(300).keys(), item, ...Array(300).keys()]), NEVER);
      const seen = watch(client.call$('feed', [], { window: 1_000 }));
      await bench.advance(100);
      expect(seen.events.at(-1)).to.equal('RpcError -32603');
      expect(seen.events.slice(0, -1)).to.deep.equal([...Array(seen.events.length - 1).keys()]);
      expect(seen.events.length).to.be.at.most(301);
      expect(server.load.streams).to.equal(0);
    }
  });

  it('should end where its open is not delivered', async () => {
    bench.broker.inject({ topic: INBOX, report: 'unwritten', times: 1 });
    await open(5);
    await bench.advance(20);
    expect([ended, server.load.streams]).to.deep.equal([1, 0]);
    expect([raw.messages().length, last()]).to.deep.equal([1, -32603]);
  });

  it('should end with an error where items are not delivered', async () => {
    await open(5);
    bench.broker.inject({ topic: INBOX, report: 'unwritten', times: 1 });
    await emit(1);
    await bench.advance(20);
    expect([ended, server.load.streams, last()]).to.deep.equal([1, 0, -32603]);
  });

  it('should commit the request once its open is delivered, while the stream goes on', async () => {
    await open(5);
    await bench.advance(500);
    expect(bench.broker.committed('s', { topic: 's.requests', partition: 0 })).to.equal(1);
    await control('$/cancel', { id: 1 });
  });

  it('should take no turn while the stream is open', async () => {
    await serve({ concurrency: 1 });
    for (const id of [1, 2, 3]) raw.request('s', call(id, 'feed', [], { credit: 1 }), raw.callstream);
    await bench.advance(5);
    expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 3 });
    for (const id of [1, 2, 3]) await control('$/cancel', { id });
  });

  it('should refuse a stream too many with -32002', async () => {
    await serve({ maxStreams: 1 });
    for (const id of [1, 2]) raw.request('s', call(id, 'feed', [], { credit: 1 }), raw.callstream);
    await bench.advance(5);
    expect([last(), server.load]).to.deep.equal([-32002, { running: 0, queued: 0, streams: 1 }]);
    await control('$/cancel', { id: 1 });
    raw.request('s', call(3, 'feed', [], { credit: 1 }), raw.callstream);
    await bench.advance(5);
    expect(server.load.streams).to.equal(1);
    await control('$/cancel', { id: 3 });
  });

  it('should tell its clients when the server closes', async () => {
    await open(5);
    await bench.until(server.close({ drain: 50 }));
    await bench.advance(5);
    expect([last(), ended]).to.deep.equal([-32000, 1]);
  });

  it('should count a stream among the calls that succeeded or failed', async () => {
    await open(5);
    subject.complete();
    await bench.advance(5);
    subject = new Subject();
    raw.request('s', call(2, 'feed', [], { credit: 5 }), raw.callstream);
    await bench.advance(5);
    subject.error(new RpcError(5));
    await bench.advance(5);
    expect([server.stats.succeeded, server.stats.failed]).to.deep.equal([1, 1]);
  });

  it('should cancel a Promise for a stream before it opens', async () => {
    const gate = new Gate<Observable<unknown>>();
    await serve();
    const late = await bench.until(connection.serve('late', { feed: () => gate.promise }));
    raw.request('late', call(1, 'feed', [], { credit: 5 }), raw.callstream);
    await bench.advance(5);
    raw.request('late', notice('$/cancel', { id: 1 }));
    await bench.advance(5);
    let subscribed = false;
    gate.open(
      new Observable(() => {
        subscribed = true;
      }),
    );
    await bench.advance(5);
    expect([last(), subscribed, late.load]).to.deep.equal([
      -32003,
      false,
      { running: 0, queued: 0, streams: 0 },
    ]);
  });

  describe('by itself', () => {
    const emissionOf = (credit: number) => {
      const kafka = bench.broker.connect();
      const real: unknown[] = [];
      let looks = 0;
      const messages = {
        get messages() {
          looks += 1;
          if (looks > 10_000) throw new Error('without end');
          return real;
        },
      };
      const sent: any[] = [];
      const coalescer = new Coalescer(kafka, DEFAULT_LIMITS);
      coalescer.send = (_lane, message) => void sent.push(message);
      const emission = new Emission(credit, {
        id: 1,
        lane: Object.assign(Object.create(messages), { topic: INBOX, codec: codecs.json }) as Lane,
        coalescer,
        clock: bench.clock,
        maxBuffered: 100,
        lease: LEASE,
        encode: right,
        onThrow: () => {},
        onEnd: () => {},
      });
      return { emission, sent, kafka };
    };
    const sentItems = (sent: any[]) => sent.flatMap(({ params }) => params?.items ?? []);

    beforeEach(() => serve());

    it('should take a fraction of credit for less than a whole item, and not loop for ever', async () => {
      const { emission, sent, kafka } = emissionOf(0.5);
      try {
        emission.observe(concat(of(1, 2, 3), NEVER));
        expect(sentItems(sent)).to.deep.equal([]);
        emission.request(1.5);
        expect(sentItems(sent)).to.deep.equal([1]);
        emission.request(2.9);
        expect(sentItems(sent)).to.deep.equal([1, 2]);
      } finally {
        emission.stop(new RpcError(1));
        await bench.until(kafka.close());
      }
    });
  });
});
