/** What a client's middleware sees and may do, and that nothing gets lost on the way through it. */
import { expect } from 'chai';
import { isRight } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import {
  catchError,
  concat,
  concatMap,
  delay,
  map,
  NEVER,
  type Observable,
  of,
  retry,
  tap,
  throwError,
  timer,
} from 'rxjs';
import type { Connection } from '../../../src/connection.js';
import { notification, request, service, stream } from '../../../src/contract.js';
import { RpcError } from '../../../src/jsonrpc/error.js';
import type { ClientOptions } from '../../../src/rpc/client-api.js';
import { NotSentError } from '../../../src/rpc/error.js';
import type { ClientCall, ClientMiddleware } from '../../../src/rpc/middleware/client-middleware.js';
import { only, withHedging, withRetry, withTimeout } from '../../../src/rpc/middleware/policies.js';
import { Bench, ending, failureOf, told, watch } from '../harness.js';

const prices = service('prices', {
  quote: request({ params: t.tuple([t.string]), result: t.number }),
  ticks: stream({ params: t.type({ to: t.number }), item: t.number }),
  audit: notification({ params: t.type({ event: t.string }) }),
});

describe('client middleware', () => {
  let bench: Bench;
  let connection: Connection;
  let served: string[];
  let cancelled: string[];
  let headers: Readonly<Record<string, string>>;
  let answer: () => unknown;

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
    served = [];
    cancelled = [];
    headers = {};
    answer = () => 1;
    await bench.until(
      connection.serve(prices, {
        quote: ([symbol], context) => {
          served.push(symbol);
          headers = context.headers;
          context.signal.addEventListener('abort', () => cancelled.push(symbol));
          return answer() as number;
        },
        ticks: async function* ({ to }) {
          try {
            for (let item = 0; item < to; item += 1) yield item;
          } finally {
            cancelled.push('ticks');
          }
        },
        audit: ({ event }) => served.push(event),
      }),
    );
  });
  afterEach(() => bench.close());

  const client = (middleware: readonly ClientMiddleware[], options: ClientOptions = {}) =>
    connection.client(prices, { ...options, middleware });

  it('should get options as its caller gave them, checked behind the last middleware', async () => {
    const text: ClientMiddleware = (call, next) =>
      next({ ...call, options: { ...call.options, headers: { n: String(call.options.headers?.n) } } });
    const given = { headers: { n: 5 as never } };
    expect(await bench.until(client([text]).call('quote', ['A'], given))).to.equal(1);
    expect(headers).to.deep.equal({ n: '5' });
    const error = await bench.until(failureOf(client([]).call('quote', ['A'], given)));
    expect(error.message).to.equal('headers.n: expected a string, got a value of type number');
  });

  it('should see every road, with what its caller gave', async () => {
    const seen: unknown[] = [];
    const see: ClientMiddleware = ({ service, method, kind, params, options }, next) => {
      seen.push([service, method, kind, params, options]);
      return next({ service, method, kind, params, options });
    };
    const it = client([see]);
    expect(await bench.until(it.call('quote', ['A'], { key: 'k' }))).to.equal(1);
    expect(await bench.until(it.notify('audit', { event: 'e' }))).to.equal(undefined);
    const batch = bench.until(
      it.batch([
        ['quote', ['B']],
        ['audit', { event: 'f' }],
      ]),
    );
    expect((await batch).every(({ _tag }) => _tag === 'Right')).to.equal(true);
    expect(isRight(await bench.until(it.callTaskEither('quote', ['C'])()))).to.equal(true);
    const [quote, ticks] = [watch(it.call$('quote', ['D'])), watch(it.call$('ticks', { to: 2 }))];
    await bench.advance(20);
    expect([quote.events, ticks.events]).to.deep.equal([
      [1, 'completed'],
      [0, 1, 'completed'],
    ]);
    expect(seen).to.deep.equal([
      ['prices', 'quote', 'request', ['A'], { key: 'k' }],
      ['prices', 'audit', 'notification', { event: 'e' }, {}],
      ['prices', 'quote', 'request', ['B'], {}],
      ['prices', 'audit', 'notification', { event: 'f' }, {}],
      ['prices', 'quote', 'request', ['C'], {}],
      ['prices', 'quote', 'request', ['D'], {}],
      ['prices', 'ticks', 'stream', { to: 2 }, {}],
    ]);
    expect(served).to.have.members(['A', 'B', 'C', 'D', 'e', 'f']);
  });

  it('should serve a client without a contract: a call is a request, a call$ a stream', async () => {
    const kinds: string[] = [];
    const it = connection.client('prices', {
      middleware: [
        (call, next) => {
          kinds.push(call.kind);
          return next(call);
        },
      ],
    });
    expect(await bench.until(it.call('quote', ['A']))).to.equal(1);
    const ticks = watch(it.call$('ticks', { to: 2 }));
    await bench.until(it.notify('audit', { event: 'e' }));
    await bench.advance(20);
    expect(ticks.events).to.deep.equal([0, 1, 'completed']);
    expect(kinds).to.deep.equal(['request', 'stream', 'notification']);
  });

  it('should pass the outermost first, and come back the other way', async () => {
    const order: string[] = [];
    const link =
      (name: string): ClientMiddleware =>
      (call, next) => {
        order.push(`${name} in`);
        return next(call).pipe(tap(() => order.push(`${name} out`)));
      };
    await bench.until(client([link('a'), link('b')]).call('quote', ['A']));
    expect(order).to.deep.equal(['a in', 'b in', 'b out', 'a out']);
  });

  it('should still make one record of the calls of one turn', async () => {
    const it = client([(call, next) => next(call)]);
    await bench.until(it.call('quote', ['warm']));
    const before = bench.broker.records('prices.requests').length;
    await bench.until(
      it.batch([
        ['quote', ['A']],
        ['quote', ['B']],
        ['quote', ['C']],
      ]),
    );
    expect(bench.broker.records('prices.requests').length - before).to.equal(1);
  });

  it('should let it change params, options and the outcome', async () => {
    const it = client([
      (call, next) =>
        next({
          ...call,
          params: ['B'],
          options: { ...call.options, headers: { ...call.options.headers, token: 'x' } },
        }).pipe(
          map((price) => (price as number) * 2),
          catchError((error) => throwError(() => new RpcError(7, told(error)))),
        ),
    ]);
    expect(await bench.until(it.call('quote', ['A'], { headers: { a: 'b' } }))).to.equal(2);
    expect([served, headers]).to.deep.equal([['B'], { a: 'b', token: 'x' }]);
    answer = () => {
      throw new RpcError(1404);
    };
    const { code, message } = await bench.until(failureOf(it.call('quote', ['A'])));
    expect([code, message]).to.deep.equal([7, 'RpcError 1404']);
  });

  it('should check the params that it sends, and the result before it has it', async () => {
    const wrong = client([(call, next) => next({ ...call, params: [5] })]);
    expect(await bench.until(ending(wrong.call('quote', ['A'])))).to.equal('NotSent invalid params');
    const seen: unknown[] = [];
    const broken = connection.client(
      service('prices', { quote: request({ params: t.tuple([t.string]), result: t.string }) }),
      {
        middleware: [
          (call, next) =>
            next(call).pipe(tap({ next: (it) => seen.push(it), error: (it) => seen.push(told(it)) })),
        ],
      },
    );
    expect(await bench.until(ending(broken.call('quote', ['A'])))).to.equal('RpcError -32603');
    expect(seen).to.deep.equal(['RpcError -32603']);
  });

  it('should refuse what the contract has not, as without it', async () => {
    const it = client([(call, next) => next(call)]) as any;
    const unknown: unknown[] = [];
    for (const wrong of [
      () => it.call('ticks', { to: 1 }),
      () => it.call('none'),
      () => it.notify('quote', ['A']),
    ])
      unknown.push(await bench.until(ending(wrong())));
    expect(unknown).to.deep.equal(Array(3).fill('NotSent unknown method'));
    expect(watch(it.call$('audit', { event: 'e' })).events).to.deep.equal(['NotSent unknown method']);
  });

  it('should make what is thrown the end of the call', async () => {
    const failing = client([
      () => {
        throw new RpcError(3, 'no');
      },
    ]);
    expect(await ending(failing.call('quote', ['A']))).to.equal('RpcError 3');
    expect(await ending(failing.notify('audit', { event: 'e' }))).to.equal('RpcError 3');
    expect(watch(failing.call$('ticks', { to: 1 })).events).to.deep.equal(['RpcError 3']);
    const [either] = await failing.batch([['quote', ['A']]]);
    expect(either).to.have.nested.property('left.code', 3);
    const nothing = client([() => undefined as unknown as Observable<unknown>]);
    expect(await ending(nothing.call('quote', ['A']))).to.contain('untagged: ');
  });

  it('should resolve with the last item, with undefined where there is none', async () => {
    expect(await client([() => of(1, 2, 3)]).call('quote', ['A'])).to.equal(3);
    expect(await client([() => of()]).call('quote', ['A'])).to.equal(undefined);
    expect(served).to.deep.equal([]);
  });

  it('should make a whole new call for each subscription of next', async () => {
    answer = () => {
      if (served.length < 3) throw new RpcError(5);
      return 42;
    };
    expect(
      await bench.until(client([(call, next) => next(call).pipe(retry(2))]).call('quote', ['A'])),
    ).to.equal(42);
    const ids = bench.broker.records('prices.requests').map(({ value }) => JSON.parse(String(value)).id);
    expect([served.length, new Set(ids).size]).to.deep.equal([3, 3]);
  });

  it('should make one call for each subscription of call$', async () => {
    let passed = 0;
    const quote$ = client([(call, next) => next(call).pipe(tap(() => (passed += 1)))]).call$('quote', ['A']);
    const [one, two] = [watch(quote$), watch(quote$)];
    await bench.advance(20);
    expect([one.events, two.events, passed, served.length]).to.deep.equal([
      [1, 'completed'],
      [1, 'completed'],
      2,
      2,
    ]);
  });

  describe('cancellation', () => {
    const through = (call: ClientCall, next: Parameters<ClientMiddleware>[1]) => next(call).pipe(delay(0));

    it('should reach the handler when the caller unsubscribes', async () => {
      answer = () => new Promise(() => {});
      const quote = watch(client([(call, next) => next(call)]).call$('quote', ['A']));
      await bench.advance(20);
      quote.subscription.unsubscribe();
      await bench.advance(20);
      expect([served, cancelled]).to.deep.equal([['A'], ['A']]);
    });

    it('should reach the handler when the signal aborts, and say what is known', async () => {
      answer = () => new Promise(() => {});
      const controller = new AbortController();
      const end = ending(client([through]).call('quote', ['A'], { signal: controller.signal }));
      await bench.advance(20);
      controller.abort();
      expect(await bench.until(end)).to.equal('Unknown aborted');
      await bench.advance(20);
      expect(cancelled).to.deep.equal(['A']);
    });

    it('should end what a middleware holds', async () => {
      for (const held of [
        () => NEVER,
        (call, next) => timer(1e6).pipe(concatMap(() => next(call))),
      ] as ClientMiddleware[]) {
        const controller = new AbortController();
        const end = ending(client([held]).call('quote', ['A'], { signal: controller.signal }));
        controller.abort();
        expect(await end).to.equal('NotSent aborted');
      }
      expect(served).to.deep.equal([]);
    });

    it('should not say that nothing was sent where a call was made before', async () => {
      const controller = new AbortController();
      const held: ClientMiddleware = (call, next) => next(call).pipe(concatMap(() => NEVER));
      const end = ending(client([held]).call('quote', ['A'], { signal: controller.signal }));
      await bench.advance(20);
      controller.abort();
      expect(await end).to.equal('Unknown aborted');
      expect(served).to.deep.equal(['A']);
    });

    it('should be no end at all after an unsubscribe of what is held', async () => {
      const quote = watch(client([() => NEVER]).call$('quote', ['A']));
      quote.subscription.unsubscribe();
      await bench.advance(20_000);
      expect([quote.events, bench.clock.pending]).to.deep.equal([[], 0]);
    });
  });

  describe('what a middleware holds', () => {
    const told = async (held: ClientMiddleware, options: ClientOptions = {}) => {
      const begin = bench.clock.now();
      const end = await bench.until(
        ending(client([held], { timeout: 300, ...options }).call('quote', ['A'])),
      );
      return [end, bench.clock.now() - begin];
    };

    it('should end at its timeout, as not sent where there was no call, else as unknown', async () => {
      expect(await told(() => NEVER)).to.deep.equal(['NotSent timeout', 300]);
      const [end, ms] = await told((call, next) => next(call).pipe(concatMap(() => NEVER)));
      expect(end).to.equal('Unknown timeout');
      expect(ms).to.be.within(301, 320);
    });

    it('should not count while a call is under way: a longer timeout of its own holds', async () => {
      answer = () => new Promise(() => {});
      expect(await told((call, next) => next({ ...call, options: { timeout: 700 } }))).to.deep.equal([
        'Unknown timeout',
        700,
      ]);
      let tries = 0;
      const again = await told((call, next) => {
        tries += 1;
        return next(call).pipe(retry(2));
      });
      expect([again, tries]).to.deep.equal([['Unknown timeout', 900], 1]);
    });

    it('should let a stream be silent once it has emitted', async () => {
      const held = watch(client([() => concat(of(1), NEVER)], { timeout: 300 }).call$('ticks', { to: 1 }));
      const silent = watch(client([() => NEVER], { timeout: 300 }).call$('ticks', { to: 1 }));
      await bench.advance(1_000);
      held.subscription.unsubscribe();
      expect([held.events, silent.events]).to.deep.equal([[1], ['NotSent timeout']]);
    });

    it('should end with its connection', async () => {
      const caller = await bench.connect();
      const end = ending(caller.client(prices, { middleware: [() => NEVER] }).call('quote', ['A']));
      await bench.until(caller.close());
      expect(await end).to.equal('NotSent closed');
      const after = caller.client(prices, { middleware: [() => NEVER] });
      expect(await ending(after.call('quote', ['A']))).to.equal('NotSent closed');
    });

    it('should reject, not throw, where a signal is none', async () => {
      const it = client([(call, next) => next(call)]);
      const signal = 'stop' as any;
      const task = it.callTaskEither('quote', ['A'], { signal });
      for (const ended of [
        () => ending(it.call('quote', ['A'], { signal })),
        () => task().then(({ left }: any) => `untagged: ${left.message}`),
      ])
        expect(await ended()).to.equal('untagged: signal: expected an AbortSignal, got "stop"');
    });

    it('should leave alone what was aborted before', async () => {
      let passed = 0;
      const it = client([
        (call, next) => {
          passed += 1;
          return next(call);
        },
      ]);
      expect(await ending(it.call('quote', ['A'], { signal: AbortSignal.abort() }))).to.equal(
        'NotSent aborted',
      );
      expect(passed).to.equal(0);
    });

    it('should end a stream in the middle, with the credit as without it', async () => {
      const ticks = watch(client([(call, next) => next(call)], { window: 4 }).call$('ticks', { to: 1_000 }));
      const items: unknown[] = [];
      ticks.subscription.add(() => items.push(...ticks.events));
      await bench.advance(6);
      ticks.subscription.unsubscribe();
      await bench.advance(100);
      expect(cancelled).to.deep.equal(['ticks']);
      expect(items).to.deep.equal(items.map((_, index) => index));
      expect(items.length).to.be.within(1, 100);
    });
  });

  describe('in a few lines', () => {
    it('should be a cache', async () => {
      const known = new Map<string, unknown>();
      const cache: ClientMiddleware = (call, next) => {
        const key = JSON.stringify([call.method, call.params]);
        return known.has(key) ? of(known.get(key)) : next(call).pipe(tap((it) => known.set(key, it)));
      };
      const it = client([only(['quote'], cache)]);
      for (const symbol of ['A', 'A', 'B', 'A'])
        expect(await bench.until(it.call('quote', [symbol]))).to.equal(1);
      expect(served).to.deep.equal(['A', 'B']);
    });

    it('should be a circuit breaker', async () => {
      let failures = 0;
      const breaker: ClientMiddleware = (call, next) =>
        failures >= 2
          ? throwError(() => new NotSentError('refused', `${call.method}: the circuit is open`))
          : next(call).pipe(tap({ complete: () => (failures = 0), error: () => (failures += 1) }));
      answer = () => {
        throw new RpcError(-32000);
      };
      const it = client([breaker]);
      const ends: unknown[] = [];
      for (let i = 0; i < 4; i += 1) ends.push(await bench.until(ending(it.call('quote', ['A']))));
      expect(ends).to.deep.equal([
        'RpcError -32000',
        'RpcError -32000',
        'NotSent refused',
        'NotSent refused',
      ]);
      expect(served.length).to.equal(2);
    });
  });

  describe('policies', () => {
    it('should give a call its timeout where it has none of its own', async () => {
      answer = () => new Promise(() => {});
      const it = client([withTimeout(100)]);
      const ends = [it.call('quote', ['A']), it.call('quote', ['B'], { timeout: 50 })].map(async (call) => {
        const begin = bench.clock.now();
        return [await ending(call), bench.clock.now() - begin];
      });
      expect(await bench.until(Promise.all(ends))).to.deep.equal([
        ['Unknown timeout', 100],
        ['Unknown timeout', 50],
      ]);
    });

    it('should have a call tried again under one id, for the methods that are named', async () => {
      answer = () => {
        throw new RpcError(-32002);
      };
      const retried = withRetry({ attempts: 3, backoff: 1 });
      await bench.until(ending(client([only(['quote'], retried)]).call('quote', ['A'])));
      expect(served.length).to.equal(3);
      await bench.until(ending(client([only(['ticks'], retried)]).call('quote', ['B'])));
      await bench.until(ending(client([retried]).call('quote', ['C'], { retry: { attempts: 1 } })));
      expect(served.slice(3)).to.deep.equal(['B', 'C']);
    });

    it('should have requests hedged, but those that say something else of themselves', async () => {
      answer = () => new Promise(() => {});
      const hedging = withHedging({ delay: 20 });
      const it = client([hedging, only(['ticks'], withRetry())], { timeout: 100 });
      const sent = () =>
        bench.broker.records('prices.requests').filter(({ value }) => String(value).includes('quote')).length;
      await bench.until(ending(it.call('quote', ['A'])));
      expect(sent()).to.equal(2);
      for (const options of [{ key: 'k' }, { retry: {} }])
        await bench.until(ending(it.call('quote', ['B'], options)));
      await bench.until(it.notify('audit', { event: 'e' }));
      expect(sent()).to.equal(4);
      expect(() => withHedging({ delay: 0 })).to.throw(TypeError, 'hedge.delay');
    });

    it('should check their options where they are made', () => {
      expect(() => withTimeout(0)).to.throw(TypeError, 'timeout');
      expect(() => withRetry({ attempts: 0 })).to.throw(TypeError, 'retry.attempts');
      expect(() => only('quote' as never, (it, next) => next(it))).to.throw(
        TypeError,
        'methods: expected an array',
      );
      expect(() => only(['quote'], 5 as never)).to.throw(TypeError, 'middleware: expected a function');
    });
  });

  it('should be a list of functions', () => {
    expect(() => client([5 as never])).to.throw(TypeError, 'middleware[0]: expected a function, got number');
    expect(() => client({} as never)).to.throw(TypeError, 'middleware: expected an array');
  });
});
