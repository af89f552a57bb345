/** What a caller sees: call, call$, notify, batch, callTaskEither, and how each of them ends. */
import { expect } from 'chai';
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { from, Observable, of, Subject, take } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { notification, request, service, stream } from '../../src/contract.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import { KafkaError } from '../../src/kafka/port.js';
import type { CallContext } from '../../src/rpc/dispatch.js';
import { readEnvelope } from '../../src/rpc/envelope.js';
import { Bench, ending, failureOf, Gate, RawPeer, seen, told, watch } from './harness.js';
import { nothingBehindTheEnd } from './timeline.js';

const contract = service('s', {
  echo: request({ params: t.tuple([t.string]), result: t.string }),
  fail: request({ result: t.string }),
  slow: request({ result: t.string }),
  count: stream({ params: t.type({ to: t.number }), item: t.number }),
  feed: stream({ item: t.number }),
  wrong: stream({ item: t.number }),
  log: notification({ params: t.tuple([t.string]) }),
});

describe('client', () => {
  nothingBehindTheEnd();

  let bench: Bench;
  let connection: Connection;
  let caller: Connection;
  let server: Server;
  let logged: string[];
  let contexts: CallContext[];
  let slow: Gate<string>;
  let source: Subject<number>;
  let subscribed: number;
  let unsubscribed: number;

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
    caller = await bench.connect();
    logged = [];
    contexts = [];
    slow = new Gate();
    source = new Subject();
    subscribed = 0;
    unsubscribed = 0;
    server = await bench.until(
      connection.serve(contract, {
        echo: ([text]) => `${text}!`,
        fail: () => {
          throw new RpcError(5, 'five');
        },
        slow: (_, context) => {
          contexts.push(context);
          return slow.promise;
        },
        count: ({ to }) => from(Array.from({ length: to }, (_, index) => index)),
        feed: (_, context) => {
          contexts.push(context);
          return new Observable<number>((to) => {
            subscribed += 1;
            const inner = source.subscribe(to);
            return () => {
              unsubscribed += 1;
              inner.unsubscribe();
            };
          });
        },
        wrong: () => of('text' as any),
        log: ([text]) => {
          logged.push(text);
          throw new Error('nobody hears of it');
        },
      }),
    );
  });
  afterEach(async () => {
    slow.open('late');
    await bench.close();
    expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
  });

  const typed = (options = {}) => caller.client(contract, { timeout: 1_000, ...options });
  const untyped = () => caller.client('s', { timeout: 1_000 });
  const requests = () =>
    bench.broker
      .records('s.requests')
      .map(seen)
      .sort((a, b) => a.timestamp - b.timestamp);
  /** The first call looks for the topic; those after it leave at once. */
  const warm = () => bench.until(untyped().call('echo', ['warm']));
  const sent = () => requests().flatMap(({ value }) => value);

  describe('call', () => {
    it('should resolve with the result', async () => {
      expect(await bench.until(typed().call('echo', ['a']))).to.equal('a!');
      expect(await bench.until(untyped().call<string>('echo', ['b']))).to.equal('b!');
    });

    it("should reject with the server's error", async () => {
      const error = await bench.until(failureOf(typed().call('fail')));
      expect(error).to.be.instanceOf(RpcError);
      expect([error.code, error.message]).to.deep.equal([5, 'five']);
    });

    it('should send one record with its own timeout, headers and key, and with nothing that was not given', async () => {
      await bench.until(untyped().call('echo', ['a']));
      await bench.until(untyped().call('echo', ['a'], { timeout: 70, headers: { a: 'b' }, key: 'k' }));
      expect(sent().map(({ meta }) => meta)).to.deep.equal([
        { timeout: 998 },
        { timeout: 70, key: 'k', headers: { a: 'b' } },
      ]);
    });

    it("should take a client's options as defaults", async () => {
      const client = caller.client('s', { timeout: 70, headers: { a: 'b' }, key: 'k' });
      await bench.until(client.call('echo', ['a'], { timeout: 80 }));
      // Two milliseconds went by until the topic was known.
      expect(sent()[0].meta).to.deep.equal({ timeout: 78, key: 'k', headers: { a: 'b' } });
    });

    it('should refuse options that make no sense, and name them', async () => {
      expect(() => caller.client('s', { timeout: 0 })).to.throw(TypeError, /timeout.*from 1/);
      expect(() => caller.client('s', { window: 0 })).to.throw(TypeError, /window.*from 1/);
      for (const timeout of [0, -1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, '5' as any]) {
        expect(await ending(untyped().call('echo', ['a'], { timeout }))).to.match(/timeout: expected/);
      }
      expect(watch(untyped().call$('echo', ['a'], { window: 1.5 })).events[0]).to.match(/window: expected/);
      expect(() => caller.client('s', { retry: 5 as any })).to.throw(
        TypeError,
        'retry: expected options, as',
      );
      expect(() => caller.client('s', { key: 5 as any })).to.throw(
        TypeError,
        'key: expected a string, got 5',
      );
      for (const name of ['key', 'idempotencyKey']) {
        const given = ending(untyped().call('echo', ['a'], { [name]: 5 }));
        expect(await given).to.include(`${name}: expected a string, got 5`);
      }
      const headers = { 'x-a': 'a', 'x-b': 5 } as any;
      const refused = await ending(untyped().call('echo', ['a'], { headers }));
      expect(refused).to.include('headers.x-b: expected a string, got a value of type number');
      for (const headers of [new Map(), new Headers(), 'token', ['token']] as any[]) {
        const refused = await ending(untyped().call('echo', ['a'], { headers }));
        expect(refused).to.include('headers: expected an object with strings');
      }
      for (const [signal, shown] of [
        ['stop', '"stop"'],
        [new AbortController(), '{}'],
        [null, 'null'],
      ] as any[]) {
        const refused = await ending(untyped().call('echo', ['a'], { signal }));
        expect(refused).to.equal(`untagged: signal: expected an AbortSignal, got ${shown}`);
      }
      expect(caller.stats.pending).to.equal(0);
      expect(sent()).to.deep.equal([]);
      expect(() => caller.client('a b')).to.throw(TypeError, /service name/);
    });

    it('should refuse params that JSON-RPC has not', async () => {
      for (const params of [5, 'text', true, null] as any[]) {
        expect(await ending(untyped().call('echo', params))).to.equal('NotSent invalid params');
      }
      expect(sent()).to.deep.equal([]);
    });

    it('should refuse params that can not be encoded, and send what came with them', async () => {
      const circular: unknown[] = [];
      circular.push(circular);
      const all = [['a'], [5n], ['b'], circular, ['c']].map((params) =>
        ending(untyped().call('echo', params)),
      );
      expect(await bench.until(Promise.all(all))).to.deep.equal([
        'a!',
        'NotSent invalid params',
        'b!',
        'NotSent invalid params',
        'c!',
      ]);
    });

    it('should refuse params larger than a record as not sent', async () => {
      const all = ['x'.repeat(2_000_000), 'a'].map((text) => ending(untyped().call('echo', [text])));
      expect(await bench.until(Promise.all(all))).to.deep.equal(['NotSent too large', 'a!']);
    });

    it('should end with an error at a result that breaks the contract', async () => {
      const other = service('s', { echo: request({ params: t.tuple([t.string]), result: t.number }) });
      const error = await bench.until(failureOf(caller.client(other).call('echo', ['a'])));
      expect(told(error)).to.equal('RpcError -32603');
      expect(error.message).to.match(/s\.echo: invalid answer: result: expected number, got "a!"/);
    });
  });

  describe('the end of a call', () => {
    it('should be unknown at its timeout, not one millisecond earlier', async () => {
      const call = ending(typed().call('slow'));
      let ended: unknown;
      void call.then((outcome) => {
        ended = outcome;
      });
      const start = bench.clock.now();
      await bench.advance(999);
      expect(ended).to.equal(undefined);
      await bench.advance(1);
      expect([ended, bench.clock.now() - start]).to.deep.equal(['Unknown timeout', 1_000]);
    });

    it('should tell the id of its request where it is unknown, whatever ends it; a notification has none', async () => {
      await warm();
      const controller = new AbortController();
      const calls = [typed().call('slow'), typed().call('slow', undefined, { signal: controller.signal })];
      const errors = Promise.all(calls.map(failureOf));
      await bench.advance(10);
      controller.abort();
      const ids = (await bench.until(errors)).map(({ id }) => id);
      const requests = sent().filter(({ method }) => method === 'slow');
      expect(ids).to.deep.equal(requests.map(({ id }) => id));

      bench.broker.disconnect(bench.kafkaOf(caller));
      const lost = await bench.until(failureOf(typed().notify('log', ['a'])));
      expect([told(lost), lost.id]).to.deep.equal(['Unknown timeout', undefined]);
      bench.broker.reconnect(bench.kafkaOf(caller));
    });

    it('should be its answer where that comes at the last moment, or its timeout, never both', async () => {
      for (const wait of [992, 993, 994, 995, 996, 997, 998, 999, 1_000]) {
        slow = new Gate();
        const endings: unknown[] = [];
        typed()
          .call('slow')
          .then(
            (result) => endings.push(result),
            (error) => endings.push(told(error)),
          );
        await bench.advance(wait);
        slow.open('in time');
        await bench.advance(50);
        expect(endings).to.have.length(1);
        expect(endings[0]).to.be.oneOf(['in time', 'Unknown timeout']);
      }
    });

    it("should be unknown at its timeout, too, where the server's word on it is read before the timer fires", async () => {
      const { client, correlation, kafka } = await bench.bareClient('s', { client: { timeout: 1_000 } });
      const expired = { code: -32001, message: 'Expired' };
      for (const [wait, outcome] of [
        [999, 'RpcError -32001'],
        [1_000, 'Unknown timeout'],
        [2_000, 'Unknown timeout'],
      ] as const) {
        const call = ending(client.call('slow'));
        await bench.advance(10);
        const { id } = sent().at(-1);
        bench.broker.freeze(kafka);
        await bench.advance(wait - 10);
        correlation.onResponse({ jsonrpc: '2.0', id, error: expired }, readEnvelope([]));
        expect(await call, `${wait}`).to.equal(outcome);
        bench.broker.thaw(kafka);
        await bench.advance(50);
      }
    });

    it('should say not sent where the topic never came, and name it', async () => {
      const start = bench.clock.now();
      const error = await bench.until(failureOf(caller.client('nobody', { timeout: 600 }).call('a')));
      expect([error._tag, bench.clock.now() - start]).to.deep.equal(['NotSent', 600]);
      expect(error.message).to.match(/no topic nobody\.requests: is the service running\?/);
    });

    it('should cancel the handler at the timeout', async () => {
      await bench.until(ending(typed().call('slow')));
      await bench.advance(5);
      expect(contexts[0]?.signal.aborted).to.equal(true);
      expect(sent().map(({ method }) => method)).to.deep.equal(['slow', '$/cancel']);
    });

    it('should be not sent where its signal has aborted already, and leave no trace', async () => {
      await warm();
      const signal = AbortSignal.abort(new Error('why'));
      const outcomes = [
        ending(typed().call('echo', ['a'], { signal })),
        ending(typed().notify('log', ['a'], { signal })),
      ];
      expect(await Promise.all(outcomes)).to.deep.equal(['NotSent aborted', 'NotSent aborted']);
      const items = watch(typed().call$('count', { to: 3 }, { signal }));
      expect(items.events).to.deep.equal(['NotSent aborted']);
      await bench.advance(20);
      expect(sent()).to.have.length(1);
    });

    it('should be unknown at an abort after it was sent, and cancel the handler', async () => {
      const controller = new AbortController();
      const call = failureOf(typed().call('slow', undefined, { signal: controller.signal }));
      await bench.advance(10);
      expect(contexts[0]?.signal.aborted).to.equal(false);
      controller.abort(new Error('why'));
      const error = await call;
      expect([told(error), (error.cause as Error).message]).to.deep.equal(['Unknown aborted', 'why']);
      await bench.advance(10);
      expect(contexts[0]?.signal.aborted).to.equal(true);
    });

    it('should be not sent at an abort while it waits for the topic, and never send it', async () => {
      const controller = new AbortController();
      const call = ending(caller.client('later').call('a', [], { signal: controller.signal }));
      await bench.advance(100);
      controller.abort();
      expect(await call).to.equal('NotSent aborted');
      bench.broker.createTopic('later.requests', 2);
      await bench.advance(2_000);
      expect(bench.broker.records('later.requests')).to.deep.equal([]);
    });

    it('should not care for an abort after it has ended, and leave nothing on the signal', async () => {
      const controller = new AbortController();
      let listeners = 0;
      const { signal } = controller;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = (...args: any[]) => {
        listeners += 1;
        (addEventListener as any).apply(signal, args);
      };
      signal.removeEventListener = (...args: any[]) => {
        listeners -= 1;
        (removeEventListener as any).apply(signal, args);
      };
      expect(await bench.until(typed().call('echo', ['a'], { signal }))).to.equal('a!');
      expect(listeners).to.equal(0);
      controller.abort();
      await bench.advance(10);
      expect(sent()).to.have.length(1);
    });

    it('should be unknown for what was sent, not sent for the rest, when the connection closes', async () => {
      await warm();
      const waiting = ending(caller.client('nobody').call('a'));
      const pending = [ending(typed().call('slow')), ending(typed().notify('log', ['a']))];
      const items = watch(typed().call$('feed'));
      await bench.advance(0);
      const closing = bench.until(caller.close());
      expect(await waiting).to.equal('NotSent closed');
      expect(await Promise.all(pending)).to.deep.equal(['Unknown closed', 'Unknown closed']);
      expect(items.events).to.deep.equal(['Unknown closed']);
      await closing;
      expect(await ending(typed().call('echo', ['a']))).to.equal('NotSent closed');
      expect(watch(typed().call$('feed')).events).to.deep.equal(['NotSent closed']);
    });

    it('should be failed, unknown or not sent as the delivery says', async () => {
      const { kafka } = { kafka: bench.kafkaOf(caller) };
      const inject = (error: KafkaError | undefined, report: 'written' | 'unwritten') =>
        bench.broker.inject({ client: kafka, topic: 's.requests', times: 1, report, error });
      await warm();
      inject(new KafkaError('denied', 'no', { code: 29 }), 'unwritten');
      expect(await bench.until(ending(typed().call('echo', ['a'])))).to.equal('Failed kafka');
      inject(new KafkaError('too large', 'no', { code: 10 }), 'unwritten');
      expect(await bench.until(ending(typed().call('echo', ['a'])))).to.equal('Failed too large');
      inject(undefined, 'unwritten');
      expect(await bench.until(ending(typed().call('echo', ['a'])))).to.equal('Unknown kafka');
      inject(new KafkaError('queue full', 'no', { notSent: true }), 'unwritten');
      expect(await bench.until(ending(typed().call('echo', ['a'])))).to.equal('NotSent kafka');
      inject(undefined, 'unwritten');
      expect(await bench.until(ending(typed().notify('log', ['a'])))).to.equal('Unknown kafka');
    });

    it('should be the answer where the record was written though its report failed later', async () => {
      bench.broker.inject({ topic: 's.requests', report: 'written', reportDelay: 500 });
      expect(await bench.until(typed().call('echo', ['a']))).to.equal('a!');
      await bench.advance(1_000);
    });

    it('should count answers that come too late and leave later calls alone', async () => {
      const bare = await bench.bareClient('s', { client: { timeout: 100 } });
      expect(await bench.until(ending(bare.client.call('slow')))).to.equal('Unknown timeout');
      await bench.advance(10);
      expect([bare.correlation.size, bare.correlation.late]).to.deep.equal([0, 1]);
      expect(await bench.until(bare.client.call('echo', ['a']))).to.equal('a!');
    });

    it('should fail at once as not sent at the bound on pending calls, and recover', async () => {
      const bare = await bench.bareClient('s', { maxPending: 2, client: { timeout: 1_000 } });
      const calls = [bare.client.call('echo', ['a']), bare.client.call('echo', ['b'])];
      const error = await failureOf(bare.client.call('echo', ['c']));
      expect([told(error), error.message]).to.deep.equal([
        'NotSent too many pending',
        's.echo: 2 calls are pending already (maxPending)',
      ]);
      expect(watch(bare.client.call$('feed')).events).to.deep.equal(['NotSent too many pending']);
      expect(await ending(bare.client.notify('log', ['x']))).to.equal('NotSent too many pending');
      expect(await bench.until(Promise.all(calls))).to.deep.equal(['a!', 'b!']);
      expect(await bench.until(bare.client.call('echo', ['d']))).to.equal('d!');
      expect(bare.correlation.size).to.equal(0);
    });

    it('should send what is left of its timeout where it had to wait for the topic', async () => {
      const call = ending(caller.client('later', { timeout: 1_000 }).call('a'));
      await bench.advance(700);
      bench.broker.createTopic('later.requests', 1);
      await bench.until(call);
      const [record] = bench.broker.records('later.requests').map(seen);
      expect(record?.value.meta.timeout).to.be.within(1, 300);
    });
  });

  describe('call$', () => {
    it('should emit the result of a request and complete', async () => {
      const items = watch(typed().call$('echo', ['a']));
      await bench.advance(10);
      expect(items.events).to.deep.equal(['a!', 'completed']);
    });

    it('should emit the items of a stream in order and complete', async () => {
      const items = watch(typed().call$('count', { to: 2_000 }));
      await bench.advance(200);
      expect(items.events).to.deep.equal([...Array(2_000).keys(), 'completed']);
    });

    it('should complete at once for a stream without items', async () => {
      const items = watch(typed().call$('count', { to: 0 }));
      await bench.advance(10);
      expect(items.events).to.deep.equal(['completed']);
    });

    it('should emit a value, or the items of an Observable, without a contract', async () => {
      const value = watch(untyped().call$('echo', ['a']));
      const items = watch(untyped().call$('count', { to: 3 }));
      await bench.advance(10);
      expect([value.events, items.events]).to.deep.equal([
        ['a!', 'completed'],
        [0, 1, 2, 'completed'],
      ]);
    });

    it("should emit what came and then the handler's error", async () => {
      const items = watch(typed().call$('feed'));
      const failed = watch(typed().call$('fail'));
      await bench.advance(10);
      source.next(1);
      source.next(2);
      source.error(new RpcError(9, 'nine', { data: 'why' }));
      await bench.advance(10);
      expect(items.events).to.deep.equal([1, 2, 'RpcError 9']);
      expect([items.error.message, items.error.data]).to.deep.equal(['nine', 'why']);
      expect(failed.events).to.deep.equal(['RpcError 5']);
    });

    it("should let nothing of a handler's plain error cross, and tell the server", async () => {
      const items = watch(typed().call$('feed'));
      await bench.advance(10);
      source.error(new Error('secret'));
      await bench.advance(10);
      expect([items.events, items.error.message]).to.deep.equal([['RpcError -32603'], 'Internal error']);
      expect(bench.issues.map(({ kind, message }) => [kind, message])).to.deep.equal([
        ['handler', 's.feed threw Error: secret'],
      ]);
    });

    it('should end with an error at an item that breaks the contract', async () => {
      const items = watch(typed().call$('wrong'));
      await bench.advance(10);
      expect(items.events).to.deep.equal(['RpcError -32603']);
    });

    it('should be cold: nothing is sent before it is subscribed to, and each time anew', async () => {
      const items$ = typed().call$('count', { to: 2 });
      await bench.advance(10);
      expect(sent()).to.deep.equal([]);
      const both = [watch(items$), watch(items$)];
      await bench.advance(10);
      both.push(watch(items$));
      await bench.advance(10);
      for (const { events } of both) expect(events).to.deep.equal([0, 1, 'completed']);
      expect(sent().filter(({ method }) => method === 'count')).to.have.length(3);
    });

    it('should cancel the handler within a hop when it is unsubscribed from', async () => {
      const items = watch(typed().call$('feed'));
      await bench.advance(10);
      source.next(1);
      await bench.advance(10);
      expect([subscribed, unsubscribed, server.load.streams]).to.deep.equal([1, 0, 1]);
      items.subscription.unsubscribe();
      await bench.advance(2);
      expect([unsubscribed, contexts[0]?.signal.aborted, server.load.streams]).to.deep.equal([1, true, 0]);
      source.next(2);
      await bench.advance(100);
      expect(items.events).to.deep.equal([1]);
    });

    it('should cancel when it is unsubscribed from inside next, and emit no more', async () => {
      const items = watch(typed().call$('feed').pipe(take(2)));
      await bench.advance(10);
      for (const item of [1, 2, 3, 4]) source.next(item);
      await bench.advance(10);
      expect([items.events, unsubscribed]).to.deep.equal([[1, 2, 'completed'], 1]);
      const first = watch(typed().call$('count', { to: 1_000 }, { window: 10 }).pipe(take(1)));
      await bench.advance(50);
      expect(first.events).to.deep.equal([0, 'completed']);
      expect(server.load.streams).to.equal(0);
    });

    it('should send nothing but the call and its cancel where it is unsubscribed from at once', async () => {
      watch(typed().call$('feed')).subscription.unsubscribe();
      await bench.advance(20);
      expect(subscribed).to.equal(unsubscribed);
      expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
    });

    it('should cancel a request that is unsubscribed from', async () => {
      const items = watch(typed().call$('slow'));
      await bench.advance(10);
      items.subscription.unsubscribe();
      await bench.advance(10);
      expect([items.events, contexts[0]?.signal.aborted]).to.deep.equal([[], true]);
    });

    it('should cancel nothing where it has ended by itself', async () => {
      const items = watch(typed().call$('count', { to: 3 }));
      await bench.advance(20);
      items.subscription.unsubscribe();
      await bench.advance(20);
      const all = [...sent(), ...bench.broker.records('callstream.inbox').flatMap((it) => seen(it).value)];
      expect(all.filter(({ method }) => method === '$/cancel')).to.deep.equal([]);
    });

    it('should time out while the stream has not opened, and not after that', async () => {
      const never = watch(caller.client('nobody', { timeout: 500 }).call$('x'));
      const open = watch(typed({ timeout: 500 }).call$('feed'));
      await bench.advance(500);
      expect(never.events).to.deep.equal(['NotSent timeout']);
      await bench.advance(100_000);
      source.next(1);
      source.complete();
      await bench.advance(10);
      expect(open.events).to.deep.equal([1, 'completed']);
    });

    it('should ask for no more than the window ahead of its subscriber', async () => {
      const asked: number[] = [];
      const pulled = await bench.until(
        connection.serve('pull', {
          async *numbers() {
            for (let i = 0; i < 100; i += 1) {
              asked.push(i);
              yield i;
            }
          },
        }),
      );
      bench.broker.inject({ topic: 'callstream.inbox', client: bench.kafkaOf(caller), delay: 1_000 });
      const items = watch(caller.client('pull').call$('numbers', [], { window: 4 }));
      await bench.advance(20);
      expect([items.events.length, asked.length]).to.deep.equal([4, 4]);
      await bench.advance(60_000);
      expect(items.events).to.deep.equal([...Array(100).keys(), 'completed']);
      expect(pulled.load.streams).to.equal(0);
    });
  });

  describe('notify', () => {
    it("should resolve with Kafka's delivery report, before the handler has run", async () => {
      bench.broker.inject({ topic: 's.requests', deliveryDelay: 5 });
      await bench.until(typed().notify('log', ['a']));
      expect([logged, sent()]).to.deep.equal([
        [],
        [{ jsonrpc: '2.0', method: 'log', params: ['a'], meta: { timeout: 998 } }],
      ]);
      await bench.advance(10);
      expect(logged).to.deep.equal(['a']);
      await bench.until(untyped().notify('log', ['b']));
      await bench.advance(10);
      expect(logged).to.deep.equal(['a', 'b']);
      expect(bench.broker.records('callstream.inbox')).to.deep.equal([]);
    });

    it('should be unknown at an abort while its report is out, with nothing to cancel; the handler runs', async () => {
      await warm();
      bench.broker.inject({ topic: 's.requests', reportDelay: 500 });
      const controller = new AbortController();
      const told = ending(typed().notify('log', ['a'], { signal: controller.signal }));
      await bench.advance(10);
      controller.abort();
      expect(await told).to.equal('Unknown aborted');
      await bench.advance(1_000);
      expect([logged, sent().map(({ method }) => method)]).to.deep.equal([['a'], ['echo', 'log']]);
    });

    it('should be unknown where no report comes in time', async () => {
      await warm();
      bench.broker.disconnect(bench.kafkaOf(caller));
      expect(await bench.until(ending(typed().notify('log', ['a'])))).to.equal('Unknown timeout');
      bench.broker.reconnect(bench.kafkaOf(caller));
    });
  });

  describe('batch', () => {
    it('should send one JSON-RPC batch in one record, and give an Either per entry in order', async () => {
      await warm();
      const before = requests().length;
      const results = await bench.until(
        typed().batch([['echo', ['a']], ['fail'], ['log', ['x']], ['echo', ['b']]]),
      );
      const [first, second, third, fourth] = results;
      expect(isRight(first) && first.right).to.equal('a!');
      expect(isLeft(second) && told(second.left)).to.equal('RpcError 5');
      expect(isRight(third) && third.right).to.equal(undefined);
      expect(isRight(fourth) && fourth.right).to.equal('b!');
      const [record, ...others] = requests().slice(before);
      expect(others).to.deep.equal([]);
      expect(record?.value.map(({ method, id }: any) => [method, typeof id])).to.deep.equal([
        ['echo', 'number'],
        ['fail', 'number'],
        ['log', 'undefined'],
        ['echo', 'number'],
      ]);
    });

    it('should give an Either for what never left as well', async () => {
      const results = await bench.until(
        typed().batch([['echo', [5]], ['none'], ['count', { to: 1 }], ['echo', ['a']]] as any),
      );
      expect((results as any[]).map((it) => (isLeft(it) ? told(it.left) : it.right))).to.deep.equal([
        'NotSent invalid params',
        'NotSent unknown method',
        'NotSent unknown method',
        'a!',
      ]);
      expect(requests()).to.have.length(1);
    });

    it('should give nothing for nothing, and send nothing', async () => {
      expect(await bench.until(typed().batch([]))).to.deep.equal([]);
      expect(sent()).to.deep.equal([]);
    });

    it('should send one record after a large call as well', async () => {
      const client = caller.client('s', { key: 'k' });
      await bench.until(client.call('echo', ['x'.repeat(200_000)]));
      const before = requests().length;
      const results = await bench.until(
        client.batch(Array.from({ length: 50 }, (_, i) => ['echo', [`${i}`]])),
      );
      expect(results.map((it) => isRight(it) && it.right)).to.deep.equal(
        [...Array(50).keys()].map((i) => `${i}!`),
      );
      expect(requests().length - before).to.equal(1);
    });

    it('should end each entry by itself', async () => {
      const results = bench.until(untyped().batch([['slow'], ['echo', ['a']]], { timeout: 100 }));
      expect((await results).map((it) => (isLeft(it) ? told(it.left) : it.right))).to.deep.equal([
        'Unknown timeout',
        'a!',
      ]);
    });

    it('should abort all its entries', async () => {
      const controller = new AbortController();
      const results = untyped().batch([['slow'], ['slow']], { signal: controller.signal });
      await bench.advance(10);
      controller.abort();
      expect((await results).map((it) => isLeft(it) && told(it.left))).to.deep.equal([
        'Unknown aborted',
        'Unknown aborted',
      ]);
    });
  });

  describe('callTaskEither', () => {
    it('should be lazy, run each time, and have its errors as values', async () => {
      const task = typed().callTaskEither('echo', ['a']);
      await bench.advance(10);
      expect(sent()).to.deep.equal([]);
      expect(await bench.until(task())).to.deep.include({ _tag: 'Right', right: 'a!' });
      expect(await bench.until(task())).to.deep.include({ _tag: 'Right', right: 'a!' });
      const failed = await bench.until(typed().callTaskEither('fail')());
      expect(isLeft(failed) && failed.left._tag).to.equal('RpcError');
      const wrong = await bench.until(typed().callTaskEither('echo', [5] as any)());
      expect(isLeft(wrong) && told(wrong.left)).to.equal('NotSent invalid params');
      const none: any = await bench.until((typed() as any).callTaskEither('none')());
      expect(told(none.left)).to.equal('NotSent unknown method');
    });
  });

  describe('with keys', () => {
    it("should send calls of one key to one partition, in order, as Kafka's own clients would", async () => {
      const client = untyped();
      await warm();
      for (let i = 0; i < 10; i += 1) void client.call('echo', [`${i}`], { key: 'customer-1' });
      await bench.advance(50);
      const [at] = requests().filter(({ value }) => Array.isArray(value));
      const peer = bench.broker.append({
        topic: 's.requests',
        partition: null,
        key: 'customer-1',
        value: null,
      });
      expect(at?.partition).to.equal(peer.partition);
      expect(at?.value.map(({ params }: any) => params[0])).to.deep.equal([...Array(10).keys()].map(String));
    });

    it('should spread calls without a key over all partitions, turn by turn', async () => {
      const client = untyped();
      await warm();
      for (let i = 0; i < 8; i += 1) {
        void client.call('echo', ['a']);
        void client.call('echo', ['b']);
        await bench.advance(1);
      }
      await bench.advance(20);
      const batches = requests().filter(({ value }) => Array.isArray(value));
      const partitions = batches.map(({ partition }) => partition);
      expect(partitions.sort()).to.deep.equal([0, 0, 1, 1, 2, 2, 3, 3]);
    });
  });

  it('should call with MessagePack and be answered in it', async () => {
    const packed = await bench.connect({ codec: 'msgpack' });
    const client = packed.client(contract, { timeout: 1_000 });
    expect(await bench.until(client.call('echo', ['a']))).to.equal('a!');
    const items = watch(client.call$('count', { to: 300 }));
    await bench.advance(50);
    expect(items.events).to.deep.equal([...Array(300).keys(), 'completed']);
    const types = [...bench.broker.records('s.requests'), ...bench.broker.records('callstream.inbox')].map(
      (record) => seen(record).headers.find(([name]) => name === 'content-type')?.[1],
    );
    expect(new Set(types)).to.deep.equal(new Set(['application/msgpack']));
  });

  it('should end a call, and those answered beside it, where a type of its contract throws', async () => {
    const strict = new t.Type<{ a: string }, unknown, unknown>(
      'strict',
      (value: any): value is { a: string } => value.a === 'x',
      (value: any) => t.success(value),
      t.identity,
    );
    const odd = service('odd', { get: request({ result: strict }) });
    await bench.until(connection.serve('odd', { get: () => null, other: () => 'other' }));
    const calls = [caller.client(odd).call('get'), caller.client('odd').call('other')];
    const ended = Promise.all(calls.map(ending));
    await bench.advance(20_000);
    expect(await ended).to.deep.equal([null, 'other']);
  });

  it('should leave nothing behind after many calls that end in every way', async () => {
    const bare = await bench.bareClient('s', { methods: contract.methods, client: { timeout: 200 } });
    const client = bare.client as any;
    const endings: Promise<unknown>[] = [];
    for (let i = 0; i < 50; i += 1) {
      const controller = new AbortController();
      endings.push(ending(client.call('echo', [`${i}`])), ending(client.call('fail')));
      endings.push(ending(client.call('slow')), ending(client.notify('log', ['a'])));
      endings.push(ending(client.call('slow', undefined, { signal: controller.signal })));
      const items = watch(client.call$('feed'));
      watch(client.call$('count', { to: 10 }));
      await bench.advance(3);
      controller.abort();
      items.subscription.unsubscribe();
    }
    await bench.until(Promise.all(endings));
    await bench.advance(500);
    expect(bare.correlation.size).to.equal(0);
    expect(server.load).to.deep.equal({ running: 100, queued: 0, streams: 0 });
    slow.open('done');
    await bench.advance(500);
    expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
    expect(new RawPeer(bench).records()).to.deep.equal([]);
  });
});
