/** connect(), and what its connections share; the calls themselves are in rpc/. */
import { expect } from 'chai';
import { lastValueFrom, Subject } from 'rxjs';
import { type Connection, connect, type Server } from '../src/connection.js';
import { KafkaError } from '../src/kafka/port.js';
import type { ConnectOptions } from '../src/options.js';
import { MemoryBroker, VirtualClock } from '../src/testing/index.js';
import { Bench, ending, failureOf, Gate, headerOf, seen, watch } from './rpc/harness.js';

describe('connect', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.close());

  it('should create the inbox topic where it is missing, and use it as it is where it is not', async () => {
    bench.broker.createTopic('small', 2);
    await bench.connect({ inbox: { topic: 'mine', partitions: 3 } });
    await bench.connect({ inbox: { topic: 'small', partitions: 9 } });
    const kafka = bench.broker.connect();
    expect(await bench.until(kafka.partitions('mine'))).to.equal(3);
    expect(await bench.until(kafka.partitions('small'))).to.equal(2);
    expect(await bench.until(kafka.partitions('callstream.inbox'))).to.equal(undefined);
    await bench.connect();
    expect(await bench.until(kafka.partitions('callstream.inbox'))).to.equal(16);
    await bench.until(kafka.close());
  });

  it('should have a name of its own, in ASCII', async () => {
    const names = new Set<string>();
    for (let i = 0; i < 10; i += 1) names.add((await bench.connect()).instance);
    expect(names.size).to.equal(10);
    for (const name of names) expect(name).to.match(/^[\w-]{8,}$/);
  });

  it('should refuse options that make no sense, and name them', async () => {
    const kafka = bench.broker.connect();
    const wrong: [ConnectOptions, RegExp][] = [
      [{ codec: 'xml' as any }, /codec: expected 'json' or 'msgpack', got "xml"/],
      [{ codec: 'toString' as any }, /codec/],
      [{ maxPending: 0 }, /maxPending: .*from 1.*got 0/],
      [{ maxPending: 1.5 }, /maxPending: expected an integer/],
      [{ lease: -1 }, /lease/],
      [{ lease: 2 ** 31 }, /lease/],
      [{ inbox: { partitions: 0 } }, /inbox\.partitions/],
      [{ inbox: { retention: 0 } }, /inbox\.retention/],
      [{ coalesce: { maxCount: 0 } }, /coalesce\.maxCount/],
      [{ coalesce: { maxBytes: Number.NaN } }, /coalesce\.maxBytes/],
      [{ onIssue: 'log' as any }, /onIssue: expected a function, got "log"/],
    ];
    for (const [options, message] of wrong) {
      const error = await failureOf(connect({ kafka, ...options }));
      expect(error).to.be.instanceOf(TypeError);
      expect(error.message).to.match(message);
    }
    await bench.until(kafka.close());
  });

  it('should refuse the options of a server that make no sense, and name them', async () => {
    const connection = await bench.connect();
    const target = { a: () => 1 };
    for (const name of [
      'concurrency',
      'maxQueued',
      'sessionTimeout',
      'revokeTimeout',
      'maxBuffered',
      'maxStreams',
    ]) {
      const error = await bench.until(failureOf(connection.serve('s', target, { [name]: 0 })));
      expect([error.name, error.message.split(':')[0]]).to.deep.equal(['TypeError', name]);
    }
    expect(String(await failureOf(connection.serve('no topic name', target)))).to.match(/service name/);
    expect(bench.broker.members('s')).to.deep.equal([]);
  });

  it('should refuse what is no option, and tell which there are', async () => {
    const connection = await bench.connect();
    const target = { a: () => 1 };
    for (const [given, text] of [
      [
        () => connect({ kafka: bench.kafkaOf(connection), codek: 'json' } as any),
        'codek: no such option, there are brokers,',
      ],
      [
        () => connection.serve('s', target, { concurency: 5 } as any),
        'concurency: no such option, there are concurrency,',
      ],
      [
        () => connection.serve('s', target, { methods: { a: { order: 'key' } } } as any),
        'methods.a.order: no such option, there are concurrency, maxQueued, orderBy',
      ],
      [
        async () => connection.client('s', { signal: AbortSignal.abort() } as any),
        'signal: no such option, there are timeout,',
      ],
    ] as const) {
      const error = await bench.until(failureOf(given()));
      expect(error).to.be.instanceOf(TypeError);
      expect(error.message).to.include(text);
    }
  });

  it('should close all the same where a store can not be closed', async () => {
    const connection = await bench.connect();
    const open = async () => ({
      claim: async () => ({ answer: { result: 1 } }),
      close: async () => {
        throw new Error('stuck');
      },
    });
    await bench.until(connection.serve('s', { a: () => 1 }, { store: { open } }));
    await bench.until(connection.close());
    expect(bench.issues.map(({ message }) => message)).to.deep.equal([
      'the store was not closed: Error: stuck',
    ]);
    expect(await bench.until(ending(connection.serve('s', { a: () => 1 })))).to.match(/closed/);
    expect(await bench.until(lastValueFrom(connection.status$))).to.include({ state: 'closed' });
  });

  it('should refuse a list of topics that is none', async () => {
    const connection = await bench.connect();
    const serving = connection.serve('s', { a: () => 1 }, { replyTopics: 's.answers' as any });
    const { message } = await bench.until(failureOf(serving));
    expect(message).to.equal('replyTopics: expected an array of strings, got "s.answers"');
  });

  it('should refuse a drain that is no time, and stay open', async () => {
    const connection = await bench.connect();
    const server = await bench.until(connection.serve('s', { a: () => 1 }));
    for (const drain of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5' as any])
      for (const open of [server, connection]) {
        const { message } = await bench.until(failureOf(open.close({ drain })));
        expect(message).to.match(/^drain: expected a number of milliseconds from 0/);
      }
    expect(await bench.until(connection.client('s').call('a'))).to.equal(1);
    await bench.until(connection.close({ drain: 0 }));
  });

  it('should close the Kafka that it was given where it fails', async () => {
    const clock = new VirtualClock();
    const broker = new MemoryBroker({ clock, deny: (action) => action === 'create' });
    const kafka = broker.connect();
    const error = await clock.until(failureOf(connect({ kafka })));
    expect(error).to.be.instanceOf(KafkaError);
    expect([error.reason, error.message]).to.deep.equal([
      'denied',
      'not allowed to create the topic callstream.inbox',
    ]);
    const states: string[] = [];
    kafka.status$.subscribe(({ state }) => states.push(state));
    expect([states, clock.pending]).to.deep.equal([['closed'], 0]);
  });

  it('should use topics that are there without the right to create them', async () => {
    bench = new Bench({ deny: (action) => action === 'create' });
    for (const topic of ['callstream.inbox', 's.requests', 's.replies']) bench.broker.createTopic(topic, 1);
    const connection = await bench.connect();
    await bench.until(connection.serve('s', { echo: (text: string) => text }));
    expect(await bench.until(connection.client('s').call('echo', ['a']))).to.equal('a');
    const error = await bench.until(failureOf(connection.serve('other', { a: () => 1 })));
    expect(error.message).to.match(/not allowed to create the topic other\.re/);
  });

  it('should tell its status, and that it is closed', async () => {
    const connection = await bench.connect();
    const states: string[] = [];
    connection.status$.subscribe({
      next: ({ state }) => states.push(state),
      complete: () => states.push('end'),
    });
    bench.broker.disconnect();
    await bench.advance(10);
    bench.broker.reconnect();
    await bench.advance(10);
    await bench.until(connection.close());
    expect(states).to.deep.equal(['connected', 'reconnecting', 'connected', 'closed', 'end']);
  });
});

describe('Connection', () => {
  let bench: Bench;
  let server: Connection;
  let client: Connection;
  let gate: Gate;
  beforeEach(async () => {
    bench = new Bench();
    server = await bench.connect();
    client = await bench.connect();
    gate = new Gate();
  });
  afterEach(async () => {
    gate.open('');
    await bench.close();
  });
  const target = { echo: (text: string) => text, wait: () => gate.promise };

  it('should serve and call on one connection, and between services', async () => {
    await bench.until(server.serve('a', target));
    await bench.until(
      server.serve('b', {
        twice: async (text: string) => `${await server.client('a').call('echo', [text])}${text}`,
      }),
    );
    expect(await bench.until(server.client('b').call('twice', ['x']))).to.equal('xx');
    expect(await bench.until(client.client('b').call('twice', ['y']))).to.equal('yy');
  });

  it('should handle a call that is made as soon as serve has resolved', async () => {
    const ready = server.serve('s', target);
    const call = ready.then(() => client.client('s', { timeout: 100 }).call('echo', ['a']));
    expect(await bench.until(call)).to.equal('a');
  });

  it('should handle a call that was made before the service was there', async () => {
    const call = client.client('s', { timeout: 5_000 }).call('echo', ['a']);
    await bench.advance(1_000);
    await bench.until(server.serve('s', target));
    expect(await bench.until(call)).to.equal('a');
  });

  it('should handle what was sent while no server ran', async () => {
    const first = await bench.until(server.serve('s', target));
    await bench.until(client.client('s').call('echo', ['a']));
    await bench.until(first.close());
    const call = client.client('s', { timeout: 5_000 }).call('echo', ['b']);
    await bench.advance(500);
    await bench.until(server.serve('s', target));
    expect(await bench.until(call)).to.equal('b');
  });

  it('should share records between all clients of a service', async () => {
    await bench.until(server.serve('s', target));
    await bench.until(client.client('s').call('echo', ['warm']));
    const before = bench.broker.records('s.requests').length;
    const calls = [client.client('s'), client.client('s')].map((it, i) => it.call('echo', [`${i}`]));
    await bench.until(Promise.all(calls));
    expect(bench.broker.records('s.requests').length - before).to.equal(1);
  });

  it('should take other topics for requests and replies', async () => {
    await bench.until(
      server.serve('s', target, { requests: { topic: 's.requests' }, replies: { topic: 'answers' } }),
    );
    bench.broker.append({
      topic: 's.requests',
      partition: 0,
      value: Buffer.from('{"jsonrpc":"2.0","method":"echo","params":["a"],"id":1}'),
    });
    await bench.advance(10);
    expect(bench.broker.records('answers').map((record) => seen(record).value.result)).to.deep.equal(['a']);
  });

  it('should keep calls alive across a lost connection', async () => {
    await bench.until(server.serve('s', target));
    await bench.until(client.client('s').call('echo', ['warm']));
    bench.broker.disconnect(bench.kafkaOf(client));
    const call = ending(client.client('s', { timeout: 5_000 }).call('echo', ['a']));
    await bench.advance(2_000);
    bench.broker.reconnect(bench.kafkaOf(client));
    expect(await bench.until(call)).to.equal('a');
  });

  it("should end the call of a killed server as unknown at the call's own timeout, and serve the next one", async () => {
    await bench.until(server.serve('s', target));
    const pending = ending(client.client('s', { timeout: 3_000 }).call('wait'));
    const items = watch(client.client('s', { timeout: 3_000 }).call$('wait'));
    await bench.advance(20);
    bench.kill(server);
    const killed = bench.clock.now();
    const next = await bench.connect();
    const serving = next.serve('s', { echo: (text: string) => text, wait: () => gate.promise });
    expect(await bench.until(pending)).to.equal('Unknown timeout');
    expect(items.events).to.deep.equal(['Unknown timeout']);
    expect(await bench.until(client.client('s').call('echo', ['a']))).to.equal('a');
    expect(bench.clock.now() - killed).to.be.at.most(6_000 + 2_000);
    await bench.until(serving);
  });

  describe('close', () => {
    const took = async (closing: () => Promise<unknown>) => {
      const before = bench.clock.now();
      await bench.until(closing());
      return bench.clock.now() - before;
    };

    it('should take a few hops where nothing runs, and only once', async () => {
      await bench.until(server.serve('s', target));
      await bench.until(client.client('s').call('echo', ['a']));
      expect(await took(() => Promise.all([server.close(), server.close(), client.close()]))).to.be.at.most(
        20,
      );
      expect(await took(() => server.close())).to.equal(0);
      expect(await took(() => server[Symbol.asyncDispose]())).to.equal(0);
    });

    it('should let running handlers finish and answer, those that call others too', async () => {
      await bench.until(server.serve('inner', target));
      const outer = await bench.connect();
      await bench.until(outer.serve('outer', { wait: () => outer.client('inner').call('wait') }));
      const call = ending(client.client('outer', { timeout: 60_000 }).call('wait'));
      await bench.advance(20);
      const closing = outer.close();
      await bench.advance(1_000);
      gate.open('done');
      await bench.advance(20);
      expect(await bench.until(call)).to.equal('done');
      await bench.until(closing);
    });

    it('should wait no longer than it is told to', async () => {
      await bench.until(server.serve('s', target));
      const call = ending(client.client('s', { timeout: 1_000 }).call('wait'));
      await bench.advance(20);
      expect(await took(() => server.close({ drain: 200 }))).to.be.within(200, 250);
      expect(await bench.until(call)).to.equal('Unknown timeout');
    });

    describe('with a stream open', () => {
      let items$: Subject<number>;
      let closing: Server;

      beforeEach(async () => {
        items$ = new Subject();
        closing = await bench.until(server.serve('feeds', { feed: () => items$, name: () => 'one' }));
      });

      it('should let it end in the time that is left, and others serve meanwhile', async () => {
        const feed = watch(client.client('feeds').call$('feed'));
        await bench.advance(20);
        const from = bench.clock.now();
        const closed = closing.close({ drain: 5_000 }).then(() => bench.clock.now() - from);
        const other = await bench.connect();
        await bench.until(other.serve('feeds', { name: () => 'two' }));
        expect(await bench.until(client.client('feeds').call('name'))).to.equal('two');
        items$.next(1);
        await bench.advance(1_000);
        items$.next(2);
        items$.complete();
        await bench.advance(20);
        expect(await bench.until(closed)).to.be.within(1_000, 2_500);
        expect(feed.events).to.deep.equal([1, 2, 'completed']);
      });

      it('should end it with an error once that is over', async () => {
        const feed = watch(client.client('feeds').call$('feed'));
        await bench.advance(20);
        expect(await took(() => closing.close({ drain: 300 }))).to.be.within(300, 310);
        await bench.advance(20);
        expect([feed.events, items$.observed]).to.deep.equal([['RpcError -32000'], false]);
      });

      it("should not wait for a client on the server's own connection", async () => {
        const feed = watch(server.client('feeds').call$('feed'));
        await bench.advance(20);
        expect(await took(() => server.close())).to.be.below(100);
        expect([feed.events, items$.observed]).to.deep.equal([['Unknown closed'], false]);
      });
    });

    it('should let the server of another connection take over what it left', async () => {
      await bench.until(server.serve('s', target));
      const call = ending(client.client('s', { timeout: 30_000 }).call('wait'));
      await bench.advance(20);
      await bench.until(server.close({ drain: 100 }));
      const other = await bench.connect();
      await bench.until(other.serve('s', { wait: () => 'elsewhere' }));
      expect(await bench.until(call)).to.equal('elsewhere');
    });

    it('should refuse to serve and to call from then on', async () => {
      await bench.until(client.close());
      const error = await failureOf(client.serve('s', target));
      expect([error.name, error.reason]).to.deep.equal(['KafkaError', 'closed']);
      expect(await ending(client.client('s').call('echo'))).to.equal('NotSent closed');
      expect(await ending(client.client('s').notify('echo'))).to.equal('NotSent closed');
    });

    it('should end what is joining, and leave nothing', async () => {
      const serving = failureOf(server.serve('s', target));
      await bench.advance(1);
      await bench.until(server.close());
      expect((await bench.until(serving)).reason).to.equal('closed');
      expect(bench.broker.members('s')).to.deep.equal([]);
    });

    it('should leave nothing after many rounds', async () => {
      for (let round = 0; round < 30; round += 1) {
        const one = await bench.connect();
        const two = await bench.connect();
        await bench.until(one.serve('s', target));
        const pending = [ending(two.client('s').call('wait')), ending(two.client('none').call('x'))];
        const items = watch(two.client('s').call$('wait'));
        expect(await bench.until(two.client('s').call('echo', ['a']))).to.equal('a');
        await bench.until(Promise.all([two.close(), one.close({ drain: 10 })]));
        expect(await Promise.all(pending)).to.deep.equal(['Unknown closed', 'NotSent closed']);
        expect(items.events).to.deep.equal(['Unknown closed']);
        expect(bench.broker.members('s')).to.deep.equal([]);
      }
    });
  });

  it('should name itself in all that it sends', async () => {
    await bench.until(server.serve('s', target));
    await bench.until(client.client('s').call('echo', ['a']));
    const [request] = bench.broker.records('s.requests').map(seen);
    const [reply] = bench.broker.records('callstream.inbox').map(seen);
    expect(headerOf(request as any, 'kafka_correlationId')).to.equal(client.instance);
    expect(headerOf(reply as any, 'kafka_correlationId')).to.equal(client.instance);
    expect(headerOf(reply as any, 'callstream-inbox')?.split('/')[2]).to.equal(server.instance);
  });
});
