/** One question, an answer of each instance: who is asked, who counts, and when it is enough. */
import { expect } from 'chai';
import { either } from 'fp-ts';
import * as t from 'io-ts';
import { lastValueFrom, type Observable, take, toArray } from 'rxjs';
import type { Connection } from '../../src/connection.js';
import { request, service, stream } from '../../src/contract.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import { KafkaError } from '../../src/kafka/port.js';
import type { ConnectOptions, ServeOptions } from '../../src/options.js';
import type { Gathered } from '../../src/rpc/gather-options.js';
import { Bench, call, failureOf, Gate, headerOf, INBOX, ok, RawPeer, seen, told, watch } from './harness.js';
import { nothingBehindTheEnd } from './timeline.js';

describe('gather$', () => {
  nothingBehindTheEnd();

  let bench: Bench;
  let connection: Connection;
  let gates: Gate<string>[];
  let aborted: string[];
  let servers: Connection[];

  beforeEach(() => {
    bench = new Bench();
    gates = [];
    aborted = [];
    servers = [];
  });
  afterEach(async () => {
    for (const gate of gates) gate.open('');
    await bench.close();
  });

  const handlers = (name: string) => ({ name: () => name, sum: (a: number, b: number) => a + b });
  const waiting = service('s', {
    wait: request({ result: t.string }),
    name: request({ result: t.string }),
    count: stream({ item: t.number }),
  });
  /** `wait` of a contract, whose handlers see their signal. */
  const serveWaiting = async (name: string, served: ServeOptions = {}) => {
    const server = await bench.connect();
    const gate = new Gate<string>();
    gates.push(gate);
    servers.push(server);
    await bench.until(
      server.serve(
        waiting,
        {
          wait: async (_, { signal }) => {
            signal.addEventListener('abort', () => aborted.push(name));
            return `${name} ${await gate.promise}`;
          },
          name: () => name,
          count: async function* () {},
        },
        served,
      ),
    );
  };
  const start = async (names: readonly string[], options: ConnectOptions = {}) => {
    connection = await bench.connect(options);
    for (const name of names) {
      const server = await bench.connect(options);
      servers.push(server);
      await bench.until(server.serve('s', handlers(name)));
    }
  };
  /** The answers without the instances' names, in order of arrival. */
  const results = (events: readonly unknown[]) =>
    events.map((event) => {
      const { result } = event as Gathered<unknown>;
      if (result === undefined) return event;
      return either.isRight(result) ? result.right : told(result.left);
    });
  const sorted = (events: readonly unknown[]) => results(events).map(String).sort();
  const all = <R>(source: Observable<R>) => bench.until(lastValueFrom(source.pipe(toArray())));

  it('should get one answer of each instance, with its name, whatever partitions it has', async () => {
    await start(['a', 'b', 'c', 'd', 'e', 'f']);
    const answers = await all(connection.client('s').gather$<string>('name', [], { count: 6 }));
    expect(sorted(answers)).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(answers.map(({ instance }) => instance).sort()).to.deep.equal(
      servers.map(({ instance }) => instance).sort(),
    );
  });

  it('should send one record to each partition of the inbox topic, and none to the requests', async () => {
    await start(['a'], { inbox: { partitions: 3 } });
    await all(connection.client('s').gather$('sum', [1, 2], { timeout: 50 }));
    const records = bench.broker.records(INBOX).map(seen);
    const asked = records.filter(({ value }) => value.method === 'sum');
    expect(asked.map(({ partition }) => partition)).to.deep.equal([0, 1, 2]);
    expect(new Set(asked.map(({ value }) => JSON.stringify(value))).size).to.equal(1);
    const from = asked[0]?.headers.find(([name]) => name === 'callstream-inbox')?.[1];
    expect(asked[0]?.headers).to.deep.equal([
      ['kafka_correlationId', 's'],
      ['content-type', 'application/json'],
      ['callstream-version', '1'],
      ['callstream-inbox', from],
    ]);
    expect(from).to.match(new RegExp(`^callstream\\.inbox/[0-2]/${connection.instance}$`));
    expect(asked[0]?.value).to.deep.include({ jsonrpc: '2.0', method: 'sum', params: [1, 2] });
    expect(bench.broker.records('s.requests')).to.deep.equal([]);
  });

  it('should ask the partitions that the topic has got since', async () => {
    await start(['a'], { inbox: { partitions: 4 } });
    const kafka = bench.kafkaOf(connection);
    const truth = kafka.partitions;
    const asked = async (params: readonly unknown[]) => {
      await all(connection.client('s').gather$('sum', params, { timeout: 50 }));
      const records = bench.broker.records(INBOX).map(seen);
      return records
        .filter(({ value }) => String(value.params) === String(params))
        .map(({ partition }) => partition);
    };
    kafka.partitions = async () => 1;
    expect(await asked([1, 1])).to.deep.equal([0]);
    kafka.partitions = truth;
    expect(await asked([2, 2])).to.deep.equal([0, 1, 2, 3]);
  });

  it('should answer two connections that share a partition, each for itself', async () => {
    await start(['a', 'b', 'c'], { inbox: { partitions: 1 } });
    const other = await bench.connect({ inbox: { partitions: 1 } });
    const [one, two] = [connection, other].map((it) =>
      watch(it.client('s').gather$('name', [], { count: 3 })),
    );
    await bench.advance(50);
    expect(sorted(one?.events ?? [])).to.deep.equal(['a', 'b', 'c', 'completed']);
    expect(sorted(two?.events ?? [])).to.deep.equal(['a', 'b', 'c', 'completed']);
    // The same id of both: they were told apart by their instances.
    const ids = bench.broker.records(INBOX).map((it) => seen(it).value);
    expect(ids.filter(({ method }) => method === 'name').map(({ id }) => id)).to.deep.equal([1, 1]);
  });

  it('should let a connection that serves gather, and count itself', async () => {
    await start(['a', 'b'], { inbox: { partitions: 1 } });
    const [a] = servers as [Connection];
    const answers = await all(a.client('s').gather$('name', [], { count: 2 }));
    expect(sorted(answers)).to.deep.equal(['a', 'b']);
    expect(await bench.until(connection.client('s').call('sum', [1, 1]))).to.equal(2);
  });

  it('should answer for the service that was asked, of several on one connection', async () => {
    await start(['a']);
    const [a] = servers as [Connection];
    await bench.until(a.serve('z', { name: () => 'z' }));
    const answers = await all(connection.client('z').gather$('name', [], { timeout: 50 }));
    expect(results(answers)).to.deep.equal(['z']);
  });

  it('should check params and results by the contract, and give an error as a value', async () => {
    connection = await bench.connect();
    const server = await bench.connect();
    await bench.until(
      server.serve('s', { name: () => 5, wait: () => Promise.reject(new RpcError(4, 'four')) }),
    );
    const client = connection.client(waiting);
    expect(results(await all(client.gather$('name', undefined, { count: 1 })))).to.deep.equal([
      'RpcError -32603',
    ]);
    expect(results(await all(client.gather$('wait', undefined, { count: 1 })))).to.deep.equal(['RpcError 4']);
    const error = await failureOf(lastValueFrom(client.gather$('name', [1] as unknown as undefined)));
    expect(told(error)).to.equal('NotSent invalid params');
    const stream = await failureOf(lastValueFrom(client.gather$('count' as 'name')));
    expect([told(stream), stream.message]).to.deep.equal([
      'NotSent unknown method',
      's.count: it is a stream, this makes a request',
    ]);
  });

  it('should go on after the error of one instance', async () => {
    await start(['a', 'b']);
    const [a] = servers as [Connection];
    await bench.until(a.serve('z', { name: () => 'ok' }));
    const b = servers[1] as Connection;
    await bench.until(
      b.serve('z', {
        name: () => {
          throw new RpcError(9, 'nine');
        },
      }),
    );
    const answers = await all(connection.client('z').gather$('name', [], { count: 2 }));
    expect(sorted(answers)).to.deep.equal(['RpcError 9', 'ok']);
  });

  describe('when it is enough', () => {
    it('should complete at the count, without those that are slower, and cancel them', async () => {
      connection = await bench.connect();
      for (const name of ['a', 'b', 'c']) await serveWaiting(name);
      const watched = watch(connection.client(waiting).gather$('wait', undefined, { count: 2 }));
      await bench.advance(10);
      gates[0]?.open('first');
      gates[2]?.open('second');
      await bench.advance(10);
      expect(sorted(watched.events)).to.deep.equal(['a first', 'c second', 'completed']);
      expect(aborted).to.deep.equal(['b']);
    });

    it('should complete at the timeout, the default one being the client’s', async () => {
      connection = await bench.connect();
      for (const name of ['a', 'b']) await serveWaiting(name);
      const watched = watch(connection.client(waiting, { timeout: 300 }).gather$('wait'));
      gates[0]?.open('in time');
      await bench.advance(299);
      expect(results(watched.events)).to.deep.equal(['a in time']);
      await bench.advance(1);
      expect(results(watched.events)).to.deep.equal(['a in time', 'completed']);
      await bench.advance(10);
      expect(aborted).to.deep.equal(['b']);
    });

    it('should complete empty when nobody answers', async () => {
      await start([]);
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 100, stall: 10 }));
      await bench.advance(99);
      expect(watched.events).to.deep.equal([]);
      await bench.advance(1);
      expect(watched.events).to.deep.equal(['completed']);
    });

    /** A gathering that a silence of 50 ms ends, and what gives it an answer. */
    const gathering = async () => {
      bench.broker.createTopic('s.requests', 1);
      const raw = new RawPeer(bench);
      connection = await bench.connect({ inbox: { partitions: 1 } });
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 1_000, stall: 50 }));
      await bench.advance(200);
      const answer = (instance: string) =>
        raw.append({
          topic: INBOX,
          value: ok(1, instance),
          headers: {
            kafka_correlationId: connection.instance,
            'callstream-inbox': `${INBOX}/0/${instance}`,
          },
        });
      return { watched, answer };
    };

    it('should complete after a silence that begins with an answer: one of its last ms is in time', async () => {
      const { watched, answer } = await gathering();
      answer('one');
      await bench.advance(49);
      answer('two');
      await bench.advance(49);
      answer('three');
      await bench.advance(50);
      expect(results(watched.events)).to.deep.equal(['one', 'two', 'three']);
      answer('too late');
      await bench.advance(20);
      expect(results(watched.events)).to.deep.equal(['one', 'two', 'three', 'completed']);
    });

    it('should take no time for a silence in which the process stood still', async () => {
      const { watched, answer } = await gathering();
      answer('one');
      await bench.advance(20);
      bench.broker.freeze(bench.kafkaOf(connection));
      await bench.advance(60);
      answer('two');
      await bench.advance(40);
      bench.broker.thaw(bench.kafkaOf(connection));
      await bench.advance(45);
      expect(results(watched.events)).to.deep.equal(['one', 'two']);
      await bench.advance(10);
      expect(results(watched.events)).to.deep.equal(['one', 'two', 'completed']);
    });

    it('should take a thousand answers by default, and not one more', async () => {
      const raw = new RawPeer(bench);
      connection = await bench.connect({ inbox: { partitions: 1 } });
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 1_000 }));
      await bench.advance(5);
      for (let i = 0; i < 1_100; i += 1) {
        raw.append({
          topic: INBOX,
          value: ok(1, i),
          headers: { kafka_correlationId: connection.instance, 'callstream-inbox': `${INBOX}/0/i${i}` },
        });
      }
      await bench.advance(50);
      expect(watched.events.length).to.equal(1_001);
      expect([watched.events.at(-1), connection.stats.late]).to.deep.equal(['completed', 100]);
    });

    for (const [options, text] of [
      [{ count: 0 }, 'count: expected an integer from 1 to 9007199254740991, got 0'],
      [{ stall: 0 }, 'stall: expected a number of milliseconds from 1 to 2147483647, got 0'],
      [{ timeout: -1 }, 'timeout: expected a number of milliseconds from 1 to 2147483647, got -1'],
    ] as const) {
      it(`should refuse ${JSON.stringify(options)}`, async () => {
        await start([]);
        const error = await failureOf(lastValueFrom(connection.client('s').gather$('name', [], options)));
        expect([error.name, error.message]).to.deep.equal(['TypeError', text]);
      });
    }
  });

  describe('what comes twice, or never', () => {
    it('should drop the repeated answers of one instance', async () => {
      await start(['a', 'b']);
      bench.broker.inject({
        topic: INBOX,
        where: ({ value }) => String(value).includes('result'),
        duplicates: 2,
      });
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 100 }));
      await bench.advance(100);
      expect(sorted(watched.events)).to.deep.equal(['a', 'b', 'completed']);
      expect(connection.stats.late).to.equal(4);
    });

    it('should drop the answer to a request that came twice', async () => {
      await start(['a', 'b']);
      bench.broker.inject({ topic: INBOX, client: bench.kafkaOf(connection), duplicates: 1 });
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 100 }));
      await bench.advance(100);
      expect(sorted(watched.events)).to.deep.equal(['a', 'b', 'completed']);
    });

    it('should drop an answer that doesn’t say whose it is', async () => {
      const raw = new RawPeer(bench);
      connection = await bench.connect({ inbox: { partitions: 1 } });
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 100 }));
      await bench.advance(5);
      const headers = { kafka_correlationId: connection.instance };
      raw.append({ topic: INBOX, value: ok(1, 'whose?'), headers });
      raw.append({ topic: INBOX, value: ok(1, '?'), headers: { ...headers, 'callstream-inbox': 'x/y' } });
      await bench.advance(100);
      expect([watched.events, connection.stats.late]).to.deep.equal([['completed'], 2]);
    });

    it('should go without an instance whose answer is lost', async () => {
      await start(['a', 'b']);
      const from = bench.kafkaOf(servers[0] as Connection);
      bench.broker.inject({ topic: INBOX, client: from, report: 'unwritten' });
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 100 }));
      await bench.advance(100);
      expect(results(watched.events)).to.deep.equal(['b', 'completed']);
    });

    it('should say so where a partition could not be asked', async () => {
      await start(['a']);
      const error = new KafkaError('denied', 'no');
      bench.broker.inject({
        topic: INBOX,
        client: bench.kafkaOf(connection),
        partition: 3,
        report: 'unwritten',
        error,
      });
      const watched = watch(connection.client('s').gather$('name', [], { timeout: 100 }));
      await bench.advance(100);
      expect(watched.events.at(-1)).to.equal('Failed kafka');
    });

    it('should end as not sent where the partitions can’t be looked up', async () => {
      await start(['a']);
      const kafka = bench.kafkaOf(connection);
      kafka.partitions = async () => {
        throw new KafkaError('unreachable', 'nobody there');
      };
      const source = connection.client('s').gather$('name', [], { timeout: 100 });
      expect(told(await failureOf(bench.until(lastValueFrom(source))))).to.equal('NotSent kafka');
      kafka.partitions = async () => undefined;
      expect(told(await failureOf(bench.until(lastValueFrom(source))))).to.equal('NotSent no topic');
      kafka.partitions = () => new Promise(() => {});
      const error = await failureOf(bench.until(lastValueFrom(source)));
      expect([told(error), error.message]).to.deep.equal([
        'NotSent timeout',
        's.name: not sent within 100 ms: the partitions of callstream.inbox are not known yet',
      ]);
    });
  });

  describe('its subscription', () => {
    beforeEach(async () => {
      connection = await bench.connect();
      for (const name of ['a', 'b']) await serveWaiting(name);
    });

    it('should be cold, and ask anew for each', async () => {
      const source = connection.client(waiting).gather$('name', undefined, { count: 2 });
      const before = bench.broker.records(INBOX).length;
      await bench.advance(20);
      expect(bench.broker.records(INBOX).length).to.equal(before);
      expect(sorted(await all(source))).to.deep.equal(['a', 'b']);
      expect(sorted(await all(source))).to.deep.equal(['a', 'b']);
    });

    it('should cancel the handlers when it ends', async () => {
      const watched = watch(connection.client(waiting).gather$('wait'));
      await bench.advance(10);
      watched.subscription.unsubscribe();
      await bench.advance(10);
      expect([aborted.sort(), watched.events, connection.stats.pending]).to.deep.equal([['a', 'b'], [], 0]);
    });

    it('should send nothing when it ends in the turn in which it began', async () => {
      const before = bench.broker.records(INBOX).length;
      watch(connection.client(waiting).gather$('wait')).subscription.unsubscribe();
      await bench.advance(20);
      expect(bench.broker.records(INBOX).length).to.equal(before);
    });

    it('should end with the first answer for one who takes no more', async () => {
      gates[0]?.open('!');
      const source = connection.client(waiting).gather$('wait').pipe(take(1));
      expect(results(await all(source))).to.deep.equal(['a !']);
      await bench.advance(10);
      expect(aborted).to.deep.equal(['b']);
    });

    it('should not cancel a call of another connection with the same id', async () => {
      const other = await bench.connect();
      const [mine, theirs] = [connection, other].map((it) => watch(it.client(waiting).gather$('wait')));
      await bench.advance(10);
      mine?.subscription.unsubscribe();
      await bench.advance(10);
      expect(aborted.sort()).to.deep.equal(['a', 'b']);
      for (const gate of gates) gate.open('there');
      await bench.advance(10);
      expect(sorted(theirs?.events ?? [])).to.deep.equal(['a there', 'b there']);
      theirs?.subscription.unsubscribe();
    });

    it('should end with its signal, and with the connection', async () => {
      const abort = new AbortController();
      const watched = watch(connection.client(waiting).gather$('wait', undefined, { signal: abort.signal }));
      await bench.advance(10);
      abort.abort();
      expect(watched.events).to.deep.equal(['Unknown aborted']);
      const closed = watch(connection.client(waiting).gather$('wait'));
      await bench.advance(10);
      await bench.until(connection.close());
      expect(closed.events).to.deep.equal(['Unknown closed']);
    });

    it('should not be retried: each instance answers once', async () => {
      const client = connection.client(waiting, { retry: { attempts: 3, perTry: 10 }, timeout: 200 });
      const watched = watch(client.gather$('wait'));
      await bench.advance(200);
      expect(watched.events).to.deep.equal(['completed']);
      const asked = bench.broker.records(INBOX).filter((it) => seen(it).value.method === 'wait');
      expect(asked.length).to.equal(16);
    });
  });

  it('should not know a dialect’s servers', async () => {
    await start([]);
    const client = connection.client('s', { interop: { nest: true } });
    const error = await failureOf(lastValueFrom(client.gather$('name')));
    expect(error.message).to.match(/^s\.name: gather\$ reaches callstream's servers alone/);
  });

  it('should pass the middleware of the client, and of each server', async () => {
    const kinds: string[] = [];
    connection = await bench.connect();
    await serveWaiting('a', { middleware: [(call, next) => next({ ...call, context: call.context })] });
    const client = connection.client(waiting, {
      middleware: [
        (call, next) => {
          kinds.push(call.kind);
          return next({ ...call, options: { ...call.options, headers: { token: 'x' } } });
        },
      ],
    });
    expect(results(await all(client.gather$('name', undefined, { count: 1 })))).to.deep.equal(['a']);
    expect(kinds).to.deep.equal(['gather']);
    const asked = bench.broker.records(INBOX).map((it) => seen(it).value);
    expect(asked.find(({ method }) => method === 'name').meta.headers).to.deep.equal({ token: 'x' });
  });
});

describe('a broadcast', () => {
  let bench: Bench;
  let server: Connection;
  let raw: RawPeer;
  let ran: string[];
  let gate: Gate<string>;
  beforeEach(async () => {
    bench = new Bench();
    server = await bench.connect({ inbox: { partitions: 6 } });
    raw = new RawPeer(bench);
    ran = [];
    gate = new Gate();
    await bench.until(
      server.serve('s', {
        run: (name: string) => {
          ran.push(name);
          return name;
        },
        wait: () => gate.promise,
      }),
    );
  });
  afterEach(async () => {
    gate.open('');
    await bench.close();
  });

  const broadcast = async (value: unknown, headers: Record<string, string | Buffer> = {}) => {
    for (let partition = 0; partition < 6; partition += 1) {
      raw.append({ topic: INBOX, partition, value, headers: { kafka_correlationId: 's', ...headers } });
    }
    await bench.advance(10);
  };
  const own = () => ({ 'callstream-version': '1', 'callstream-inbox': `${INBOX}/5/raw-peer` });
  const stats = () => [...server.servers][0]?.stats;

  it('should be answered to the inbox of its sender, with its instance', async () => {
    await broadcast(call(7, 'run', ['x']), own());
    const [answer, ...others] = raw.records();
    expect(others).to.deep.equal([]);
    expect([answer?.partition, answer?.value]).to.deep.equal([5, ok(7, 'x')]);
    expect(headerOf(answer as never, 'callstream-inbox')).to.match(new RegExp(`/${server.instance}$`));
  });

  it('should run a batch, and its notifications', async () => {
    await broadcast([call(1, 'run', ['x']), call(undefined, 'run', ['y']), call(2, 'run', ['z'])], own());
    expect(ran).to.deep.equal(['x', 'y', 'z']);
    expect(raw.messages()).to.deep.equal([ok(1, 'x'), ok(2, 'z')]);
  });

  for (const [what, headers] of [
    ['no callstream-inbox', {}],
    ['an empty one', { 'callstream-inbox': '' }],
    ['one that is no address', { 'callstream-inbox': 'here' }],
    ['a partition that is no number', { 'callstream-inbox': `${INBOX}/x/raw-peer` }],
    ['a part too many', { 'callstream-inbox': `${INBOX}/5/raw/peer` }],
    ['an instance that can’t be echoed', { 'callstream-inbox': Buffer.from(`${INBOX}/5/\xff`, 'latin1') }],
    ['a topic that isn’t allowed', { 'callstream-inbox': 'elsewhere/5/raw-peer' }],
  ] as const) {
    it(`should be refused and counted with ${what}`, async () => {
      await broadcast(call(7, 'run', ['x']), { 'callstream-version': '1', ...headers });
      expect([ran, stats()?.refused, bench.issues.length]).to.deep.equal([[], 1, 1]);
      expect(bench.issues[0]?.message).to.match(/^callstream\.inbox\/\d@\d+ can't be answered: its /);
      expect(raw.records()).to.deep.equal([]);
    });
  }

  it('should not crash a server, whatever it holds', async () => {
    for (const value of ['', '{{{', '5', '[]', '[5]', 'null', ok(1, 1), Buffer.from([0xc1]), null]) {
      await broadcast(value, own());
    }
    await broadcast(call(7, 'run', ['x']), own());
    expect(ran).to.deep.equal(['x']);
  });

  it('should be waited for at the end, and never committed', async () => {
    await broadcast(call(7, 'wait'), own());
    const closing = [...server.servers][0]?.close({ drain: 1_000 });
    await bench.advance(100);
    gate.open('in time');
    await bench.until(closing as Promise<void>);
    expect(raw.messages()).to.deep.equal([ok(7, 'in time')]);
    expect(bench.broker.committed('s', { topic: INBOX, partition: 5 })).to.equal(undefined);
    await broadcast(call(8, 'run', ['late']), own());
    expect(ran).to.deep.equal([]);
  });

  it('should reach the server that took the place of another on the same connection', async () => {
    const [first] = [...server.servers];
    await bench.until(server.serve('s', { run: () => 'second' }));
    await bench.until(first?.close() as Promise<void>);
    await broadcast(call(7, 'run', ['x']), own());
    expect(raw.messages()).to.deep.equal([ok(7, 'second')]);
  });
});
