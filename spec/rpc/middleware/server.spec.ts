/** What a server's middleware sees and may do; callers see no difference but what it makes. */
import { expect } from 'chai';
import * as t from 'io-ts';
import {
  catchError,
  concatMap,
  filter,
  finalize,
  from,
  map,
  NEVER,
  Observable,
  of,
  retry,
  tap,
  throwError,
  timer,
} from 'rxjs';
import type { Connection, Server } from '../../../src/connection.js';
import { notification, request, service, stream } from '../../../src/contract.js';
import { RpcError } from '../../../src/jsonrpc/error.js';
import type { ServerCall, ServerMiddleware } from '../../../src/rpc/middleware/server-middleware.js';
import { Bench, call, ending, RawPeer, told, watch } from '../harness.js';

const prices = service('prices', {
  quote: request({ params: t.tuple([t.string]), result: t.number }),
  ticks: stream({ params: t.type({ to: t.number }), item: t.number }),
  audit: notification({ params: t.type({ event: t.string }) }),
});

const pass: ServerMiddleware = (call, next) => next(call);

describe('server middleware', () => {
  let bench: Bench;
  let connection: Connection;
  let served: unknown[];
  let pulled: number;
  let ended: number;

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
    served = [];
    pulled = ended = 0;
  });
  afterEach(() => bench.close());

  const serve = (...middleware: ServerMiddleware[]): Promise<Server> =>
    bench.until(
      connection.serve(
        prices,
        {
          quote: ([symbol]) => {
            served.push(symbol);
            if (symbol === 'no') throw new RpcError(1404);
            if (symbol === 'bug') throw new Error('secret');
            return symbol === 'never' ? NEVER.pipe(finalize(() => (ended += 1))) : 1;
          },
          async *ticks({ to }) {
            try {
              for (let item = 0; item < to; item += 1) {
                pulled += 1;
                yield item;
              }
            } finally {
              ended += 1;
            }
          },
          audit: ({ event }) => served.push(event),
        },
        { middleware },
      ),
    );
  const client = () => connection.client(prices, { timeout: 1_000 });
  const quote = (symbol: string) => bench.until(ending(client().call('quote', [symbol])));

  it('should see requests, streams, notifications and the entries of a batch, and what belongs to them', async () => {
    const seen: unknown[] = [];
    await serve((it, next) => {
      seen.push([it.service, it.method, it.kind, it.params, it.context.headers]);
      return next(it);
    });
    await bench.until(client().call('quote', ['A'], { headers: { token: 'x' } }));
    const ticks = watch(client().call$('ticks', { to: 3 }));
    await bench.until(client().notify('audit', { event: 'e' }));
    await bench.until(
      client().batch([
        ['quote', ['B']],
        ['audit', { event: 'f' }],
      ]),
    );
    await bench.advance(20);
    expect(ticks.events).to.deep.equal([0, 1, 2, 'completed']);
    expect(seen).to.have.deep.members([
      ['prices', 'quote', 'request', ['A'], { token: 'x' }],
      ['prices', 'ticks', 'stream', { to: 3 }, {}],
      ['prices', 'audit', 'notification', { event: 'e' }, {}],
      ['prices', 'quote', 'request', ['B'], {}],
      ['prices', 'audit', 'notification', { event: 'f' }, {}],
    ]);
    expect(served).to.have.members(['A', 'e', 'B', 'f']);
  });

  it('should pass the outermost first, and come back the other way', async () => {
    const order: string[] = [];
    const link =
      (name: string): ServerMiddleware =>
      (it, next) => {
        order.push(`${name} in`);
        return next(it).pipe(tap(() => order.push(`${name} out`)));
      };
    await serve(link('a'), link('b'));
    await quote('A');
    expect(order).to.deep.equal(['a in', 'b in', 'b out', 'a out']);
  });

  it('should let it change what the handler gets and gives; both are checked then', async () => {
    await serve((it, next) => {
      const [symbol] = it.params as [string];
      return next({ ...it, params: symbol === 'wrong' ? [5] : [`${symbol}!`] }).pipe(
        map((price) => (symbol === 'text' ? 'text' : (price as number) + 1)),
      );
    });
    expect(await quote('A')).to.equal(2);
    expect(await quote('wrong')).to.equal('RpcError -32602');
    expect(await quote('text')).to.equal('RpcError -32603');
    expect(served).to.deep.equal(['A!', 'text!']);
  });

  it('should see what the handler throws, which stays what its caller hears', async () => {
    const seen: string[] = [];
    await serve((it, next) => next(it).pipe(tap({ error: (error) => seen.push(told(error)) })));
    expect(await quote('no')).to.equal('RpcError 1404');
    expect(await quote('bug')).to.equal('RpcError -32603');
    expect(seen).to.deep.equal(['RpcError 1404', 'untagged: secret']);
    expect(bench.issues.map(({ message }) => message)).to.deep.equal(['prices.quote threw Error: secret']);
  });

  it('should answer with what it throws, and never hang', async () => {
    await serve(() => {
      throw new RpcError(9);
    });
    expect(await quote('A')).to.equal('RpcError 9');
    const ticks = watch(client().call$('ticks', { to: 3 }));
    await bench.until(client().notify('audit', { event: 'e' }));
    await bench.advance(20);
    expect([ticks.events, served]).to.deep.equal([['RpcError 9'], []]);
  });

  it('should pass the context on itself: with a copy the handler would know neither key nor deadline', async () => {
    await serve((call, next) => next({ ...call, context: { ...call.context } }));
    expect([await quote('A'), served]).to.deep.equal(['RpcError -32603', []]);
    expect(bench.issues.map(({ message }) => message)[0]).to.include(
      'context: expected the context of a handler',
    );
  });

  it('should answer itself', async () => {
    await serve((it) => (it.kind === 'stream' ? of(7, 8) : of(5, 6)));
    expect(await quote('A')).to.equal(6);
    const ticks = watch(client().call$('ticks', { to: 3 }));
    await bench.advance(20);
    expect([ticks.events, served]).to.deep.equal([[7, 8, 'completed'], []]);
  });

  it('should run the handler once for each subscription of next', async () => {
    await serve((it, next) => next(it).pipe(retry(2)));
    expect(await quote('no')).to.equal('RpcError 1404');
    expect(served).to.deep.equal(['no', 'no', 'no']);
  });

  it('should be unsubscribed when the caller cancels and at the deadline', async () => {
    let gone = 0;
    const server = await serve((it, next) => next(it).pipe(finalize(() => (gone += 1))));
    const one = watch(client().call$('quote', ['never']));
    await bench.advance(20);
    one.subscription.unsubscribe();
    await bench.advance(20);
    expect([gone, ended]).to.deep.equal([1, 1]);
    expect(await quote('never')).to.equal('Unknown timeout');
    await bench.advance(20);
    expect([gone, ended, server.load.running]).to.deep.equal([2, 2, 0]);
  });

  it('should take a turn of the server while it waits', async () => {
    const server = await serve((it, next) => timer(1e9).pipe(concatMap(() => next(it))));
    const held = [watch(client().call$('ticks', { to: 1 })), watch(client().call$('quote', ['A']))];
    await bench.advance(20);
    expect(server.load.running).to.equal(2);
    for (const { subscription } of held) subscription.unsubscribe();
    await bench.advance(20);
    expect([server.load.running, server.load.streams, served]).to.deep.equal([0, 0, []]);
    expect(bench.issues).to.deep.equal([]);
  });

  describe('a stream', () => {
    it('should be asked of its handler only as far as the client asked for it', async () => {
      await serve(pass, (it, next) => next(it).pipe(map((item) => (item as number) * 10)));
      const server = new RawPeer(bench);
      server.request('prices', call(1, 'ticks', { to: 100 }, { credit: 3, timeout: 500 }), server.callstream);
      await bench.advance(50);
      const items = () => server.messages().flatMap(({ params }) => params?.items ?? []);
      expect([items(), pulled]).to.deep.equal([[0, 10, 20], 3]);
      server.request(
        'prices',
        { jsonrpc: '2.0', method: '$/request', params: { id: 1, credit: 5 } },
        server.callstream,
      );
      await bench.advance(50);
      expect([items(), pulled]).to.deep.equal([[0, 10, 20, 30, 40], 5]);
      server.request('prices', { jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } }, server.callstream);
      await bench.advance(50);
      expect([pulled, ended]).to.deep.equal([5, 1]);
    });

    it('should go on being asked where middleware lets some items fall', async () => {
      await serve((it, next) =>
        next(it).pipe(filter((item) => it.kind !== 'stream' || (item as number) % 3 === 2)),
      );
      const ticks = watch(connection.client(prices, { window: 2 }).call$('ticks', { to: 12 }));
      await bench.advance(100);
      expect([ticks.events, ended]).to.deep.equal([[2, 5, 8, 11, 'completed'], 1]);
    });

    it('should end with an error where middleware makes more of it than is taken', async () => {
      await serve((it, next) =>
        next(it).pipe(concatMap((item) => Array.from({ length: 10_002 }, () => item))),
      );
      const ticks = watch(connection.client(prices, { window: 1 }).call$('ticks', { to: 12 }));
      await bench.advance(2);
      await bench.advance(60_000);
      expect(ticks.events.length).to.be.within(1, 10_002);
      expect([ticks.events.at(-1), ended]).to.deep.equal(['RpcError -32000', 1]);
    });

    it('should not be opened where it is refused', async () => {
      await serve(() => throwError(() => new RpcError(-32002)));
      const raw = new RawPeer(bench);
      raw.request('prices', call(1, 'ticks', { to: 1 }, { credit: 3 }), raw.callstream);
      await bench.advance(20);
      expect(raw.messages().map(({ method, error }) => method ?? error.code)).to.deep.equal([-32002]);
    });

    it('should be opened before its first item', async () => {
      const minute$ = new Observable((subscriber) =>
        bench.clock.after(60_000, () => {
          subscriber.next(0);
          subscriber.complete();
        }),
      );
      await bench.until(connection.serve('slow', { ticks: () => minute$ }, { middleware: [pass] }));
      const ticks = watch(connection.client('slow', { timeout: 100 }).call$('ticks'));
      await bench.advance(70_000);
      expect(ticks.events).to.deep.equal([0, 'completed']);
    });

    it('should refuse it beyond the bound on open streams, and leave nothing running', async () => {
      let gone = 0;
      const endless = () => new Observable(() => () => (gone += 1));
      await bench.until(connection.serve('many', { ticks: endless }, { middleware: [pass], maxStreams: 1 }));
      const ticks = [0, 1].map(() => watch(connection.client('many').call$('ticks')));
      await bench.advance(20);
      expect([ticks[0]?.events, ticks[1]?.events, gone]).to.deep.equal([[], ['RpcError -32002'], 1]);
      ticks[0]?.subscription.unsubscribe();
      await bench.advance(20);
      expect(gone).to.equal(2);
    });
  });

  describe('what is served by name', () => {
    const target = {
      echo: (text: string) => `${text}!`,
      later: async (text: string) => text,
      none: () => undefined,
      several: () => of(1, 2, 3),
      each: async function* () {
        yield* [1, 2];
      },
      fails: () => throwError(() => new RpcError(4)),
    };
    const answers = async (middleware?: readonly ServerMiddleware[]) => {
      const name = middleware === undefined ? 'plain' : 'behind';
      await bench.until(connection.serve(name, target, { middleware }));
      const it = connection.client(name);
      const called = await bench.until(
        Promise.all(
          [['echo', 'a'], ['later', 'b'], ['none'], ['several'], ['each'], ['fails']].map(
            ([method, ...params]) => ending(it.call(method as string, params)),
          ),
        ),
      );
      const streamed = Object.keys(target).map((method) => watch(it.call$(method, ['c'])));
      await bench.advance(20);
      return [called, streamed.map(({ events }) => events)];
    };

    it('should be answered in the same shape as without middleware', async () => {
      const plain = await answers();
      expect(plain[0]).to.deep.equal(['a!', 'b', null, [1, 2, 3], [1, 2], 'RpcError 4']);
      expect(await answers([pass])).to.deep.equal(plain);
    });

    it('should be answered in the same shape where middleware takes its time', async () => {
      const [called] = await answers([
        (it, next) =>
          of(0).pipe(
            concatMap(() => Promise.resolve()),
            concatMap(() => next(it)),
          ),
      ]);
      expect(called).to.deep.equal(['a!', 'b', null, [1, 2, 3], [1, 2], 'RpcError 4']);
    });
  });

  describe('in a few lines', () => {
    it('should be authentication by a token', async () => {
      await serve((it, next) =>
        it.context.headers.token === 'secret'
          ? next(it)
          : throwError(() => new RpcError(-32004, 'Unauthorized')),
      );
      const it = client();
      expect(await bench.until(ending(it.call('quote', ['A'])))).to.equal('RpcError -32004');
      expect(await bench.until(it.call('quote', ['B'], { headers: { token: 'secret' } }))).to.equal(1);
      expect(served).to.deep.equal(['B']);
    });

    it('should be a fallback', async () => {
      await serve((it, next) => next(it).pipe(catchError(() => of(0))));
      expect(await quote('bug')).to.equal(0);
    });

    it('should be a count of what is at work', async () => {
      let busy = 0;
      const most: number[] = [];
      const count = (it: ServerCall, next: (it: ServerCall) => Observable<unknown>) => {
        busy += 1;
        most.push(busy);
        return next(it).pipe(finalize(() => (busy -= 1)));
      };
      await serve(count, (it, next) => from(Promise.resolve()).pipe(concatMap(() => next(it))));
      await bench.until(
        client().batch([
          ['quote', ['A']],
          ['quote', ['B']],
        ]),
      );
      expect([most, busy]).to.deep.equal([[1, 2], 0]);
    });
  });

  it('should be a list of functions', async () => {
    const wrong = connection.serve('x', { a: () => 1 }, { middleware: [null as never] });
    expect(await ending(wrong)).to.equal('untagged: middleware[0]: expected a function, got object');
  });
});
