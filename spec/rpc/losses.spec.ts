/** Control messages and answers that are lost, come twice, late or out of order: what a call makes of them. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { from, map, Observable, take } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import {
  callBatch,
  callEach,
  processEach,
  request,
  type StreamItem,
  service,
  stream,
  withRetry,
} from '../../src/index.js';
import type { Fault } from '../../src/testing/index.js';
import { Bench, Gate, INBOX, notice, ok, RawPeer, type Seen, seen } from './harness.js';
import { nothingBehindTheEnd, Timeline } from './timeline.js';

const TIMEOUT = 1_000;
const LEASE = 15_000;
const contract = service('s', {
  wait: request({ result: t.string }),
  count: stream({ params: t.type({ to: t.number }), item: t.number }),
});

/** The records that hold a message of this kind. */
const of = (what: string): Fault => ({ where: ({ value }) => String(value).includes(`"${what}"`) });
const upTo = (to: number) => Array.from({ length: to }, (_, i) => i);

describe('what is lost, doubled, late or out of order', () => {
  let bench: Bench;
  let caller: Connection;

  nothingBehindTheEnd();
  beforeEach(async () => {
    bench = new Bench();
    caller = await bench.connect({ lease: LEASE });
  });
  afterEach(() => bench.close());

  describe('between a client and its server', () => {
    let server: Server;
    let aborted: number[];
    let gate: Gate<string>;
    /** Items that the generator has made, and how many were on their way at most. */
    let made: number;
    let closed: number;
    let begun: number;

    beforeEach(async () => {
      aborted = [];
      gate = new Gate();
      made = 0;
      closed = 0;
      begun = bench.clock.now();
      const connection = await bench.connect({ lease: LEASE });
      server = await bench.until(
        connection.serve(contract, {
          wait: (_, { signal }) => {
            signal.addEventListener('abort', () => aborted.push(bench.clock.now() - begun));
            return gate.promise;
          },
          count: async function* ({ to }) {
            try {
              for (let i = 0; i < to; i += 1) {
                made += 1;
                yield i;
              }
            } finally {
              closed += 1;
            }
          },
        }),
      );
      await bench.until(
        caller
          .client('s')
          .call('wait', [], { timeout: 5 })
          .catch(() => {}),
      );
      await bench.advance(10);
      aborted.length = 0;
      begun = bench.clock.now();
    });
    const client = (options = {}) => caller.client(contract, { timeout: TIMEOUT, ...options });

    const unsubscribed: Record<string, () => Observable<unknown>> = {
      call: () =>
        new Observable((subscriber) => {
          const abort = new AbortController();
          const { signal } = abort;
          client()
            .call('wait', undefined, { signal })
            .catch(() => {});
          subscriber.add(() => abort.abort());
        }),
      call$: () => client().call$('wait'),
      gather$: () => client().gather$('wait'),
      callEach: () =>
        from([1]).pipe(
          callEach<string, number>(caller.client('s', { timeout: TIMEOUT }), 'wait', { toParams: () => [] }),
        ),
      callBatch: () =>
        from([1]).pipe(
          callBatch<string, number>(caller.client('s', { timeout: TIMEOUT }), 'wait', {
            toParams: () => [],
            maxSize: 1,
          }),
        ),
    };
    for (const [road, made$] of Object.entries(unsubscribed)) {
      it(`should stop the handler of ${road} at its deadline where the cancel is lost`, async () => {
        bench.broker.inject({ ...of('$/cancel'), report: 'unwritten' });
        const timeline = new Timeline(bench.clock, made$());
        await bench.advance(100);
        timeline.subscription.unsubscribe();
        await bench.advance(2 * TIMEOUT);
        expect(timeline.events).to.deep.equal([]);
        expect(aborted).to.have.length(1);
        expect(aborted[0]).to.be.within(TIMEOUT, TIMEOUT + 5);
        gate.open('late');
        await bench.advance(5);
        expect(server.load.running).to.equal(0);
      });

      it(`should stop the handler of ${road} once where the cancel comes twice`, async () => {
        bench.broker.inject({ ...of('$/cancel'), duplicates: 2, duplicateAfter: 50 });
        const timeline = new Timeline(bench.clock, made$());
        await bench.advance(100);
        timeline.subscription.unsubscribe();
        await bench.advance(2 * TIMEOUT);
        expect(aborted).to.have.length(1);
        expect(aborted[0]).to.be.within(100, 105);
        const answers = bench.broker
          .records(INBOX)
          .map(seen)
          .filter(({ text }) => text.includes('-32003'));
        expect(answers).to.have.length(1);
      });
    }

    it('should stop a stream within a lease where the cancel is lost, and make nothing more', async () => {
      bench.broker.inject({ ...of('$/cancel'), report: 'unwritten' });
      const timeline = new Timeline(
        bench.clock,
        client({ window: 4 }).call$('count', { to: 1e6 }).pipe(take(10)),
      );
      await bench.advance(100);
      expect(timeline.values).to.deep.equal([...upTo(10), '|'].map(String));
      const so = made;
      expect([so <= 14, server.load.streams]).to.deep.equal([true, 1]);
      await bench.advance(LEASE - 200);
      expect(server.load.streams).to.equal(1);
      await bench.advance(300);
      expect([server.load.streams, closed, made]).to.deep.equal([0, 1, so]);
    });

    it('should go on where credit is lost: it is repeated, as a total', async () => {
      let lost = 0;
      bench.broker.inject({
        where: ({ value }) => {
          if (!String(value).includes('$/request')) return false;
          lost += 1;
          return lost % 2 === 1;
        },
        report: 'unwritten',
      });
      const timeline = new Timeline(bench.clock, client({ window: 4 }).call$('count', { to: 20 }));
      await bench.advance(60_000);
      expect(timeline.values).to.deep.equal([...upTo(20), '|'].map(String));
      expect(lost).to.be.above(2);
    });

    it('should never make more than was asked for where credit comes twice and out of order', async () => {
      bench.broker.inject({ ...of('$/request'), duplicates: 3, duplicateAfter: () => (made * 7) % 40 });
      const held: StreamItem<number>[] = [];
      let most = 0;
      const acked$ = client().call$('count', { to: 60 }, { ack: true, window: 4 });
      const timeline = new Timeline(
        bench.clock,
        acked$.pipe(
          map((item) => {
            held.push(item);
            most = Math.max(most, held.length);
            return item.value;
          }),
        ),
      );
      for (let i = 0; i < 300; i += 1) {
        await bench.advance(3);
        expect(made - (timeline.events.length - held.length)).to.be.at.most(4);
        held.shift()?.ack();
      }
      expect(timeline.values).to.deep.equal([...upTo(60), '|'].map(String));
      expect([most, timeline.nested]).to.deep.equal([4, []]);
    });

    it('should never work on more than it may, nor make more, behind processEach', async () => {
      bench.broker.inject({ ...of('$/request'), duplicates: 3, duplicateAfter: () => (made * 7) % 40 });
      let working = 0;
      let most = 0;
      const work = ({ value }: StreamItem<number>) => {
        working += 1;
        most = Math.max(most, working);
        return new Promise<number>((resolve) => bench.clock.after(7, () => resolve(value))).finally(() => {
          working -= 1;
        });
      };
      const acked$ = client().call$('count', { to: 60 }, { ack: true, window: 4 });
      const timeline = new Timeline(bench.clock, acked$.pipe(processEach(work, { concurrency: 2 })));
      for (let ms = 0; ms < 10_000 && timeline.end === undefined; ms += 1) {
        await bench.advance(1);
        expect(made - timeline.events.length).to.be.at.most(4);
      }
      expect([timeline.values, timeline.nested, most]).to.deep.equal([[...upTo(60), '|'].map(String), [], 2]);
      // The last of the doubled ones are on their way.
      await bench.advance(50);
    });

    it('should signal one after the other, also where items are acked inside of next', async () => {
      for (const window of [1, 2, 300]) {
        const acked$ = client().call$('count', { to: 600 }, { ack: true, window });
        const timeline = new Timeline(bench.clock, acked$, (item: StreamItem<number>) => {
          item.ack();
          return item.value;
        });
        await bench.advance(60_000);
        expect([timeline.values, timeline.nested]).to.deep.equal([[...upTo(600), '|'].map(String), []]);
      }
    });

    it('should emit each item once, and end once, where everything comes twice', async () => {
      bench.broker.inject({ topic: INBOX, duplicates: 1, duplicateAfter: 5 });
      bench.broker.inject({ topic: 's.requests', duplicates: 1 });
      const timeline = new Timeline(bench.clock, client({ window: 8 }).call$('count', { to: 100 }));
      await bench.advance(60_000);
      expect(timeline.values).to.deep.equal([...upTo(100), '|'].map(String));
      expect([timeline.nested, server.load.streams]).to.deep.equal([[], 0]);
    });

    it('should end as unknown where an item is lost, stop the handler, and emit nothing behind it', async () => {
      let nexts = 0;
      bench.broker.inject({
        where: ({ value }) => String(value).includes('$/next') && nexts++ === 1,
        duplicates: 0,
        report: 'unwritten',
      });
      const timeline = new Timeline(bench.clock, client({ window: 4 }).call$('count', { to: 100 }));
      await bench.advance(60_000);
      const [end, ...items] = timeline.values.reverse();
      expect(end).to.be.oneOf(['# RpcError -32603', '# Unknown gap']);
      expect(items.reverse()).to.deep.equal(upTo(items.length).map(String));
      expect([server.load.streams, closed, timeline.nested]).to.deep.equal([0, 1, []]);
    });
  });

  describe('between attempts', () => {
    let raw: RawPeer;

    beforeEach(async () => {
      bench.broker.createTopic('s.requests', 1);
      raw = new RawPeer(bench, 'raw', 3);
      await bench.until(caller.client('s').notify('warm'));
    });
    const retry = { attempts: 3, perTry: 100 };
    const attempts = (): Seen[] => raw.records('s.requests').slice(1);
    /** What a server says to one of the attempts. */
    const say = (attempt: number, answer: (id: number) => unknown, instance?: string) => {
      const to = attempts()[attempt - 1] as Seen;
      raw.reply(
        to,
        [to.value].flat().flatMap(({ id }) => answer(id)),
        instance,
      );
    };
    const client = () => caller.client('s', { timeout: TIMEOUT, retry });
    const middle = () => caller.client('s', { timeout: TIMEOUT, middleware: [withRetry(retry)] });

    const roads: Record<string, () => Observable<unknown>> = {
      call: () => from(client().call('m')),
      'call by withRetry': () => from(middle().call('m')),
      'call$ by withRetry': () => middle().call$('m'),
      batch: () =>
        from(client().batch([['m'], ['m']])).pipe(map((all) => all.map((it: any) => it.right).join())),
      callEach: () =>
        from([1]).pipe(
          callEach<string, number>(caller.client('s', { timeout: TIMEOUT }), 'm', {
            retry,
            toParams: () => [],
          }),
          map(({ result }) => (result as any).right),
        ),
      callBatch: () =>
        from([1]).pipe(
          callBatch<string, number>(caller.client('s', { timeout: TIMEOUT }), 'm', {
            retry,
            toParams: () => [],
            maxSize: 1,
          }),
          map(({ result }) => (result as any).right),
        ),
    };
    for (const [road, made$] of Object.entries(roads)) {
      it(`should take a late answer to the first attempt for that of the call: ${road}`, async () => {
        const timeline = new Timeline(bench.clock, made$());
        await bench.advance(250);
        expect(attempts().map(({ value }) => [value].flat()[0].meta.attempt)).to.include(2);
        say(1, (id) => ok(id, 'first'));
        await bench.advance(10);
        say(2, (id) => ok(id, 'second'));
        await bench.advance(TIMEOUT);
        const answer = road === 'batch' ? 'first,first' : 'first';
        expect(timeline.events).to.deep.equal([`251 ${answer}`, '251 |']);
      });

      it(`should succeed with an attempt behind one that failed, and end once: ${road}`, async () => {
        const timeline = new Timeline(bench.clock, made$());
        const refused = { code: -32002, message: 'no' };
        await bench.advance(10);
        say(1, (id) => ({ jsonrpc: '2.0', id, error: refused }));
        await bench.advance(80);
        const last = () => attempts().length;
        const second = last();
        expect(second).to.be.at.least(2);
        for (let i = 2; i <= second; i += 1) say(i, (id) => ok(id, 'second'));
        await bench.advance(10);
        say(1, (id) => ({ jsonrpc: '2.0', id, error: refused }));
        await bench.advance(TIMEOUT);
        const answer = road === 'batch' ? 'second,second' : 'second';
        expect(timeline.values).to.deep.equal([answer, '|']);
      });
    }

    for (const [first, other] of [
      [1, 2],
      [2, 1],
    ] as const)
      it(`should hold to the stream that attempt ${first} opened, and cancel that of attempt ${other}`, async () => {
        const window = 4;
        const timeline = new Timeline(bench.clock, client().call$('m', [], { window }));
        await bench.advance(150);
        expect(attempts().map(({ value }) => [value.meta.attempt, value.meta.credit])).to.deep.equal([
          [1, window],
          [2, window],
        ]);
        const items = (base: number) => (id: number) => [
          notice('$/open', { id }),
          notice('$/next', { id, seq: 0, items: upTo(window).map((i) => base + i) }),
        ];
        say(first, items(10), 'one');
        say(other, items(20), 'two');
        await bench.advance(10);
        expect(timeline.values).to.deep.equal(['10', '11', '12', '13']);
        // All that was asked for, of all attempts: the window, and what the one that it holds to was granted.
        expect(raw.control('one').map(({ credit }) => credit)).to.deep.equal([2 * window]);
        expect(new Set(raw.control('two').map(({ method }) => method))).to.deep.equal(new Set(['$/cancel']));
        await bench.advance(TIMEOUT);
        expect(attempts()).to.have.length(2);
        timeline.subscription.unsubscribe();
        timeline.subscription.unsubscribe();
        await bench.advance(5);
        expect(raw.control('one').filter(({ method }) => method === '$/cancel')).to.have.length(1);
        expect(timeline.nested).to.deep.equal([]);
      });

    it('should not end an open stream for what its server says, late, of an attempt before it', async () => {
      const timeline = new Timeline(bench.clock, client().call$('m', [], { window: 4 }));
      const refused = (code: number) => (id: number) => ({
        jsonrpc: '2.0',
        id,
        error: { code, message: 'no' },
        meta: { attempt: 1 },
      });
      await bench.advance(10);
      say(1, refused(-32002));
      await bench.advance(80);
      say(2, (id) => [notice('$/open', { id }), notice('$/next', { id, seq: 0, items: [1] })]);
      await bench.advance(10);
      for (const code of [-32002, -32603]) say(1, refused(code));
      await bench.advance(10);
      say(2, (id) => [notice('$/next', { id, seq: 1, items: [2] }), ok(id, null)]);
      await bench.advance(10);
      expect(timeline.values).to.deep.equal(['1', '2', '|']);
    });

    it('should make no further attempt once it is unsubscribed from between two', async () => {
      for (const made$ of [client().call$('m'), middle().call$('m')]) {
        const before = attempts().length;
        const timeline = new Timeline(bench.clock, made$);
        await bench.advance(10);
        say(attempts().length, (id) => ({ jsonrpc: '2.0', id, error: { code: -32002, message: 'no' } }));
        await bench.advance(1);
        timeline.subscription.unsubscribe();
        await bench.advance(2 * TIMEOUT);
        const after = attempts()
          .slice(before)
          .filter(({ value }) => value.method === 'm');
        expect([after.length, timeline.events]).to.deep.equal([1, []]);
      }
    });

    it('should begin anew with each subscription: id, attempts, credit', async () => {
      const call$ = middle().call$('m', [], { window: 4 });
      for (let i = 0; i < 2; i += 1) {
        const timeline = new Timeline(bench.clock, call$);
        await bench.advance(150);
        const two = attempts().slice(-2);
        expect(two.map(({ value }) => [value.meta.attempt, value.meta.credit])).to.deep.equal([
          [1, 4],
          [2, 4],
        ]);
        say(attempts().length, (id) => [notice('$/next', { id, seq: 0, items: [i] }), ok(id, null)]);
        await bench.advance(TIMEOUT);
        expect(timeline.events).to.deep.equal([`151 ${i}`, '151 |']);
      }
      expect(new Set(attempts().map(({ value }) => value.id)).size).to.equal(2);
    });

    describe('behind the end', () => {
      const ends: Record<string, (id: number) => unknown> = {
        completion: (id) => ok(id, null),
        'an error': (id) => ({ jsonrpc: '2.0', id, error: { code: 5, message: 'five' } }),
        'a gap': (id) => notice('$/next', { id, seq: 5, items: [5] }),
        overflow: (id) => notice('$/next', { id, seq: 1, items: upTo(100) }),
        'a malformed message': (id) => notice('$/next', { id, seq: 'one', items: [] }),
      };
      for (const [end, message] of Object.entries(ends))
        it(`should hear nothing more: ${end}`, async () => {
          const timeline = new Timeline(bench.clock, client().call$('m', [], { window: 4 }));
          await bench.advance(10);
          say(1, (id) => [notice('$/open', { id }), notice('$/next', { id, seq: 0, items: [0] })]);
          await bench.advance(1);
          say(1, message);
          await bench.advance(1);
          const heard = [...timeline.events];
          expect(heard).to.have.length(2);
          for (const late of [
            ...Object.values(ends),
            (id: number) => notice('$/next', { id, seq: 1, items: [1] }),
          ])
            say(1, late);
          await bench.advance(LEASE);
          expect([timeline.events, timeline.nested]).to.deep.equal([heard, []]);
          expect(caller.stats.pending).to.equal(0);
        });
    });
  });
});
