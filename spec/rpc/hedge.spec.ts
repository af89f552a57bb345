/** When copies of a call are sent, to whom, which answer wins, and what becomes of the others. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { notification, request, service, stream } from '../../src/contract.js';
import { type Kafka, KafkaError } from '../../src/kafka/port.js';
import type { CallOptions } from '../../src/rpc/call-options.js';
import type { ClientOptions } from '../../src/rpc/client-api.js';
import type { HedgeOptions } from '../../src/rpc/hedge-options.js';
import { Bench, ending, failureOf, Gate, ok, RawPeer, type Seen, seen, watch } from './harness.js';

const TOPIC = 's.requests';
const error = (id: unknown, code: number) => ({ jsonrpc: '2.0', error: { code, message: 'no' }, id });

describe('hedge', () => {
  let bench: Bench;
  let raw: RawPeer;
  let servers: Kafka[];

  beforeEach(() => {
    bench = new Bench();
    raw = new RawPeer(bench);
    servers = [];
  });
  afterEach(async () => {
    await bench.advance(2_000);
    for (const kafka of servers) await bench.until(kafka.close());
    await bench.close();
  });

  /** A client that knows its topic already. */
  const open = async (hedge?: HedgeOptions, options: ClientOptions = {}, partitions = 4) => {
    bench.broker.createTopic(TOPIC, partitions);
    const bare = await bench.bareClient('s', { client: { timeout: 1_000, hedge, ...options } });
    await bench.until(bare.client.notify('warm'));
    return bare;
  };
  /** Answers each request as one server a partition would; undefined: not at all. */
  const answering = async (answer: (message: any, record: Seen) => unknown) => {
    const kafka = bench.broker.connect();
    servers.push(kafka);
    const size = (await bench.until(kafka.partitions(TOPIC))) ?? 0;
    const from = Array.from({ length: size }, (_, partition) => ({ topic: TOPIC, partition, offset: 0 }));
    const onRecord = (record: Parameters<typeof seen>[0]) => {
      const asked = seen(record);
      for (const message of [asked.value].flat()) {
        if (message.id === undefined) continue;
        const given = answer(message, asked);
        if (given !== undefined) reply(asked, message, given as object);
      }
    };
    await bench.until(kafka.assign(from, { onRecord, onError: () => {} }));
  };
  const reply = (record: Seen, { meta }: any, answer: object) =>
    raw.reply(record, { ...answer, meta: { attempt: meta.attempt } }, `server-${record.partition}`);
  const all = () =>
    bench.broker
      .records(TOPIC)
      .map(seen)
      .flatMap((record) => [record.value].flat().map((message) => ({ ...message, record })))
      .sort((a, b) => a.record.timestamp - b.record.timestamp);
  const sent = () => all().filter(({ id }) => id !== undefined);
  /** Partitions to which `$/cancel` went. */
  const cancels = () =>
    all()
      .filter(({ method }) => method === '$/cancel')
      .map(({ record }) => record.partition)
      .sort();
  const refused = (attempt: number, notSent: boolean) => ({
    topic: TOPIC,
    times: 1,
    report: 'unwritten' as const,
    where: ({ value }: { value: Buffer | null }) => String(value).includes(`"attempt":${attempt}`),
    error: notSent
      ? new KafkaError('queue full', 'full', { notSent: true })
      : new KafkaError('denied', 'no', { code: 29 }),
  });

  it('should send copies to other partitions, one each delay, under one id and deadline', async () => {
    const { client } = await open({ delay: 100, attempts: 3 });
    const start = bench.clock.now();
    const call = ending(client.call('m', ['x'], { headers: { a: 'b' } }));
    await bench.advance(500);
    const copies = sent();
    expect(copies.map(({ record, meta }) => [record.timestamp - start, meta])).to.deep.equal([
      [0, { timeout: 1_000, attempt: 1, headers: { a: 'b' } }],
      [100, { timeout: 900, attempt: 2, headers: { a: 'b' } }],
      [200, { timeout: 800, attempt: 3, headers: { a: 'b' } }],
    ]);
    expect(new Set(copies.map(({ record }) => record.partition)).size).to.equal(3);
    expect(new Set(copies.map(({ id, method, params }) => `${id} ${method} ${params}`)).size).to.equal(1);
    expect(await bench.until(call)).to.equal('Unknown timeout');
  });

  it('should send none where the first is answered in time, and cancel nobody', async () => {
    const { client } = await open({ delay: 100 });
    await answering(({ id }) => ok(id, 'first'));
    expect(await bench.until(client.call('m'))).to.equal('first');
    await bench.advance(500);
    expect([sent().length, cancels()]).to.deep.equal([1, []]);
    // That of the deadlines: it has nobody to wake.
    expect(bench.clock.pending).to.be.at.most(1);
  });

  it('should take the answer to the first where it comes first, and cancel the copies', async () => {
    const { client, correlation } = await open({ delay: 100, attempts: 3 });
    const call = ending(client.call('m'));
    await bench.advance(250);
    const [first, second, third] = sent();
    reply(first.record, first, ok(first.id, 'of the first'));
    expect(await bench.until(call)).to.equal('of the first');
    await bench.advance(10);
    expect(cancels()).to.deep.equal([second.record.partition, third.record.partition].sort());
    reply(second.record, second, ok(first.id, 'late'));
    await bench.advance(10);
    expect([correlation.size, correlation.late]).to.deep.equal([0, 1]);
    expect(bench.clock.pending).to.be.at.most(1);
  });

  it('should take the answer to a copy where it comes first, and cancel the others, never the winner', async () => {
    const { client, correlation } = await open({ delay: 100, attempts: 3 });
    await answering(({ id, meta }) => (meta.attempt === 2 ? ok(id, 'of the copy') : undefined));
    expect(await bench.until(client.call('m'))).to.equal('of the copy');
    await bench.advance(500);
    expect([sent().length, cancels()]).to.deep.equal([2, [sent()[0].record.partition]]);
    expect(correlation.size).to.equal(0);
  });

  it('should end with an error that is final, whosever it is', async () => {
    const { client } = await open({ delay: 100, attempts: 3 });
    await answering(({ id, meta }) => (meta.attempt === 2 ? error(id, 5) : undefined));
    expect(await bench.until(ending(client.call('m')))).to.equal('RpcError 5');
    await bench.advance(10);
    expect([sent().length, cancels()]).to.deep.equal([2, [sent()[0].record.partition]]);
  });

  it('should send the next at once after an error that is not final, and end with the last of them', async () => {
    const { client, correlation } = await open({ delay: 100, attempts: 3 });
    const start = bench.clock.now();
    await answering(({ id }) => error(id, -32002));
    expect(await bench.until(ending(client.call('m')))).to.equal('RpcError -32002');
    expect([sent().length, correlation.size]).to.deep.equal([3, 0]);
    expect(bench.clock.now() - start).to.be.below(20);
    await bench.advance(500);
    expect([sent().length, cancels()]).to.deep.equal([3, []]);
  });

  it('should go on while one is out, whatever the others have come to, and count a repeat once', async () => {
    const { client } = await open({ delay: 100, attempts: 3 });
    await answering((message, record) => {
      const { id, meta } = message;
      if (meta.attempt === 2) bench.clock.after(400, () => reply(record, message, ok(id, 'slow')));
      if (meta.attempt === 1) for (let i = 0; i < 3; i += 1) reply(record, message, error(id, -32002));
      return meta.attempt === 3 ? error(id, -32002) : undefined;
    });
    expect(await bench.until(ending(client.call('m')))).to.equal('slow');
    expect(sent().length).to.equal(3);
  });

  it('should count an error that names no attempt for the one that is out the longest', async () => {
    const { client } = await open({ delay: 100 });
    const call = ending(client.call('m'));
    await bench.advance(110);
    const [first] = sent();
    raw.reply(first.record, error(first.id, -32002));
    await bench.advance(10);
    raw.reply(first.record, error(first.id, -32002));
    expect(await bench.until(call)).to.equal('RpcError -32002');
  });

  it('should survive a record that Kafka refuses, and say what is known where it refuses all', async () => {
    const { client } = await open({ delay: 100, attempts: 2 });
    await answering(({ id, method }) => (method === 'm' ? ok(id, 'copy') : undefined));
    bench.broker.inject(refused(1, true));
    expect(await bench.until(ending(client.call('m')))).to.equal('copy');
    for (const [notSent, told] of [
      [true, 'NotSent kafka'],
      [false, 'Failed kafka'],
    ] as const) {
      bench.broker.inject(refused(1, notSent));
      bench.broker.inject(refused(2, notSent));
      expect(await bench.until(ending(client.call('silent')))).to.equal(told);
    }
    bench.broker.inject({ ...refused(1, true), report: 'written', error: undefined });
    bench.broker.inject(refused(2, true));
    expect(await bench.until(ending(client.call('silent')))).to.equal('Unknown kafka');
  });

  it('should not say that it did not run where only a copy was refused, for good', async () => {
    const { client } = await open({ delay: 100 });
    bench.broker.inject({ ...refused(2, false), error: new KafkaError('no topic', 'gone', { code: 3 }) });
    expect(await bench.until(ending(client.call('m')))).to.equal('Unknown no topic');
  });

  it('should end at its timeout exactly, send no copy in that instant, and cancel all', async () => {
    const { client, correlation } = await open({ delay: 500, attempts: 9 });
    const start = bench.clock.now();
    expect(await bench.until(ending(client.call('m')))).to.equal('Unknown timeout');
    expect([bench.clock.now() - start, correlation.size]).to.deep.equal([1_000, 0]);
    await bench.advance(1_000);
    const partitions = sent().map(({ record }) => record.partition);
    expect([partitions.length, cancels()]).to.deep.equal([2, [...partitions].sort()]);
  });

  it('should take an answer of its last millisecond', async () => {
    const { client } = await open({ delay: 998 });
    await answering(({ id, meta }) => (meta.attempt === 2 ? ok(id, 'just') : undefined));
    const call = ending(client.call('m'));
    await bench.advance(1_000);
    expect(await bench.until(call)).to.equal('Unknown timeout');
    const other = ending(client.call('m', undefined, { hedge: { delay: 996 } }));
    expect(await bench.until(other)).to.equal('just');
  });

  it('should cancel all at an unsubscribe, an abort and the end of the connection', async () => {
    const { client, correlation } = await open({ delay: 100, attempts: 3 });
    const controller = new AbortController();
    // Without a contract call$ is a stream: typed, it is a request.
    const typed = await bench.bareClient('s', {
      methods: { m: request({ result: t.unknown }) },
      client: { timeout: 1_000, hedge: { delay: 100, attempts: 3 } },
    });
    await bench.until(ending(typed.client.call('m', undefined, { timeout: 300 })));
    await bench.advance(10);
    const before = cancels().length;
    const events = watch(typed.client.call$('m'));
    const aborted = ending(client.call('m', undefined, { signal: controller.signal }));
    await bench.advance(150);
    events.subscription.unsubscribe();
    controller.abort();
    expect(await bench.until(aborted)).to.equal('Unknown aborted');
    await bench.advance(10);
    expect([events.events, cancels().length - before]).to.deep.equal([[], 4]);
    const closed = ending(client.call('m'));
    await bench.advance(150);
    correlation.close();
    expect(await bench.until(closed)).to.equal('Unknown closed');
    const count = sent().length;
    await bench.advance(1_000);
    expect([sent().length - count, correlation.size, typed.correlation.size]).to.deep.equal([0, 0, 0]);
  });

  it('should send no more copies than the budget has tokens to spare, and take none for what it does not send', async () => {
    const { client } = await open({ delay: 10 }, { timeout: 100 });
    await bench.until(Promise.all(Array.from({ length: 80 }, () => ending(client.call('m')))));
    expect(sent().length).to.equal(80 + 49);
    await answering(({ id, method }) => (method === 'good' ? ok(id, 1) : undefined));
    for (let i = 0; i < 9; i += 1) await bench.until(client.call('good'));
    const before = sent().length;
    await bench.until(Promise.all(Array.from({ length: 3 }, () => ending(client.call('m')))));
    expect(sent().length - before).to.equal(4);
  });

  it('should be a plain call where the topic has one partition', async () => {
    const { client } = await open({ delay: 10, attempts: 5 }, {}, 1);
    expect(await bench.until(ending(client.call('m')))).to.equal('Unknown timeout');
    await answering(({ id }) => error(id, -32002));
    expect(await bench.until(ending(client.call('m')))).to.equal('RpcError -32002');
    expect(sent().length).to.equal(2);
  });

  it('should prefer partitions of other servers', async () => {
    const { route } = await open(undefined, {}, 3);
    // Server `a` has the partitions 0 and 1, `b` has 2: plain calls have learned it.
    const peer = (instance: string) => ({ topic: 'callstream.inbox', partition: 0, instance });
    const of = (partition: number) => ({ partition, id: 0 }) as Parameters<typeof route.answered>[0];
    for (const [partition, name] of ['a', 'a', 'b'].entries()) route.answered(of(partition), peer(name));
    expect([route.another([0]), route.another([1]), route.another([2])]).to.deep.equal([2, 2, 0]);
    expect([route.another([0, 2]), route.another([0, 1, 2])]).to.deep.equal([1, undefined]);
  });

  it('should learn whose partition it is from the attempt that was answered, not from the first', async () => {
    const { client, route } = await open({ delay: 10 }, {}, 2);
    await answering(({ id, meta }) => (meta.attempt === 2 ? ok(id, 1) : undefined));
    await bench.until(client.call('m'));
    const [first, copy] = sent().map(({ record }) => record.partition);
    await bench.advance(10);
    const before = cancels();
    for (const partition of [first, copy]) {
      route.cancel({ id: 99, partition } as Parameters<typeof route.cancel>[0]);
    }
    await bench.advance(10);
    expect(raw.control(`server-${copy}`)).to.deep.equal([{ method: '$/cancel', id: 99 }]);
    expect([raw.control(`server-${first}`), cancels()]).to.deep.equal([[], [...before, first]]);
  });

  it('should run once on each of two servers, and stop the loser; on one server it runs once', async () => {
    const runs: string[] = [];
    const aborted: string[] = [];
    const gates = [new Gate<void>(), new Gate<void>()];
    const contract = service('pair', { get: request({ result: t.unknown }) });
    for (const name of ['a', 'b']) {
      const server = await bench.connect();
      const handlers = {
        get: async (_: unknown, { signal }: { signal: AbortSignal }) => {
          runs.push(name);
          const turn = runs.length;
          signal.addEventListener('abort', () => aborted.push(name));
          if (turn === 1) await gates[0]?.promise;
          return name;
        },
      };
      await bench.until(server.serve(contract, handlers, { requests: { partitions: 2 } }));
    }
    await bench.advance(100);
    const client = (await bench.connect()).client(contract);
    const answer = await bench.until(client.call('get', undefined, { hedge: { delay: 50, attempts: 5 } }));
    await bench.advance(20);
    expect([runs.length, new Set(runs).size, runs[1], aborted]).to.deep.equal([2, 2, answer, [runs[0]]]);
    gates[0]?.open();

    const alone = await bench.connect();
    const lone = service('lone', { get: request({ result: t.unknown }) });
    let count = 0;
    const served = await bench.until(
      alone.serve(lone, {
        get: async () => {
          count += 1;
          await gates[1]?.promise;
          return 'one';
        },
      }),
    );
    const call = alone.client(lone).call('get', undefined, { hedge: { delay: 50, attempts: 3 } });
    await bench.advance(200);
    gates[1]?.open();
    expect(await bench.until(call)).to.equal('one');
    await bench.advance(20);
    expect([count, served.stats.repeated, alone.stats.pending]).to.deep.equal([1, 2, 0]);
    expect(alone.stats.late).to.equal(2);
  });

  describe('options', () => {
    it('should be checked where they are given, and name the field', async () => {
      const { client, correlation } = await open();
      const connection = await bench.connect();
      const wrong: [RegExp, CallOptions][] = [
        [
          /hedge\.delay: expected a number of milliseconds from 1 .*, got undefined/,
          { hedge: {} as HedgeOptions },
        ],
        [/hedge\.delay/, { hedge: { delay: 0 } }],
        [/hedge\.attempts: expected an integer from 2/, { hedge: { delay: 1, attempts: 1 } }],
        [/hedge: expected no retry/, { hedge: { delay: 1 }, retry: {} }],
        [/hedge: expected no key/, { hedge: { delay: 1 }, key: 'k' }],
      ];
      for (const [message, options] of wrong) {
        expect(() => connection.client('s', options)).to.throw(TypeError, message);
        const failure = await failureOf(client.call('m', undefined, options));
        expect(failure).to.be.instanceOf(TypeError);
        expect(failure.message).to.match(message);
      }
      const keyed = connection.client('s', { key: 'k' });
      expect((await failureOf(keyed.call('m', [], { hedge: { delay: 1 } }))).message).to.match(/no key/);
      expect([correlation.size, connection.stats.pending, sent()]).to.deep.equal([0, 0, []]);
    });

    it('should be refused for a stream and a notification, and not apply to them as a default', async () => {
      const contract = service('s', { feed: stream({ item: t.unknown }), note: notification({}) });
      const { client } = await open({ delay: 10 });
      const hedge = { delay: 10 };
      expect((await failureOf(client.notify('note', [], { hedge }))).message).to.match(/s\.note: hedge/);
      expect(watch(client.call$('feed', [], { hedge })).events[0]).to.match(
        /s\.feed: hedge: expected a request/,
      );
      const typed = await bench.bareClient('s', { methods: contract.methods, client: { hedge } });
      await bench.until(typed.client.notify('note'));
      const feed = watch(typed.client.call$('feed'));
      await bench.advance(100);
      feed.subscription.unsubscribe();
      expect(sent().map(({ meta }) => meta.attempt)).to.deep.equal([undefined]);
    });

    it("should give way to a call's own retry or key, and take its place where the call says so", async () => {
      const { client } = await open({ delay: 10 });
      const ends = [{ key: 'k' }, { retry: { attempts: 2, perTry: 500 } }].map((options) =>
        ending(client.call('m', [], { timeout: 100, ...options })),
      );
      await bench.until(Promise.all(ends));
      expect(sent().map(({ meta }) => meta.attempt)).to.have.members([undefined, 1]);
      const retrying = await open(undefined, { retry: { attempts: 5, perTry: 10 } });
      const before = sent().length;
      await bench.until(ending(retrying.client.call('m', [], { timeout: 100, hedge: { delay: 60 } })));
      expect(sent().length - before).to.equal(2);
    });
  });
});
