/** Which methods can be called, and how what a handler gives becomes the answer. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { concat, config, EMPTY, NEVER, Observable, of, throwError } from 'rxjs';
import type { Connection } from '../../src/connection.js';
import { notification, request, service, stream } from '../../src/contract.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import type { CallContext } from '../../src/rpc/dispatch.js';
import { Bench, ending, failureOf, Gate, watch } from './harness.js';

/** As a computed name: a literal one reads as a mistake. */
const THEN = 'then';

describe('dispatch', () => {
  let bench: Bench;
  let server: Connection;
  let caller: Connection;
  beforeEach(async () => {
    bench = new Bench();
    server = await bench.connect();
    caller = await bench.connect();
  });
  afterEach(() => bench.close());

  const serve = (target: object) => bench.until(server.serve('s', target));
  const call = (method: string, params?: any) =>
    bench.until(ending(caller.client('s', { timeout: 1_000 }).call(method, params)));

  describe('who can be called', () => {
    it('should call the functions of a plain object with its params as arguments', async () => {
      await serve({
        add: (a: number, b: number) => a + b,
        named: (params: unknown) => params,
        none: () => 'x',
      });
      expect(await call('add', [1, 2])).to.equal(3);
      expect(await call('named', { a: 1 })).to.deep.equal({ a: 1 });
      expect(await call('none')).to.equal('x');
    });

    it('should call the functions of a module', async () => {
      await serve(await import('node:path/posix'));
      expect(await call('basename', ['/a/b'])).to.equal('b');
    });

    it('should call the methods of a class, its parents included, on its instance', async () => {
      class Base {
        protected readonly base = 10;
        inherited() {
          return this.base;
        }
        overridden() {
          return 'base';
        }
      }
      class Calculator extends Base {
        readonly #secret = 5;
        value = 1;
        readonly arrow = () => this.value;
        add(a: number) {
          return this.#secret + a;
        }
        override overridden() {
          return 'derived';
        }
        get accessor(): () => string {
          throw new Error('read');
        }
        _private() {
          return 'private';
        }
        static fixed() {
          return 'static';
        }
      }
      await serve(new Calculator());
      expect(await call('add', [2])).to.equal(7);
      expect(await call('inherited')).to.equal(10);
      expect(await call('overridden')).to.equal('derived');
      expect(await call('arrow')).to.equal(1);
      for (const name of ['_private', 'accessor', 'constructor', 'fixed', 'value', '#secret']) {
        expect(await call(name), name).to.equal('RpcError -32601');
      }
    });

    it('should call no name that only objects have, private ones or reserved ones', async () => {
      await serve({ a: () => 1, _private: () => 1, 'rpc.own': () => 1, value: 5 });
      const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf', '_private'];
      for (const name of [...names, 'rpc.own', 'rpc.other', '', 'value', '$/x', 'A']) {
        expect(await call(name), name).to.equal('RpcError -32601');
      }
    });

    it('should call own functions of an object with such names and no others', async () => {
      const map = Object.create(null);
      map.toString = () => 'mine';
      await serve(map);
      expect(await call('toString')).to.equal('mine');
      expect(await call('valueOf')).to.equal('RpcError -32601');
    });

    it('should name the method that is not there', async () => {
      await serve({ a: () => 1 });
      const error = await bench.until(failureOf(caller.client('s').call('b')));
      expect([error.code, error.message, error.data]).to.deep.equal([
        -32601,
        'Method not found',
        's has no method "b"',
      ]);
    });

    it('should refuse to serve nothing, and handlers that are not the contract', async () => {
      const contract = service('s', { a: request({ result: t.string }) });
      const refusal = (target: object) => bench.until(failureOf(server.serve(contract, target as any)));
      expect(String(await bench.until(failureOf(server.serve('s', {}))))).to.match(/nothing to serve/);
      expect(String(await refusal({}))).to.match(/handlers\.a: expected a function, got undefined/);
      expect(String(await refusal({ a: () => '', b: () => '' }))).to.match(/handlers\.b: .*no such method/);
    });

    it('should not take what every object has for the handler of a contract', async () => {
      const contract = service('s', { toString: request({ result: t.string }) });
      expect(String(await bench.until(failureOf(server.serve(contract, {} as any))))).to.match(
        /handlers\.toString/,
      );
    });
  });

  describe('what a handler gives', () => {
    it('should answer with a value, a Promise or an Observable', async () => {
      await serve({
        value: () => ({ a: [1] }),
        promise: async () => 'later',
        thenable: () => ({ [THEN]: (done: (value: string) => void) => done('then') }),
        observable: () => of(1, 2, 3),
        empty: () => EMPTY,
        promised: async () => of('x'),
        async *generator() {
          yield 1;
          yield 2;
        },
        iterable: () => [1, 2],
      });
      expect(await call('value')).to.deep.equal({ a: [1] });
      expect(await call('promise')).to.equal('later');
      expect(await call('thenable')).to.equal('then');
      expect(await call('observable')).to.deep.equal([1, 2, 3]);
      expect(await call('empty')).to.deep.equal([]);
      expect(await call('promised')).to.deep.equal(['x']);
      expect(await call('generator')).to.deep.equal([1, 2]);
      expect(await call('iterable')).to.deep.equal([1, 2]);
    });

    it('should answer what has no value in JSON with null', async () => {
      await serve({
        nothing: () => undefined,
        promise: async () => {},
        nan: () => Number.NaN,
        nil: () => null,
      });
      for (const name of ['nothing', 'promise', 'nan', 'nil']) expect(await call(name), name).to.equal(null);
    });

    it('should answer a result that can not be encoded with an error', async () => {
      const circular: { self?: unknown } = {};
      circular.self = circular;
      const wrong: Record<string, unknown> = {
        circular,
        bigint: 5n,
        nested: { a: [5n] },
        function: () => 1,
        symbol: Symbol('x'),
        toJSON: { toJSON: () => undefined },
        throwing: {
          get a() {
            throw new Error('secret');
          },
        },
      };
      await serve({
        ...Object.fromEntries(Object.entries(wrong).map(([name, value]) => [name, () => value])),
        ...Object.fromEntries(
          Object.entries(wrong).map(([name, value]) => [`${name}Later`, async () => value]),
        ),
        items: () => of(1, 5n),
        data: () => {
          throw new RpcError(7, 'x', { data: 5n });
        },
        fine: () => 'fine',
      });
      for (const name of Object.keys(wrong)) {
        expect(await call(name), name).to.equal('RpcError -32603');
        expect(await call(`${name}Later`), `${name} later`).to.equal('RpcError -32603');
      }
      expect(await call('items')).to.equal('RpcError -32603');
      expect(await call('data')).to.equal('RpcError -32603');
      expect(await call('fine')).to.equal('fine');
    });

    it('should answer with an error where a result throws when it is looked at', async () => {
      const odd = Object.defineProperty({}, THEN, {
        get() {
          throw new Error('secret');
        },
      });
      const running = await bench.until(server.serve('s', { odd: () => odd }));
      const outcome = call('odd');
      expect(await outcome.catch((error) => `thrown at the broker: ${error}`)).to.equal('RpcError -32603');
      expect(running.load.running).to.equal(0);
    });

    it('should answer a result larger than a record with an error', async () => {
      await serve({ large: () => 'x'.repeat(2_000_000), later: async () => 'x'.repeat(2_000_000) });
      const error = await bench.until(failureOf(caller.client('s', { timeout: 1_000 }).call('large')));
      expect([error.code, error.data]).to.deep.equal([-32603, 'the answer was not delivered: too large']);
      expect(await call('later')).to.equal('RpcError -32603');
    });

    it('should let nothing of a plain error cross, and tell the server', async () => {
      const secret = () => new TypeError('password 1234');
      await serve({
        thrown: () => {
          throw secret();
        },
        rejected: async () => {
          throw secret();
        },
        errored: () => throwError(secret),
        odd: () => {
          throw 'password 1234';
        },
        nothing: () => {
          throw undefined;
        },
      });
      for (const name of ['thrown', 'rejected', 'errored', 'odd', 'nothing']) {
        const error = await bench.until(failureOf(caller.client('s').call(name)));
        expect([error.code, error.message, error.data], name).to.deep.equal([
          -32603,
          'Internal error',
          undefined,
        ]);
      }
      const sent = bench.broker.records('callstream.inbox').map(({ value }) => String(value));
      expect(sent.filter((text) => /password|TypeError|stack/.test(text))).to.deep.equal([]);
      expect(bench.issues.map(({ kind }) => kind)).to.deep.equal(Array(5).fill('handler'));
      expect(bench.issues[0]?.message).to.equal('s.thrown threw TypeError: password 1234');
    });

    it('should let an RpcError cross with its code, message and data, and without its cause', async () => {
      const error = () => new RpcError(1404, 'No such symbol', { data: { symbol: 'X' }, cause: 'secret' });
      await serve({
        thrown: () => {
          throw error();
        },
        rejected: () => Promise.reject(error()),
        errored: () => throwError(error),
      });
      for (const name of ['thrown', 'rejected', 'errored']) {
        const failed = await bench.until(failureOf(caller.client('s').call(name)));
        expect(failed).to.be.instanceOf(RpcError);
        expect([failed.code, failed.message, failed.data, failed.cause], name).to.deep.equal([
          1404,
          'No such symbol',
          { symbol: 'X' },
          undefined,
        ]);
      }
      expect(bench.issues).to.deep.equal([]);
    });

    it('should collect no more items than the bound for a caller without credit', async () => {
      const running = await bench.until(
        server.serve(
          's',
          { many: () => new Observable<number>((to) => to.next(1)), four: () => of(1, 2, 3, 4) },
          { maxCollected: 3 },
        ),
      );
      expect(await call('four')).to.equal('RpcError -32000');
      expect(await call('many')).to.equal('Unknown timeout');
      await bench.advance(10);
      expect(running.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
    });

    it('should answer also where it throws what has no text', async () => {
      const nothing = () => Object.create(null);
      await serve({
        now: () => {
          throw nothing();
        },
        later: () => Promise.reject(nothing()),
        items: () => throwError(nothing),
      });
      for (const method of ['now', 'later', 'items']) expect(await call(method)).to.equal('RpcError -32603');
      const seen = watch(caller.client('s').call$('items'));
      await bench.advance(20);
      expect(seen.events).to.deep.equal(['RpcError -32603']);
      expect(bench.issues.map(({ message }) => message.slice(0, 20))).to.include('s.now threw {}');
    });

    it('should answer where whoever is told of issues throws, and let the next have its turn', async () => {
      const careless = await bench.connect({
        onIssue: () => {
          throw new Error('not told');
        },
      });
      const fail = () => {
        throw new Error('five');
      };
      await bench.until(careless.serve('c', { now: fail, later: async () => fail() }, { concurrency: 1 }));
      const client = caller.client('c', { timeout: 1_000 });
      const all = Promise.all(['later', 'now', 'later', 'now'].map((method) => ending(client.call(method))));
      expect(await bench.until(all)).to.deep.equal(Array(4).fill('RpcError -32603'));
    });

    it('should give its turn back where its teardown throws, and fail nobody else', async () => {
      const hold = () =>
        new Observable<number>((to) => {
          to.next(1);
          return () => {
            throw new Error('torn');
          };
        });
      const server = await bench.until(
        caller.serve('h', { hold, now: () => 'now' }, { concurrency: 1, requests: { partitions: 1 } }),
      );
      const client = caller.client('h', { timeout: 1_000 });
      const cancelled = client.call$('hold', [], { window: 1 }).subscribe();
      const expired = ending(client.call('hold', [], { timeout: 200 }));
      await bench.advance(100);
      cancelled.unsubscribe();
      const now = ending(client.call('now'));
      expect(await bench.until(expired)).to.equal('Unknown timeout');
      expect(await bench.until(now)).to.equal('now');
      const left = ending(client.call('hold'));
      await bench.advance(20);
      await bench.until(server.close({ drain: 20 }));
      expect([await bench.until(left), server.load]).to.deep.equal([
        'Unknown timeout',
        { running: 0, queued: 0, streams: 0 },
      ]);
      expect(bench.issues.filter(({ message }) => /torn/.test(message)).length).to.equal(2);
    });
  });

  describe('with a contract', () => {
    const When = new t.Type<Date, string, unknown>(
      'When',
      (value): value is Date => value instanceof Date,
      (value, context) =>
        typeof value === 'string' ? t.success(new Date(value)) : t.failure(value, context),
      (date) => date.toISOString(),
    );
    const contract = service('s', {
      add: request({ params: t.tuple([t.number, t.number]), result: t.number }),
      when: request({ params: t.type({ at: When }), result: When }),
      last: request({ result: t.number }),
      nothing: request({ result: t.void }),
      wrong: request({ result: t.number }),
      items: stream({ params: t.type({ n: t.number }), item: When }),
      audit: notification({ params: t.type({ event: t.string }) }),
      context: request({ result: t.unknown }),
    });
    const audited: string[] = [];
    let seenContext: CallContext | undefined;
    let result: () => any = () => 1;
    let items: () => any = () => EMPTY;
    const handlers = {
      add: ([a, b]: [number, number]) => a + b,
      when: ({ at }: { at: Date }) => new Date(at.getTime() + 1),
      last: () => of(1, 2, 3),
      nothing: () => undefined,
      wrong: () => result(),
      items: () => items(),
      audit: ({ event }: { event: string }) => audited.push(event),
      context: (_: undefined, context: CallContext) => {
        seenContext = context;
        return null;
      },
    };
    beforeEach(() => {
      audited.length = 0;
      bench.issues.length = 0;
      return bench.until(server.serve(contract, handlers));
    });
    const client = () => caller.client(contract, { timeout: 1_000 });

    it('should decode params and encode results on both sides', async () => {
      expect(await bench.until(client().call('add', [1, 2]))).to.equal(3);
      const at = await bench.until(client().call('when', { at: new Date(5) }));
      expect(at).to.deep.equal(new Date(6));
    });

    it("should answer with the last item of a request's Observable", async () => {
      expect(await bench.until(client().call('last'))).to.equal(3);
    });

    it('should answer nothing where the contract has nothing', async () => {
      expect(await bench.until(ending(client().call('nothing')))).to.equal(undefined);
    });

    it('should refuse the params of others with the path of what is wrong', async () => {
      const error = await bench.until(failureOf(caller.client('s').call('add', [1, 'x'])));
      expect([error.code, error.message]).to.deep.equal([-32602, 'Invalid params']);
      expect(error.data).to.deep.equal([{ path: 'params[1]', expected: 'number', actual: '"x"' }]);
      expect(await call('add')).to.equal('RpcError -32602');
      expect(await call('last', [1])).to.equal('RpcError -32602');
    });

    it('should answer a result that breaks the contract with an error, and tell the server what is wrong', async () => {
      for (const value of [() => 'text', async () => 'text', () => of('text')]) {
        result = value;
        bench.issues.length = 0;
        const error = await bench.until(failureOf(client().call('wrong')));
        expect([error.code, error.message, error.data]).to.deep.equal([-32603, 'Internal error', undefined]);
        expect(bench.issues.map(({ kind }) => kind)).to.deep.equal(['handler']);
        expect(`${bench.issues[0]?.message} ${bench.issues[0]?.cause}`).to.match(/wrong.*expected number/s);
      }
    });

    it('should answer with an error where the encoder of the contract throws', async () => {
      const bad = service('bad', { at: request({ result: When }), later: request({ result: When }) });
      const invalid = new Date(Number.NaN);
      const running = await bench.until(server.serve(bad, { at: () => invalid, later: async () => invalid }));
      const other = caller.client(bad, { timeout: 500 });
      const unhandled: unknown[] = [];
      const listeners = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection');
      process.on('unhandledRejection', (reason) => unhandled.push(reason));
      let endings: unknown;
      try {
        endings = [
          await bench.until(ending(other.call('later'))),
          await bench.until(ending(other.call('at'))).catch((error) => `thrown at the broker: ${error}`),
        ];
        await bench.advance(600);
      } finally {
        process.removeAllListeners('unhandledRejection');
        for (const listener of listeners) process.on('unhandledRejection', listener);
      }
      expect(unhandled).to.deep.equal([]);
      expect(endings).to.deep.equal(['RpcError -32603', 'RpcError -32603']);
      expect(running.load.running).to.equal(0);
    });

    it('should refuse own params that break the contract before anything is sent', async () => {
      const before = bench.broker.records('s.requests').length;
      for (const params of [[1, 'x'], undefined, 5, [1, 2n]] as any[]) {
        const error = await bench.until(failureOf(client().call('add', params)));
        expect([error._tag, error.reason, error.code]).to.deep.equal(['NotSent', 'invalid params', -32602]);
        expect(error.data[0].path).to.match(/^params/);
      }
      await bench.advance(100);
      expect(bench.broker.records('s.requests').length).to.equal(before);
    });

    it('should take notifications, also from peers that want an answer', async () => {
      await bench.until(client().notify('audit', { event: 'a' }));
      await bench.advance(10);
      expect(await call('audit', { event: 'b' })).to.equal(null);
      expect(audited).to.deep.equal(['a', 'b']);
    });

    it('should take any method as a notification and answer nothing', async () => {
      await bench.until(caller.client('s').notify('add', [1, 2]));
      await bench.until(caller.client('s').notify('add', ['x']));
      await bench.until(caller.client('s').notify('nobody'));
      await bench.advance(10);
      expect(bench.broker.records('callstream.inbox')).to.deep.equal([]);
    });

    it('should refuse a method that the contract has not, or of another kind', async () => {
      const any = client() as any;
      for (const [kind, name] of [
        ['call', 'none'],
        ['call', 'audit'],
        ['call', 'items'],
        ['notify', 'add'],
        ['call', 'toString'],
        ['call', 'constructor'],
      ] as const) {
        expect(await ending(any[kind](name)), `${kind} ${name}`).to.equal('NotSent unknown method');
      }
      expect(watch(any.call$('audit', { event: '' })).events).to.deep.equal(['NotSent unknown method']);
    });

    it('should end a stream with an error at an item that breaks the contract, and tell the server', async () => {
      items = () => of(new Date(1), 'text', new Date(2));
      const seen = watch(client().call$('items', { n: 1 }));
      await bench.advance(20);
      expect(seen.events).to.deep.equal([new Date(1), 'RpcError -32603']);
      expect(bench.issues.map(({ kind }) => kind)).to.deep.equal(['handler']);
    });

    it('should end a stream with an error where the encoder of the contract throws', async () => {
      const unhandled: unknown[] = [];
      config.onUnhandledError = (error) => unhandled.push(error);
      for (const source of [
        (gate: Gate<Date>) =>
          async function* () {
            yield new Date(1);
            yield await gate.promise;
          },
        (gate: Gate<Date>) => () => concat(of(new Date(1)), gate.promise),
      ]) {
        const gate = new Gate<Date>();
        items = source(gate);
        const seen = watch(client().call$('items', { n: 1 }));
        await bench.advance(20);
        gate.open(new Date(Number.NaN));
        await bench.advance(20);
        await new Promise((resolve) => setTimeout(resolve, 2));
        expect(seen.events).to.deep.equal([new Date(1), 'RpcError -32603']);
      }
      config.onUnhandledError = null;
      expect(unhandled).to.deep.equal([]);
    });

    it('should tell a handler about its call', async () => {
      const headers = { token: 'abc' };
      await bench.until(caller.client(contract, { timeout: 700, headers }).call('context'));
      expect([seenContext?.service, seenContext?.method, seenContext?.headers]).to.deep.equal([
        's',
        'context',
        headers,
      ]);
      expect((seenContext?.deadline ?? 0) - bench.clock.now()).to.be.within(690, 700);
      expect(seenContext?.signal.aborted).to.equal(false);
    });

    it('should give a call without a timeout no deadline', async () => {
      bench.broker.append({
        topic: 's.requests',
        partition: 0,
        value: Buffer.from('{"jsonrpc":"2.0","method":"context","id":1}'),
      });
      seenContext = undefined;
      await bench.advance(10);
      expect(seenContext).to.have.property('deadline', Number.POSITIVE_INFINITY);
    });

    it('should keep the turn of a handler until it is through', async () => {
      const busy = await bench.until(server.serve('busy', { wait: () => NEVER, gate: () => gate.promise }));
      const gate = new Gate();
      const calling = caller.client('busy', { timeout: 100 });
      const both = Promise.all([ending(calling.call('wait')), ending(calling.call('gate'))]);
      await bench.advance(50);
      expect(busy.load.running).to.equal(2);
      expect(await bench.until(both)).to.deep.equal(['Unknown timeout', 'Unknown timeout']);
      await bench.advance(10);
      expect(busy.load.running).to.equal(1);
      gate.open(1);
      await bench.advance(10);
      expect(busy.load.running).to.equal(0);
    });
  });
});
