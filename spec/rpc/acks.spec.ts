/** Streams whose items are acknowledged: what their credit does on the wire, and how far back it reaches. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { concatMap, endWith, finalize, map, Observable, Subject, take } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { request, service, stream } from '../../src/contract.js';
import { callEach, processEach, type StreamItem } from '../../src/index.js';
import { Bench, notice, ok, RawPeer, type Seen, type Watched, watch } from './harness.js';
import { nothingBehindTheEnd } from './timeline.js';

const LEASE = 15_000;
const contract = service('s', {
  feed: stream({ item: t.number }),
  quote: request({ result: t.number }),
});

/** Items as they come, their values among the events. */
function collect(source: Observable<StreamItem<number>>) {
  const out: StreamItem<number>[] = [];
  const watched = watch(
    source.pipe(
      map((item) => {
        out.push(item);
        return item.value;
      }),
    ),
  );
  return { ...watched, out };
}

describe('a stream with acks', () => {
  nothingBehindTheEnd();

  let bench: Bench;
  let caller: Connection;

  beforeEach(async () => {
    bench = new Bench();
    caller = await bench.connect({ lease: LEASE });
  });
  afterEach(() => bench.close());

  describe('on the wire', () => {
    let raw: RawPeer;
    let items: Watched & { readonly out: StreamItem<number>[] };
    let to: Seen;
    let id: number;
    let seq: number;

    beforeEach(() => {
      bench.broker.createTopic('s.requests', 1);
      raw = new RawPeer(bench, 'server', 3);
      seq = 0;
    });

    const open = async (window: number) => {
      const client = caller.client(contract, { timeout: 1_000 });
      items = collect(client.call$('feed', undefined, { ack: true, window }));
      await bench.advance(5);
      [to] = raw.records('s.requests') as [Seen];
      id = to.value.id;
      await say(notice('$/open', { id }));
    };
    const say = async (message: unknown) => {
      raw.reply(to, message);
      await bench.advance(1);
    };
    const next = async (...values: unknown[]) => {
      await say(notice('$/next', { id, seq, items: values }));
      seq += 1;
    };
    const ack = async (...places: number[]) => {
      for (const place of places) items.out[place]?.ack();
      await bench.advance(5);
    };
    const credits = () =>
      raw
        .control()
        .filter(({ method }) => method === '$/request')
        .map(({ credit }) => credit);

    it('should ask for the window, and for more only as items are acked', async () => {
      await open(4);
      expect(to.value.meta.credit).to.equal(4);
      await next(1, 2, 3, 4);
      await bench.advance(100);
      expect([items.events, credits()]).to.deep.equal([[1, 2, 3, 4], []]);
      await ack(0);
      expect(credits()).to.deep.equal([]);
      await ack(1);
      expect(credits()).to.deep.equal([6]);
      await ack(2, 3);
      expect(credits()).to.deep.equal([6, 8]);
      await next(5, 6, 7, 8);
      await say(ok(id, null));
      expect(items.events).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 'completed']);
    });

    it('should count acks in any order, and each item once', async () => {
      await open(4);
      await next(1, 2, 3, 4);
      await ack(3, 3, 3, 3);
      expect(credits()).to.deep.equal([]);
      items.out[3]?.nack();
      await ack(1, 1, 3);
      expect(credits()).to.deep.equal([6]);
      items.subscription.unsubscribe();
    });

    it('should make room for what is given up too', async () => {
      await open(2);
      await next(1, 2);
      items.out[0]?.nack();
      await bench.advance(5);
      expect(credits()).to.deep.equal([3]);
      items.subscription.unsubscribe();
    });

    it('should grant one by one with a window of one, also from inside next', async () => {
      const client = caller.client(contract, { timeout: 1_000 });
      const got: number[] = [];
      const subscription = client.call$('feed', undefined, { ack: true, window: 1 }).subscribe((item) => {
        got.push(item.value);
        item.ack();
      });
      await bench.advance(5);
      [to] = raw.records('s.requests') as [Seen];
      id = to.value.id;
      for (const value of [1, 2, 3]) await next(value);
      await bench.advance(5);
      expect([got, credits()]).to.deep.equal([
        [1, 2, 3],
        [2, 3, 4],
      ]);
      subscription.unsubscribe();
    });

    it('should repeat the same credit for as long as nothing is acked, and stay open', async () => {
      await open(2);
      await next(1, 2);
      for (let i = 0; i < 10; i += 1) {
        await bench.advance(LEASE / 2);
        await next();
      }
      expect(items.events).to.deep.equal([1, 2]);
      expect(new Set(credits())).to.deep.equal(new Set([2]));
      await ack(0, 1);
      expect(credits().at(-1)).to.equal(4);
      items.subscription.unsubscribe();
    });

    it('should end where more comes than was asked for, whatever was emitted', async () => {
      await open(2);
      await next(1, 2);
      await next(3);
      expect(items.events).to.deep.equal([1, 2, 'Unknown overflow']);
    });

    it('should ignore acks behind its end, and behind an unsubscribe', async () => {
      await open(2);
      await next(1, 2);
      await say(ok(id, null));
      await ack(0, 1);
      expect([items.events, raw.control()]).to.deep.equal([[1, 2, 'completed'], []]);
      const second = collect(caller.client(contract).call$('feed', undefined, { ack: true, window: 2 }));
      await bench.advance(5);
      to = raw.records('s.requests').at(-1) as Seen;
      id = to.value.id;
      seq = 0;
      await next(1, 2);
      second.subscription.unsubscribe();
      for (const item of second.out) item.ack();
      await bench.advance(5);
      expect(raw.control()).to.deep.equal([{ method: '$/cancel', id }]);
    });

    it('should give the answer of a server that has no stream as its only item', async () => {
      items = collect(caller.client(contract).call$('feed', undefined, { ack: true }));
      await bench.advance(5);
      [to] = raw.records('s.requests') as [Seen];
      await say(ok(to.value.id, 5));
      await ack(0);
      expect([items.events, raw.control()]).to.deep.equal([[5, 'completed'], []]);
    });

    it('should check items by the contract', async () => {
      await open(4);
      await next(1, 'two');
      expect(items.events).to.deep.equal([1, 'RpcError -32603']);
    });
  });

  describe('and its handler', () => {
    /** Numbers that the handler was asked for. */
    let made: number;
    let closed: number;
    let server: Server;

    const serve = async (options = {}) => {
      const connection = await bench.connect({ lease: LEASE });
      made = 0;
      closed = 0;
      const handlers = {
        feed: async function* () {
          try {
            for (; made < 100; made += 1) yield made;
          } finally {
            closed += 1;
          }
        },
        quote: () => 1,
      };
      server = await bench.until(connection.serve(contract, handlers, options));
    };
    const feed$ = (window: number, options = {}) =>
      caller.client(contract, options).call$('feed', undefined, { ack: true, window });

    for (const [what, options] of [
      ['', {}],
      [', through middleware too', { middleware: [(call: any, next: any) => next(call)] }],
    ] as const)
      it(`should be asked for no more than the window while nothing is acked${what}`, async () => {
        await serve(options);
        const items = collect(feed$(4));
        await bench.advance(60_000);
        // A generator stands at the yield of its last item.
        expect([items.events, made]).to.deep.equal([[0, 1, 2, 3], 3]);
        for (const item of items.out.splice(0)) item.ack();
        await bench.advance(60_000);
        expect([items.events.length, made]).to.deep.equal([8, 7]);
        items.subscription.unsubscribe();
        await bench.advance(5);
        expect([closed, server.load.streams]).to.deep.equal([1, 0]);
      });

    it('should be as slow as what comes behind concatMap', async () => {
      await serve();
      const later$ = new Observable<void>((to) => bench.clock.after(1_000, () => to.complete()));
      const work = concatMap((item: StreamItem<number>) =>
        later$.pipe(
          finalize(() => item.ack()),
          endWith(item.value),
        ),
      );
      const seen = watch(feed$(2).pipe(work));
      await bench.advance(10_500);
      expect([seen.events.length, made]).to.deep.equal([10, 11]);
      await bench.advance(95_000);
      expect(seen.events).to.deep.equal([...Array(100).keys(), 'completed']);
    });

    it('should go on when items are acked behind a client middleware', async () => {
      await serve();
      const middleware = [(call: any, next: any) => next(call)];
      const items = watch(feed$(2, { middleware }).pipe(processEach(({ value }) => value)));
      await bench.advance(1_000);
      expect(items.events).to.deep.equal([...Array(100).keys(), 'completed']);
    });

    it('should be held back by the work of processEach, and end with what that ends with', async () => {
      await serve();
      const jobs: Subject<number>[] = [];
      const work = ({ value }: StreamItem<number>) => {
        if (value === 6) throw new Error('six');
        const job = new Subject<number>();
        jobs.push(job);
        return job;
      };
      const seen = watch(feed$(4).pipe(processEach(work, { concurrency: 2 })));
      await bench.advance(1_000);
      expect([jobs.length, made]).to.deep.equal([2, 3]);
      for (const standing of [5, 7]) {
        for (const job of jobs.splice(0)) job.complete();
        await bench.advance(1_000);
        expect([jobs.length, made]).to.deep.equal([2, standing]);
      }
      jobs[0]?.next(4);
      jobs[0]?.complete();
      await bench.advance(1_000);
      expect([seen.events, made, closed]).to.deep.equal([[4, 'untagged: six'], 7, 1]);
    });

    it('should be tried again by processEach, on the clock of its connection', async () => {
      await serve();
      const tries: number[] = [];
      const work = ({ value }: StreamItem<number>) => {
        tries.push(bench.clock.now());
        if (tries.length < 3) throw new Error('not yet');
        return value;
      };
      const options = { onError: { retry: { delay: 1_000 } }, concurrency: 1 };
      const seen = watch(feed$(1).pipe(processEach(work, options), take(1)));
      await bench.advance(4_000);
      expect(seen.events).to.deep.equal([0, 'completed']);
      expect(tries.map((at) => at - (tries[0] as number))).to.deep.equal([0, 1_000, 3_000]);
      expect([made, closed]).to.deep.equal([0, 1]);
    });

    it('should be asked for nothing more when processEach or callEach give up what they have', async () => {
      await serve();
      const other = caller.client('absent');
      for (const operator of [
        processEach(() => new Subject<number>()),
        callEach<unknown, StreamItem<number>>(other, 'x', { toParams: ({ value }) => [value] }),
      ]) {
        made = 0;
        const seen = watch(feed$(4).pipe(operator as any));
        await bench.advance(100);
        seen.subscription.unsubscribe();
        await bench.advance(100);
        expect([made, server.load.streams]).to.deep.equal([3, 0]);
      }
    });

    it('should refuse what only records have', async () => {
      await serve();
      const dead = caller.topic('dead');
      for (const [options, text] of [
        [{ ordered: 'key' }, 'ordered'],
        [{ ordered: 'partition' }, 'ordered'],
        [{ onError: { deadLetter: dead } }, 'onError.deadLetter'],
      ] as const) {
        const seen = watch(feed$(4).pipe(processEach(({ value }) => value, options as object)));
        await bench.advance(20);
        expect(seen.error.message).to.equal(`${text}: only for the records of a topic`);
        expect([seen.events.length, server.load.streams]).to.deep.equal([1, 0]);
      }
    });

    it('should refuse acks of what is no stream, and options that make no sense', async () => {
      await serve();
      const client: any = caller.client(contract);
      const nest: any = caller.client('s', { interop: 'nest' });
      const refused = [
        client.call$('quote', undefined, { ack: true }),
        nest.call$('feed', [], { ack: true }),
        client.call$('feed', undefined, { ack: 1 }),
      ].map((call$) => watch(call$).error.message);
      expect(refused).to.deep.equal([
        's.quote: it is a request, only the items of a stream are acknowledged (ack)',
        "s.feed: only callstream's servers wait for acks, this client speaks another dialect (interop)",
        'ack: expected true or false, got 1',
      ]);
      const plain = watch(client.call$('feed', undefined, { ack: false }).pipe(take(1)));
      await bench.advance(20);
      expect(plain.events).to.deep.equal([0, 'completed']);
    });
  });
});
