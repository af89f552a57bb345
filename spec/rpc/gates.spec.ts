/** Methods with limits of their own, and the order of keys: who waits for whom, who doesn't, and what is let go. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Subject } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import type { ServeOptions } from '../../src/options.js';
import type { CallOptions } from '../../src/rpc/call-options.js';
import type { UntypedClient } from '../../src/rpc/client-api.js';
import { Bench, call, ending, failureOf, Gate, notice, RawPeer, watch } from './harness.js';

describe('gates', () => {
  let bench: Bench;
  let connection: Connection;
  let server: Server;
  let client: UntypedClient;
  let raw: RawPeer;
  let began: string[];
  let gates: Map<string, Gate>;
  let sources: Map<string, Subject<number>>;

  const wait = (name: string) => {
    began.push(name);
    const gate = new Gate();
    gates.set(name, gate);
    return gate.promise;
  };
  const handlers = {
    slow: wait,
    other: wait,
    now: (name: string) => {
      began.push(name);
      return name;
    },
    feed: (name: string) => {
      began.push(name);
      const source = new Subject<number>();
      sources.set(name, source);
      return source;
    },
  };
  const serve = async (options: ServeOptions<keyof typeof handlers>) => {
    server = await bench.until(connection.serve('s', handlers, { requests: { partitions: 1 }, ...options }));
    client = (await bench.connect()).client('s', { timeout: 60_000 });
    await bench.advance(20);
  };
  const make = async (method: string, names: readonly string[], options: CallOptions = {}) => {
    const calls = names.map((name) => ending(client.call(method, [name], options)));
    await bench.advance(10);
    return calls;
  };
  const finish = async (...names: string[]) => {
    for (const name of names) gates.get(name)?.open(`${name} done`);
    await bench.advance(10);
  };

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
    raw = new RawPeer(bench);
    began = [];
    gates = new Map();
    sources = new Map();
  });
  afterEach(async () => {
    for (const gate of gates.values()) gate.open('late');
    for (const source of sources.values()) source.complete();
    await bench.close();
    expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
  });

  describe('a limit of a method', () => {
    it('should let its calls wait in their own line, in order, and hold up no other method', async () => {
      await serve({ methods: { slow: { concurrency: 2 } } });
      await make('slow', ['a', 'b', 'c', 'd']);
      await make('other', ['x', 'y', 'z']);
      expect(began).to.deep.equal(['a', 'b', 'x', 'y', 'z']);
      expect(server.load).to.deep.equal({ running: 5, queued: 2, streams: 0 });
      await finish('b');
      expect(began.at(-1)).to.equal('c');
      await finish('a', 'c');
      expect(began.at(-1)).to.equal('d');
    });

    it('should refuse at once beyond its own bound, and take the calls of others', async () => {
      await serve({ methods: { slow: { concurrency: 1, maxQueued: 2 } } });
      const calls = await make('slow', ['a', 'b', 'c', 'd', 'e']);
      expect(await Promise.all(calls.slice(3))).to.deep.equal(['RpcError -32002', 'RpcError -32002']);
      expect(await bench.until(client.call('now', ['x']))).to.equal('x');
      expect(server.stats.overloaded).to.equal(2);
      await finish('a');
      await finish('b');
      await finish('c');
      expect(await Promise.all(calls.slice(0, 3))).to.deep.equal(['a done', 'b done', 'c done']);
      expect(began).to.deep.equal(['a', 'x', 'b', 'c']);
    });

    it("should stop reading at twice its bound for those that can't be refused, until its line is short", async () => {
      await serve({ methods: { slow: { concurrency: 1, maxQueued: 2 } } });
      for (let i = 0; i < 7; i += 1) raw.request('s', call(i, 'slow', [`${i}`]));
      raw.request('s', notice('now', ['behind']));
      await bench.advance(3_000);
      expect([began, server.load.queued]).to.deep.equal([['0'], 4]);
      for (let i = 0; i < 7; i += 1) {
        await finish(`${i}`);
        await bench.advance(2_000);
      }
      expect(began.filter((name) => name !== 'behind')).to.deep.equal(['0', '1', '2', '3', '4', '5', '6']);
      expect(began).to.include('behind');
    });

    it('should hold within the limit of the service, which both must leave room for', async () => {
      await serve({ concurrency: 2, methods: { slow: { concurrency: 2 } } });
      await make('other', ['x']);
      await make('slow', ['a', 'b', 'c']);
      expect(began).to.deep.equal(['x', 'a']);
      await make('other', ['y']);
      await finish('x');
      expect(began).to.deep.equal(['x', 'a', 'b']);
      await finish('a');
      expect(began).to.deep.equal(['x', 'a', 'b', 'y']);
      await finish('b');
      expect(began).to.deep.equal(['x', 'a', 'b', 'y', 'c']);
    });

    it('should give back the turn of a call that is cancelled, expired or thrown out, running or in line', async () => {
      await serve({ methods: { slow: { concurrency: 1 } } });
      await make('slow', ['a']);
      const controller = new AbortController();
      const cancelled = await make('slow', ['b'], { signal: controller.signal });
      const expired = await make('slow', ['c'], { timeout: 500 });
      await make('slow', ['d']);
      controller.abort();
      await bench.advance(600);
      expect(await Promise.all([...cancelled, ...expired])).to.deep.equal([
        'Unknown aborted',
        'Unknown timeout',
      ]);
      expect(server.load.queued).to.equal(1);
      gates.get('a')?.fail(new RpcError(5));
      await bench.advance(10);
      expect(began).to.deep.equal(['a', 'd']);
    });

    for (const early of [2, -2])
      it(`should ${early > 0 ? 'begin' : 'not begin'} a call whose turn comes ${Math.abs(early)} ms ${early > 0 ? 'before' : 'behind'} its deadline`, async () => {
        await serve({ orderBy: 'key', methods: { slow: { concurrency: 1 } } });
        await make('slow', ['a']);
        const begin = bench.clock.now();
        const ends = [
          ending(client.call('slow', ['b'], { timeout: 300 })),
          ending(client.call('slow', ['c'], { timeout: 300, key: 'k' })),
        ];
        await bench.advance(begin + 300 - early - bench.clock.now());
        gates.get('a')?.open('');
        await bench.advance(1);
        gates.get('b')?.open('');
        await bench.advance(20);
        expect(began).to.deep.equal(early > 0 ? ['a', 'b', 'c'] : ['a']);
        expect((await Promise.all(ends))[1]).to.equal('Unknown timeout');
        gates.get('c')?.open('');
        await bench.advance(20);
        expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
      });

    it('should count streams until they end', async () => {
      await serve({ methods: { feed: { concurrency: 1 } } });
      const first = watch(client.call$('feed', ['a']));
      const second = watch(client.call$('feed', ['b']));
      const third = watch(client.call$('feed', ['c']));
      await bench.advance(10);
      expect([began, server.load]).to.deep.equal([['a'], { running: 0, queued: 2, streams: 1 }]);
      sources.get('a')?.next(1);
      sources.get('a')?.complete();
      await bench.advance(10);
      expect([first.events, began]).to.deep.equal([
        [1, 'completed'],
        ['a', 'b'],
      ]);
      second.subscription.unsubscribe();
      await bench.advance(10);
      expect(began).to.deep.equal(['a', 'b', 'c']);
      third.subscription.unsubscribe();
      await bench.advance(10);
    });

    it('should serve ten thousand that end at once without deep recursion', async () => {
      await serve({
        concurrency: 1,
        orderBy: 'key',
        methods: { now: { concurrency: 1, maxQueued: 20_000 } },
      });
      await make('other', ['first']);
      const all = Array.from({ length: 10_000 }, (_, i) => client.call('now', [`${i}`], { key: `${i % 3}` }));
      await bench.advance(10);
      await finish('first');
      expect((await bench.until(Promise.all(all))).length).to.equal(10_000);
    });

    it('should leave what waits before the line to others at the end', async () => {
      await serve({ orderBy: 'key', methods: { slow: { concurrency: 1 } } });
      await make('slow', ['a', 'b'], { key: 'k' });
      await make('slow', ['c']);
      await bench.until(server.close({ drain: 100 }));
      await finish('a');
      expect(began).to.deep.equal(['a']);
      const again = await bench.connect();
      server = await bench.until(again.serve('s', handlers));
      await bench.advance(10);
      expect([...began.slice(1)].sort()).to.deep.equal(['a', 'b', 'c']);
    });
  });

  describe('the order of keys', () => {
    it('should run the calls of one key one after the other, whatever the method, and other keys beside them', async () => {
      await serve({ orderBy: 'key' });
      await make('slow', ['a1'], { key: 'a' });
      await make('other', ['a2'], { key: 'a' });
      await make('now', ['a3'], { key: 'a' });
      await make('slow', ['b1', 'b2'], { key: 'b' });
      await make('slow', ['free', 'free2']);
      expect(began).to.deep.equal(['a1', 'b1', 'free', 'free2']);
      await finish('a1');
      expect(began.slice(4)).to.deep.equal(['a2']);
      await finish('a2', 'b1');
      expect(began.slice(5)).to.deep.equal(['a3', 'b2']);
    });

    it('should be for some methods only where it is asked of them', async () => {
      await serve({ orderBy: 'key', methods: { other: { orderBy: 'none' } } });
      await make('slow', ['a', 'b'], { key: 'k' });
      await make('other', ['c'], { key: 'k' });
      expect(began).to.deep.equal(['a', 'c']);
      await bench.until(server.close({ drain: 0 }));
      began.length = 0;
      await serve({ methods: { other: { orderBy: 'key' } } });
      expect([...began].sort()).to.deep.equal(['a', 'b', 'c']);
    });

    it('should let a key go on behind calls that fail, expire, are cancelled in line, or are repeated', async () => {
      await serve({ orderBy: 'key' });
      const options = { key: 'k', retry: { attempts: 3, perTry: 100 } };
      await make('slow', ['a'], options);
      const controller = new AbortController();
      await make('slow', ['b'], { ...options, signal: controller.signal });
      await make('slow', ['c'], { ...options, timeout: 150 });
      const last = await make('slow', ['d'], options);
      controller.abort();
      await bench.advance(500);
      expect([began, server.stats.repeated > 0]).to.deep.equal([['a'], true]);
      gates.get('a')?.fail(new Error('no'));
      await bench.advance(10);
      expect(began).to.deep.equal(['a', 'd']);
      await finish('d');
      expect(await Promise.all(last)).to.deep.equal(['d done']);
    });

    it('should hold a key while a cancelled handler still runs', async () => {
      await serve({ orderBy: 'key' });
      await make('slow', ['a'], { key: 'k', timeout: 50 });
      await make('now', ['b'], { key: 'k' });
      await bench.advance(200);
      expect(began).to.deep.equal(['a']);
      await finish('a');
      expect(began).to.deep.equal(['a', 'b']);
    });

    it('should hold a key as long as its stream is open', async () => {
      await serve({ orderBy: 'key' });
      const stream = watch(client.call$('feed', ['a'], { key: 'k' }));
      await make('now', ['b'], { key: 'k' });
      sources.get('a')?.next(1);
      await bench.advance(10);
      expect([began, stream.events]).to.deep.equal([['a'], [1]]);
      sources.get('a')?.error(new RpcError(6));
      await bench.advance(10);
      expect([began, stream.events]).to.deep.equal([
        ['a', 'b'],
        [1, 'RpcError 6'],
      ]);
    });

    it('should refuse those that would wait, beyond the bound, and no others', async () => {
      await serve({ orderBy: 'key', maxQueued: 2 });
      const [, , , refused] = await make('slow', ['a', 'b', 'c', 'd'], { key: 'k' });
      expect(await refused).to.equal('RpcError -32002');
      await make('slow', ['x'], { key: 'other' });
      await make('slow', ['y']);
      expect(began).to.deep.equal(['a', 'x', 'y']);
    });

    it('should keep the order of each key, whatever is cancelled or finished in between', async () => {
      await serve({ orderBy: 'key', concurrency: 3, methods: { slow: { concurrency: 2 } } });
      const step = fc.record({
        does: fc.constantFrom('slow', 'other', 'finish', 'finish', 'cancel'),
        key: fc.constantFrom('a', 'b', 'c'),
        which: fc.nat(20),
      });
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          round += 1;
          began.length = 0;
          gates.clear();
          const made: { name: string; key: string; controller: AbortController }[] = [];
          const open = new Set<string>();
          const check = () => {
            for (const key of ['a', 'b', 'c']) {
              const own = began.filter((name) => name.startsWith(key));
              expect(own).to.deep.equal([...own].sort());
            }
            for (const name of began) if (gates.has(name)) open.add(name);
            for (const key of ['a', 'b', 'c'])
              expect([...open].filter((name) => name.startsWith(key)).length).to.be.at.most(1);
            expect(open.size).to.be.at.most(3);
          };
          const end = (name: string) => {
            gates.get(name)?.open('');
            gates.delete(name);
            open.delete(name);
          };
          for (const { does, key, which } of steps) {
            if (does === 'finish') end([...open][which % Math.max(1, open.size)] ?? '');
            else if (does === 'cancel') made[which % Math.max(1, made.length)]?.controller.abort();
            else {
              const name = `${key} ${round} ${String(made.length).padStart(3, '0')}`;
              const controller = new AbortController();
              made.push({ name, key, controller });
              void ending(client.call(does, [name], { key, signal: controller.signal }));
            }
            await bench.advance(2);
            check();
          }
          for (let i = 0; i < 40 && server.load.running + server.load.queued > 0; i += 1) {
            for (const name of open) end(name);
            await bench.advance(2);
            check();
          }
          expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
        }),
        { numRuns: 60 },
      );
    });
  });

  it('should refuse limits of what is no method, and what is no limit', async () => {
    await serve({});
    const told = async (options: object) =>
      (await failureOf(connection.serve('t', handlers, options))).message;
    expect(await told({ methods: { sloww: { concurrency: 1 } } })).to.equal(
      'methods.sloww: t has no such method, it has slow, other, now, feed',
    );
    expect(await told({ methods: { slow: { concurrency: 0 } } })).to.match(
      /^methods\.slow\.concurrency: expected an integer from 1/,
    );
    expect(await told({ methods: { slow: { maxQueued: 0.5 } } })).to.match(/^methods\.slow\.maxQueued: /);
    expect(await told({ orderBy: 'id' })).to.equal(`orderBy: expected 'key' or 'none', got "id"`);
    expect(await told({ methods: { slow: { orderBy: 1 } } })).to.match(/^methods\.slow\.orderBy: /);
  });
});
