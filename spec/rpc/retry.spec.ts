/** When a call is tried again, what goes on the wire then, and how it ends. */
import { expect } from 'chai';
import * as t from 'io-ts';
import type { Connection } from '../../src/connection.js';
import { request, service, stream } from '../../src/contract.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import { type Kafka, KafkaError } from '../../src/kafka/port.js';
import type { ClientOptions } from '../../src/rpc/client-api.js';
import type { CallContext } from '../../src/rpc/dispatch.js';
import type { CallError } from '../../src/rpc/error.js';
import { RetryBudget, type RetryOptions } from '../../src/rpc/retry.js';
import type { Fault } from '../../src/testing/index.js';
import {
  Bench,
  ending,
  failureOf,
  Gate,
  headerOf,
  notice,
  ok,
  RawPeer,
  type Seen,
  seen,
  told,
  watch,
} from './harness.js';
import { nothingBehindTheEnd } from './timeline.js';

const TOPIC = 's.requests';
/** Milliseconds from a request to its answer: two hops there, one back for what a raw peer appends. */
const ROUND = 3;

const failed = (id: unknown, code: number) => ({ jsonrpc: '2.0', error: { code, message: 'no' }, id });

describe('retry', () => {
  nothingBehindTheEnd();

  const drawn = Math.random;
  let bench: Bench;
  let raw: RawPeer;
  let servers: Kafka[];

  beforeEach(() => {
    bench = new Bench();
    raw = new RawPeer(bench);
    servers = [];
    bench.broker.createTopic(TOPIC, 4);
    Math.random = () => 0.5;
  });
  afterEach(async () => {
    Math.random = drawn;
    await bench.advance(2_000);
    for (const kafka of servers) await bench.until(kafka.close());
    await bench.close();
  });

  /** A client that knows its topic already. */
  const open = async (retry?: RetryOptions, options: ClientOptions = {}) => {
    const bare = await bench.bareClient('s', { client: { timeout: 1_000, retry, ...options } });
    await warm(bare.client);
    return bare;
  };
  const warm = async (client: { notify(method: string): Promise<void> }) => {
    await bench.until(client.notify('warm'));
  };
  /** Calls `answer` for each request as it arrives; what it returns is the reply. */
  const answering = async (answer: (message: any, record: Seen) => unknown) => {
    const kafka = bench.broker.connect();
    servers.push(kafka);
    const from = [0, 1, 2, 3].map((partition) => ({ topic: TOPIC, partition, offset: 0 }));
    const onRecord = (record: Parameters<typeof seen>[0]) => {
      const request = seen(record);
      for (const message of [request.value].flat()) {
        const reply = message.id === undefined ? undefined : answer(message, request);
        if (reply !== undefined) raw.reply(request, reply);
      }
    };
    await bench.until(kafka.assign(from, { onRecord, onError: () => {} }));
  };
  /** The attempts on the wire, in the order in which they were sent. */
  const sent = () =>
    bench.broker
      .records(TOPIC)
      .map(seen)
      .flatMap((record) => [record.value].flat().map((message) => ({ ...message, record })))
      .filter(({ id, method }) => id !== undefined && !method.startsWith('$/'))
      .sort((a, b) => a.record.timestamp - b.record.timestamp);
  const numbers = () => sent().map(({ meta }) => meta.attempt);
  const cancels = () => raw.requests('s').filter(({ method }) => method === '$/cancel').length;
  /** Times between one attempt and the next. */
  const waits = () => {
    const times = sent().map(({ record }) => record.timestamp);
    return times.slice(1).map((at, index) => at - (times[index] as number));
  };
  const refused = (details: { notSent?: boolean; denied?: boolean }): Fault => ({
    topic: TOPIC,
    times: 1,
    report: 'unwritten',
    error: details.denied
      ? new KafkaError('denied', 'not allowed', { code: 29 })
      : new KafkaError('queue full', 'full', { notSent: details.notSent ?? false }),
  });

  describe('on the wire', () => {
    it('should keep the id, the partition and the headers, and say which attempt it is and what time is left', async () => {
      const { client } = await open({ attempts: 3, backoff: 100 });
      await answering(({ id, meta }) => (meta.attempt < 3 ? failed(id, -32002) : ok(id, 'done')));
      const options = { key: 'k', headers: { a: 'b' }, idempotencyKey: 'i' };
      expect(await bench.until(client.call('m', ['x'], options))).to.equal('done');
      const all = sent();
      expect(all.map(({ meta }) => meta)).to.deep.equal([
        { timeout: 1_000, attempt: 1, idempotencyKey: 'i', key: 'k', headers: { a: 'b' } },
        { timeout: 1_000 - ROUND - 50, attempt: 2, idempotencyKey: 'i', key: 'k', headers: { a: 'b' } },
        { timeout: 1_000 - 2 * ROUND - 150, attempt: 3, idempotencyKey: 'i', key: 'k', headers: { a: 'b' } },
      ]);
      for (const { id, params, method, record } of all) {
        expect([id, params, method]).to.deep.equal([all[0].id, ['x'], 'm']);
        expect(record.partition).to.equal(all[0].record.partition);
        expect(record.headers).to.deep.equal(all[0].record.headers);
        expect(headerOf(record, 'callstream-version')).to.equal('1');
      }
      // The deadline is one and the same for all of them.
      const deadlines = all.map(({ meta, record }) => record.timestamp + meta.timeout);
      expect(new Set(deadlines).size).to.equal(1);
    });

    it('should name the first attempt only where there may be a second', async () => {
      const { client } = await open(undefined);
      await answering(({ id }) => ok(id, null));
      await bench.until(client.call('m'));
      await bench.until(client.call('m', undefined, { retry: {} }));
      expect(numbers()).to.deep.equal([undefined, 1]);
    });

    it('should name none of a notification, which is sent once', async () => {
      const { client } = await open({ attempts: 2 });
      await bench.until(client.notify('m'));
      await bench.until(client.notify('m', undefined, { retry: {} }));
      const said = bench.broker.records(TOPIC).map((record) => Object.keys(seen(record).value.meta));
      expect(said.length).to.be.at.least(2);
      expect(new Set(said.flat())).to.deep.equal(new Set(['timeout']));
    });

    it("should take a client's retry for a call that leaves it undefined", async () => {
      const { client } = await open({ attempts: 2 });
      await answering(({ id, meta }) => (meta.attempt === 2 ? ok(id, 'done') : failed(id, -32002)));
      expect(await bench.until(client.call('m', undefined, { retry: undefined }))).to.equal('done');
      expect(numbers()).to.deep.equal([1, 2]);
    });

    it("should take a call's retry rather than its client's", async () => {
      const { client } = await open({ attempts: 2 });
      await answering(({ id }) => failed(id, -32002));
      await bench.until(ending(client.call('m', undefined, { retry: { attempts: 4 } })));
      expect(numbers()).to.deep.equal([1, 2, 3, 4]);
    });
  });

  describe('attempts', () => {
    it('should be three where nothing else is said, and end with the last error', async () => {
      const { client } = await open({});
      let answers = 0;
      await answering(({ id }) => {
        answers += 1;
        return { ...failed(id, -32002), error: { code: -32002, message: `no ${answers}` } };
      });
      const error = await bench.until(failureOf(client.call('m')));
      expect([error.code, error.message, numbers()]).to.deep.equal([-32002, 'no 3', [1, 2, 3]]);
    });

    it('should be one where one is asked for', async () => {
      const { client } = await open({ attempts: 1 });
      await answering(({ id }) => failed(id, -32002));
      expect(await bench.until(ending(client.call('m')))).to.equal('RpcError -32002');
      expect(numbers()).to.deep.equal([1]);
    });

    it('should be one for an answer, and for errors that are not worth another', async () => {
      const { client } = await open({ attempts: 5 });
      await answering(({ id, method }) => (method === 'good' ? ok(id, 1) : failed(id, Number(method))));
      expect(await bench.until(ending(client.call('good')))).to.equal(1);
      for (const code of [-32700, -32600, -32601, -32602, -32603, -32000, -32001, -32003, 5]) {
        expect(await bench.until(ending(client.call(String(code))))).to.equal(`RpcError ${code}`);
      }
      expect(sent().every(({ meta }) => meta.attempt === 1)).to.equal(true);
    });

    it('should follow what Kafka did not deliver', async () => {
      const { client } = await open({ attempts: 3 });
      await answering(({ id }) => ok(id, 'done'));
      bench.broker.inject({ topic: TOPIC, times: 1, report: 'unwritten' });
      expect(await bench.until(client.call('m'))).to.equal('done');
      bench.broker.inject(refused({ notSent: true }));
      expect(await bench.until(client.call('m'))).to.equal('done');
      expect(numbers()).to.deep.equal([2, 2]);
    });

    it('should not follow what can not be sent at all', async () => {
      const { client } = await open({ attempts: 3 });
      expect(await ending(client.call('m', 5 as any))).to.equal('NotSent invalid params');
      expect(await bench.until(ending(client.call('m', [5n])))).to.equal('NotSent invalid params');
      expect(await bench.until(ending(client.call('m', ['x'.repeat(2_000_000)])))).to.equal(
        'NotSent too large',
      );
      await bench.advance(100);
      expect(numbers()).to.deep.equal([]);
    });

    it('should follow exactly what retryOn says, which sees each error', async () => {
      const judged: string[] = [];
      const { client } = await open({
        attempts: 9,
        retryOn: (error) => {
          judged.push(told(error));
          return error instanceof RpcError && error.code === 7;
        },
      });
      await answering(({ id, meta }) => failed(id, meta.attempt < 3 ? 7 : -32002));
      expect(await bench.until(ending(client.call('m')))).to.equal('RpcError -32002');
      expect([numbers(), judged]).to.deep.equal([
        [1, 2, 3],
        ['RpcError 7', 'RpcError 7', 'RpcError -32002'],
      ]);
    });

    it('should end a call whose retryOn throws with the error that it was asked about', async () => {
      const { client, correlation } = await open({
        retryOn: () => {
          throw new Error('a mistake');
        },
      });
      await answering(({ id }) => failed(id, -32002));
      expect(await bench.until(ending(client.call('m')))).to.equal('RpcError -32002');
      expect(correlation.size).to.equal(0);
    });

    it('should send nothing more of a call that its retryOn has ended', async () => {
      const abort = new AbortController();
      const { client } = await open({
        retryOn: () => {
          abort.abort();
          return true;
        },
      });
      await answering(({ id }) => failed(id, -32002));
      const { signal } = abort;
      expect(await bench.until(ending(client.call('m', [], { signal })))).to.equal('Unknown aborted');
      await bench.advance(1_000);
      expect(raw.requests('s').filter(({ method }) => method === 'm').length).to.equal(1);
    });

    it('should not be used up by the wait for a topic', async () => {
      const bare = await bench.bareClient('new', {
        client: { timeout: 5_000, retry: { attempts: 2, perTry: 100 } },
      });
      const call = ending(bare.client.call('m'));
      await bench.advance(1_000);
      bench.broker.createTopic('new.requests', 1);
      await bench.advance(300);
      expect(raw.requests('new').map(({ meta }) => meta.attempt)).to.deep.equal([1, 2]);
      const times = raw.records('new.requests').map(({ timestamp }) => timestamp);
      expect(times[1] ?? 0).to.equal((times[0] ?? 0) + 100);
      bare.correlation.close();
      await bench.until(call);
    });
  });

  describe('backoff', () => {
    const attempts = 8;

    it('should be drawn between 0 and a bound that doubles up to maxBackoff', async () => {
      for (const [random, expected] of [
        [0, [0, 0, 0, 0, 0, 0, 0]],
        [0.25, [10, 20, 40, 75, 75, 75, 75]],
        [0.999999, [40, 80, 160, 300, 300, 300, 300]],
      ] as const) {
        Math.random = () => random;
        const before = sent().length;
        const { client } = await open({ attempts, backoff: 40, maxBackoff: 300 }, { timeout: 60_000 });
        if (servers.length === 0) await answering(({ id }) => failed(id, -32002));
        await bench.until(ending(client.call('m')));
        const own = waits().slice(before === 0 ? 0 : before);
        expect(own.length).to.equal(attempts - 1);
        own.forEach((wait, index) => {
          expect(wait - ROUND, `random ${random}, wait ${index}`).to.be.closeTo(expected[index] as number, 1);
        });
      }
    });

    it('should be 50 ms at first and 2 s at last where nothing else is said', async () => {
      Math.random = () => 0.999999;
      const { client } = await open({ attempts: 9 }, { timeout: 60_000 });
      await answering(({ id }) => failed(id, -32002));
      await bench.until(ending(client.call('m')));
      const expected = [50, 100, 200, 400, 800, 1_600, 2_000, 2_000];
      waits().forEach((wait, index) => {
        expect(wait - ROUND).to.be.closeTo(expected[index] as number, 1);
      });
    });

    it('should differ from call to call', async () => {
      Math.random = drawn;
      const { client } = await open({ attempts: 2, backoff: 1_000 }, { timeout: 60_000 });
      await answering(({ id, meta }) => (meta.attempt === 2 ? ok(id, null) : failed(id, -32002)));
      await bench.until(Promise.all(Array.from({ length: 40 }, () => client.call('m'))));
      const first = sent()[0].record.timestamp + ROUND;
      const seconds = sent()
        .filter(({ meta }) => meta.attempt === 2)
        .map(({ record }) => record.timestamp - first);
      expect(seconds).to.have.length(40);
      expect(new Set(seconds).size).to.be.greaterThan(20);
      expect(Math.min(...seconds)).to.be.at.least(0);
      expect(Math.max(...seconds)).to.be.at.most(1_001);
    });

    it('should end the call at once where it would reach the deadline', async () => {
      Math.random = () => 0.999999;
      const { client } = await open({ backoff: 500 }, { timeout: 500 });
      await answering(({ id }) => failed(id, -32002));
      const start = bench.clock.now();
      expect(await bench.until(ending(client.call('m')))).to.equal('RpcError -32002');
      expect([bench.clock.now() - start, numbers()]).to.deep.equal([ROUND, [1]]);
    });

    it('should be cut short by the call’s deadline, abort, unsubscribe and close; nothing follows', async () => {
      Math.random = () => 0.999999;
      const { client, correlation } = await open({ backoff: 300 });
      await answering(({ id }) => failed(id, -32002));
      const controller = new AbortController();
      const aborted = ending(client.call('m', undefined, { signal: controller.signal }));
      const unsubscribed = watch(client.call$('m'));
      await bench.advance(100);
      controller.abort();
      unsubscribed.subscription.unsubscribe();
      expect(await bench.until(aborted)).to.equal('Unknown aborted');
      expect([unsubscribed.events, correlation.size]).to.deep.equal([[], 0]);
      const closed = ending(client.call('m'));
      await bench.advance(100);
      correlation.close();
      expect(await bench.until(closed)).to.equal('Unknown closed');
      expect(bench.clock.pending).to.be.at.most(1);
      await bench.advance(2_000);
      expect(numbers()).to.deep.equal([1, 1, 1]);
    });
  });

  describe('perTry', () => {
    it('should be followed by the next attempt at once, as often as there are attempts', async () => {
      const { client } = await open({ attempts: 3, perTry: 100 });
      const call = ending(client.call('m'));
      await bench.advance(99);
      expect(numbers()).to.deep.equal([1]);
      await bench.advance(1);
      await bench.advance(1);
      expect(numbers()).to.deep.equal([1, 2]);
      await bench.advance(800);
      expect([numbers(), waits()]).to.deep.equal([
        [1, 2, 3],
        [100, 100],
      ]);
      expect(await bench.until(call)).to.equal('Unknown timeout');
    });

    it('should leave the call to its deadline, exactly', async () => {
      const { client, correlation } = await open({ attempts: 9, perTry: 500 });
      const start = bench.clock.now();
      expect(await bench.until(ending(client.call('m')))).to.equal('Unknown timeout');
      expect([bench.clock.now() - start, correlation.size]).to.deep.equal([1_000, 0]);
      await bench.advance(2_000);
      expect([numbers(), cancels()]).to.deep.equal([[1, 2], 1]);
    });

    it('should send nothing behind the deadline where the process stood still over both', async () => {
      const { client, kafka } = await open({ attempts: 3, perTry: 100 });
      const call = ending(client.call('m'));
      await bench.advance(50);
      bench.broker.freeze(kafka);
      await bench.advance(1_500);
      bench.broker.thaw(kafka);
      expect(await bench.until(call)).to.equal('Unknown timeout');
      await bench.advance(100);
      expect(numbers()).to.deep.equal([1]);
    });

    it('should do nothing once there is an answer', async () => {
      const { client } = await open({ attempts: 3, perTry: 100 });
      await answering(({ id }) => ok(id, 1));
      await bench.until(client.call('m'));
      expect(bench.clock.pending).to.be.at.most(1);
      await bench.advance(1_000);
      expect(numbers()).to.deep.equal([1]);
    });

    it('should let the first answer win, also a late one to an earlier attempt', async () => {
      const { client, correlation } = await open({ attempts: 3, perTry: 100 });
      const held: [Seen, any][] = [];
      await answering((message, record) => {
        held.push([record, message]);
        return undefined;
      });
      const call = ending(client.call('m'));
      await bench.advance(250);
      const [first, second, third] = held as [[Seen, any], [Seen, any], [Seen, any]];
      raw.reply(first[0], ok(first[1].id, 'of the first'));
      raw.reply(second[0], ok(second[1].id, 'of the second'));
      raw.reply(third[0], failed(third[1].id, -32603));
      expect(await bench.until(call)).to.equal('of the first');
      await bench.advance(10);
      expect([correlation.late, correlation.size, numbers()]).to.deep.equal([2, 0, [1, 2, 3]]);
    });

    it('should ask retryOn, which may refuse', async () => {
      const judged: string[] = [];
      const { client } = await open({
        perTry: 100,
        retryOn: (error) => {
          judged.push(told(error));
          return false;
        },
      });
      expect(await bench.until(ending(client.call('m')))).to.equal('Unknown timeout');
      expect([numbers(), judged]).to.deep.equal([[1], ['Unknown timeout']]);
    });

    it('should not end a call for what became of an attempt that another has followed', async () => {
      for (const report of ['unwritten', 'written'] as const) {
        const { client } = await open({ attempts: 2, perTry: 100 });
        if (servers.length === 0) {
          await answering(({ id, meta }) => {
            if (meta.attempt === 2) {
              bench.clock.after(200, () => raw.reply(sent().at(-1).record, ok(id, 'of the second')));
            }
          });
        }
        bench.broker.inject({ topic: TOPIC, times: 1, report, reportDelay: 200 });
        expect(await bench.until(ending(client.call('m'))), report).to.equal('of the second');
      }
    });
  });

  describe('a late answer to an earlier attempt', () => {
    const late = (record: Seen, id: unknown, code: number, attempt: number) =>
      raw.reply(record, { ...failed(id, code), meta: { attempt } });

    it('should neither end the call nor bring another attempt forth, where it is worth another try', async () => {
      const { client } = await open({ attempts: 3, perTry: 100, backoff: 100 });
      const call = ending(client.call('m'));
      await bench.advance(110);
      const [first] = sent();
      for (let i = 0; i < 3; i += 1) late(first.record, first.id, -32002, 1);
      await bench.advance(80);
      expect(numbers()).to.deep.equal([1, 2]);
      await bench.advance(30);
      expect(numbers()).to.deep.equal([1, 2, 3]);
      late(first.record, first.id, -32002, 2);
      await bench.advance(50);
      raw.reply(first.record, ok(first.id, 'of the last'));
      expect(await bench.until(call)).to.equal('of the last');
    });

    it('should not end the call while the last attempt waits for its turn', async () => {
      Math.random = () => 0.999999;
      const { client } = await open({ attempts: 2, backoff: 200 });
      const call = ending(client.call('m'));
      await bench.advance(5);
      const [first] = sent();
      late(first.record, first.id, -32002, 1);
      await bench.advance(100);
      late(first.record, first.id, -32002, 1);
      await bench.advance(50);
      expect(numbers()).to.deep.equal([1]);
      await bench.advance(100);
      expect(numbers()).to.deep.equal([1, 2]);
      late(first.record, first.id, -32002, 2);
      expect(await bench.until(call)).to.equal('RpcError -32002');
    });

    it('should not end the call where it is a refusal, whatever retryOn says of it: the last attempt may run', async () => {
      const judged: string[] = [];
      const retryOn = (error: CallError) => {
        judged.push(told(error));
        return error._tag === 'Unknown';
      };
      const { client } = await open({ attempts: 2, perTry: 100, retryOn });
      const call = ending(client.call('m'));
      await bench.advance(110);
      const [first] = sent();
      late(first.record, first.id, -32002, 1);
      await bench.advance(10);
      raw.reply(first.record, { ...ok(first.id, 'of the last'), meta: { attempt: 2 } });
      expect(await bench.until(call)).to.equal('of the last');
      expect(judged).to.deep.equal(['Unknown timeout']);
    });

    it('should end the call where it is final', async () => {
      const { client } = await open({ attempts: 2, perTry: 100 });
      const call = ending(client.call('m'));
      await bench.advance(110);
      const [first] = sent();
      late(first.record, first.id, -32000, 1);
      expect(await bench.until(call)).to.equal('RpcError -32000');
    });

    it('should leave it unknown whether the call ran', async () => {
      const { client } = await open({ attempts: 2, perTry: 100 });
      bench.broker.inject({
        ...refused({ denied: true }),
        where: ({ value }) => String(value).includes('"attempt":2'),
        reportDelay: 100,
      });
      const call = ending(client.call('m'));
      await bench.advance(110);
      const [first] = sent();
      late(first.record, first.id, -32002, 1);
      expect(await bench.until(call)).to.equal('Unknown kafka');
    });

    it('should be told apart by what the server says: errors, and answers to later attempts, name theirs', async () => {
      const connection = await bench.connect();
      const target = {
        good: () => 'yes',
        bad: () => {
          throw new RpcError(-32002);
        },
      };
      await bench.until(connection.serve('s', target));
      const ask = (id: number, method: string, attempt?: number) =>
        raw.request('s', { jsonrpc: '2.0', method, id, meta: { attempt } }, raw.callstream);
      ask(1, 'good');
      ask(2, 'good', 1);
      ask(3, 'bad');
      ask(4, 'bad', 1);
      ask(5, 'none', 2);
      await bench.advance(10);
      ask(2, 'good', 2);
      await bench.advance(10);
      const meta = (id: number) =>
        raw
          .messages()
          .filter((it) => it.id === id)
          .map((it) => it.meta);
      expect([1, 2, 3, 4, 5].map(meta)).to.deep.equal([
        [undefined],
        [undefined, { attempt: 2 }],
        [undefined],
        [{ attempt: 1 }],
        [{ attempt: 2 }],
      ]);
    });
  });

  describe('the end of a call that was tried again', () => {
    it('should stay unknown once an attempt was: no later refusal says that it did not run', async () => {
      for (const last of [refused({ notSent: true }), refused({ denied: true })]) {
        const { client } = await open({ attempts: 2 });
        bench.broker.inject({ topic: TOPIC, times: 1, report: 'written' });
        const call = ending(client.call('m'));
        await bench.advance(10);
        bench.broker.inject(last);
        expect(await bench.until(call)).to.equal('Unknown kafka');
      }
      for (const last of [refused({ notSent: true }), refused({ denied: true })]) {
        const { client } = await open({ attempts: 2, perTry: 50 });
        const call = ending(client.call('m'));
        await bench.advance(10);
        bench.broker.inject(last);
        expect(await bench.until(call)).to.equal('Unknown kafka');
      }
    });

    it('should stay unknown where an earlier attempt was answered with an error: its handler may have run', async () => {
      for (const code of [-32000, -32002]) {
        for (const last of [refused({ notSent: true }), refused({ denied: true })]) {
          const { client } = await open({ attempts: 2, retryOn: () => true });
          if (servers.length === 0) await answering(({ id, method }) => failed(id, Number(method)));
          const call = ending(client.call(String(code)));
          await bench.advance(2);
          bench.broker.inject(last);
          expect(await bench.until(call), `${code}`).to.equal('Unknown kafka');
        }
      }
    });

    it('should say not sent, or failed, where none of its attempts was sent', async () => {
      const { client } = await open({ attempts: 2 });
      bench.broker.inject({ ...refused({ notSent: true }), times: 2 });
      expect(await bench.until(ending(client.call('m')))).to.equal('NotSent kafka');
      bench.broker.inject({ ...refused({ denied: true }), times: 2 });
      expect(await bench.until(ending(client.call('m')))).to.equal('Failed kafka');
    });

    it('should be exactly one, whatever arrives afterwards', async () => {
      const { client, correlation } = await open({ attempts: 3, perTry: 50 });
      await answering(({ id, meta }) => (meta.attempt === 1 ? undefined : failed(id, 5)));
      const endings: unknown[] = [];
      void ending(client.call('m')).then((it) => endings.push(it));
      await bench.advance(60);
      for (const { id, record } of sent()) {
        raw.reply(record, ok(id, 'late'));
        raw.reply(record, failed(id, -32002));
      }
      await bench.advance(2_000);
      expect([endings, correlation.size, correlation.late]).to.deep.equal([['RpcError 5'], 0, 4]);
    });
  });

  describe('budget', () => {
    it('should be spent at half of its tokens, and refilled by a tenth of a token an answer', () => {
      const budget = new RetryBudget();
      let granted = 0;
      while (budget.spend()) granted += 1;
      expect(granted).to.equal(49);
      for (let i = 0; i < 9; i += 1) budget.answered();
      expect(budget.spend()).to.equal(false);
      for (let i = 0; i < 12; i += 1) budget.answered();
      expect([budget.spend(), budget.spend()]).to.deep.equal([true, false]);
    });

    it('should never hold more than its tokens, nor less than none', () => {
      const full = new RetryBudget();
      for (let i = 0; i < 10_000; i += 1) full.answered();
      let granted = 0;
      while (full.spend()) granted += 1;
      expect(granted).to.equal(49);
      for (let i = 0; i < 10_000; i += 1) full.spend();
      for (let i = 0; i < 521; i += 1) full.answered();
      expect(full.spend()).to.equal(true);
    });

    it('should be shared by the calls of a client, so that retries do not multiply an overload', async () => {
      const { client } = await open({ attempts: 5 }, { timeout: 60_000 });
      let overloaded = true;
      await answering(({ id }) => (overloaded ? failed(id, -32002) : ok(id, 'done')));
      const calls = Array.from({ length: 200 }, () => ending(client.call('m')));
      expect(new Set(await bench.until(Promise.all(calls)))).to.deep.equal(new Set(['RpcError -32002']));
      expect(sent()).to.have.length(249);
      expect(await bench.until(ending(client.call('m')))).to.equal('RpcError -32002');
      overloaded = false;
      for (let i = 0; i < 60; i += 1) {
        await bench.until(Promise.all(Array.from({ length: 20 }, () => client.call('m'))));
      }
      overloaded = true;
      const before = sent().length;
      await bench.until(ending(client.call('m')));
      expect(sent().length - before).to.equal(5);
    });

    it('should hold back an attempt after silence as well, and leave the call to its deadline', async () => {
      const { client } = await open({ attempts: 2, perTry: 100 });
      const calls = Array.from({ length: 60 }, () => ending(client.call('m')));
      expect(new Set(await bench.until(Promise.all(calls)))).to.deep.equal(new Set(['Unknown timeout']));
      expect(sent()).to.have.length(109);
    });

    it('should not be shared by two clients', async () => {
      const one = await open({ attempts: 2 }, { timeout: 60_000 });
      const other = await open({ attempts: 2 }, { timeout: 60_000 });
      await answering(({ id }) => failed(id, -32002));
      await bench.until(Promise.all(Array.from({ length: 100 }, () => ending(one.client.call('m')))));
      const before = sent().length;
      await bench.until(ending(other.client.call('m')));
      expect(sent().length - before).to.equal(2);
    });
  });

  describe('call$', () => {
    const contract = service('s', {
      get: request({ result: t.string }),
      feed: stream({ item: t.number }),
    });
    const openTyped = async (retry: RetryOptions, options: ClientOptions = {}) => {
      const bare = await bench.bareClient('s', {
        methods: contract.methods,
        client: { timeout: 1_000, retry, ...options },
      });
      // Any call finds the topic.
      watch(bare.client.call$('get')).subscription.unsubscribe();
      await bench.advance(10);
      return bare;
    };

    it('should try again, once for each subscription, with an id of its own', async () => {
      const { client } = await openTyped({ attempts: 2 });
      await answering(({ id, meta }) => (meta.attempt === 2 ? ok(id, 'done') : failed(id, -32002)));
      const call$ = client.call$('get');
      for (let i = 0; i < 2; i += 1) {
        const events = watch(call$);
        await bench.advance(200);
        expect(events.events).to.deep.equal(['done', 'completed']);
      }
      const ids = sent().map(({ id }) => id);
      expect([numbers(), new Set(ids).size]).to.deep.equal([[1, 2, 1, 2], 2]);
    });

    it('should try a stream again until it opens, with the same credit', async () => {
      const { client } = await openTyped({ attempts: 3, perTry: 100 }, { window: 8 });
      await answering(({ id, meta }, record) => {
        if (meta.attempt === 1) return failed(id, -32002);
        if (meta.attempt === 2) return undefined;
        raw.reply(record, [
          notice('$/open', { id }),
          notice('$/next', { id, seq: 0, items: [1, 2] }),
          ok(id, null),
        ]);
        return undefined;
      });
      const events = watch(client.call$('feed'));
      await bench.advance(900);
      expect(events.events).to.deep.equal([1, 2, 'completed']);
      expect(sent().map(({ meta }) => [meta.attempt, meta.credit])).to.deep.equal([
        [1, 8],
        [2, 8],
        [3, 8],
      ]);
    });

    it('should not try a stream again once it is open', async () => {
      const { client } = await openTyped({ attempts: 9, perTry: 100, retryOn: () => true });
      await answering(({ id }, record) => {
        raw.reply(record, notice('$/open', { id }));
        bench.clock.after(500, () => raw.reply(record, failed(id, -32002)));
      });
      const events = watch(client.call$('feed'));
      await bench.advance(1_000);
      expect([events.events, numbers()]).to.deep.equal([['RpcError -32002'], [1]]);
    });

    it('should not end an open stream for what became of the records that asked for it', async () => {
      for (const [report, error] of [
        ['written', undefined],
        ['unwritten', new KafkaError('queue full', 'full', { notSent: true })],
        ['unwritten', new KafkaError('denied', 'not allowed', { code: 29 })],
      ] as const) {
        const { client } = await openTyped({ attempts: 2, perTry: 50 });
        if (servers.length === 0) {
          await answering(({ id, meta }, record) => {
            if (meta.attempt !== 1) return;
            bench.clock.after(60, () => raw.reply(record, notice('$/open', { id })));
            bench.clock.after(300, () =>
              raw.reply(record, [notice('$/next', { id, seq: 0, items: [1] }), ok(id, null)]),
            );
          });
        }
        const events = watch(client.call$('feed'));
        await bench.advance(10);
        bench.broker.inject({ topic: TOPIC, times: 1, report, error, reportDelay: 100 });
        await bench.advance(900);
        expect(events.events, `${report} ${error?.reason}`).to.deep.equal([1, 'completed']);
      }
    });

    it('should not end an open stream where only the report of its record was lost', async () => {
      const { client } = await openTyped({ attempts: 1 });
      await answering(({ id }, record) => {
        raw.reply(record, notice('$/open', { id }));
        bench.clock.after(300, () =>
          raw.reply(record, [notice('$/next', { id, seq: 0, items: [1] }), ok(id, null)]),
        );
      });
      bench.broker.inject({ topic: TOPIC, times: 1, report: 'written', reportDelay: 100 });
      const events = watch(client.call$('feed'));
      await bench.advance(900);
      expect(events.events).to.deep.equal([1, 'completed']);
    });
  });

  describe('options', () => {
    const wrong: [RegExp, object][] = [
      [/retry\.attempts: expected an integer from 1/, { attempts: 0 }],
      [/retry\.attempts: expected an integer from 1/, { attempts: 1.5 }],
      [/retry\.attempts/, { attempts: Number.NaN }],
      [/retry\.attempts/, { attempts: '3' }],
      [/retry\.backoff: expected a number of milliseconds from 1/, { backoff: 0 }],
      [/retry\.backoff/, { backoff: -5 }],
      [/retry\.maxBackoff/, { maxBackoff: 2 ** 31 }],
      [/retry\.perTry/, { perTry: 0 }],
      [/retry\.perTry/, { perTry: Number.POSITIVE_INFINITY }],
      [/retry\.retryOn: expected a function/, { retryOn: 5 }],
    ];

    it('should be checked where a client is made, and name the field', async () => {
      const connection = await bench.connect();
      for (const [message, retry] of wrong) {
        expect(() => connection.client('s', { retry: retry as RetryOptions })).to.throw(TypeError, message);
      }
    });

    it('should be checked before a call is sent: one that is refused leaves nothing behind', async () => {
      const { client, correlation } = await open(undefined);
      for (const [message, retry] of wrong) {
        const error = await failureOf(client.call('m', undefined, { retry: retry as RetryOptions }));
        expect(error).to.be.instanceOf(TypeError);
        expect(error.message).to.match(message);
        const events = watch(client.call$('m', undefined, { retry: retry as RetryOptions }));
        expect(events.events[0]).to.match(message);
      }
      expect(correlation.size).to.equal(0);
      await bench.advance(100);
      expect(sent()).to.deep.equal([]);
    });
  });

  describe('context', () => {
    let front: Connection;
    let seenBy: CallContext[];
    let gate: Gate;
    let inner: unknown[];

    /** `outer` runs a handler that calls `inner` with its own context. */
    const serve = async (options: (context: CallContext) => object) => {
      front = await bench.connect();
      seenBy = [];
      inner = [];
      gate = new Gate();
      const watched = await bench.connect();
      await bench.until(
        watched.serve(service('look', { look: request({ result: t.unknown }) }), {
          look: (_, context) => {
            seenBy.push(context);
            return gate.promise;
          },
        }),
      );
      await bench.until(
        front.serve(service('front', { outer: request({ result: t.unknown }) }), {
          outer: async (_, context) => {
            const made = options(context);
            const answer = await ending(front.client('look').call('look', undefined, made));
            inner.push(answer);
            return answer;
          },
        }),
      );
      const caller = await bench.connect();
      // The topics are found before a test looks at times.
      const first = ending(front.client('look').call('look', undefined, { timeout: 20 }));
      await bench.until(Promise.all([first, ending(caller.client('front').call('nothing'))]));
      await bench.advance(100);
      seenBy.length = 0;
      return caller.client('front', { timeout: 1_000 });
    };
    afterEach(async () => {
      gate?.open('late');
      await bench.advance(10);
    });

    it('should give the inner call what is left of the deadline, and no more than it asks for', async () => {
      const client = await serve((context) => ({ context, timeout: 60_000 }));
      const start = bench.clock.now();
      const call = ending(client.call('outer'));
      await bench.advance(50);
      expect(seenBy[0]?.deadline).to.equal(start + 1_000);
      expect(await bench.until(call)).to.match(/timeout|-3200[13]/);
      await bench.advance(100);
      expect(seenBy[0]?.signal.aborted).to.equal(true);

      const other = await serve((context) => ({ context, timeout: 100 }));
      void ending(other.call('outer'));
      await bench.advance(50);
      expect((seenBy[0]?.deadline ?? 0) - bench.clock.now()).to.be.within(50, 60);
      await bench.advance(1_000);
    });

    it('should end the inner call when the outer one is cancelled', async () => {
      const client = await serve((context) => ({ context }));
      const controller = new AbortController();
      const call = ending(client.call('outer', undefined, { signal: controller.signal }));
      await bench.advance(50);
      controller.abort();
      expect(await bench.until(call)).to.equal('Unknown aborted');
      await bench.advance(50);
      expect([inner, seenBy[0]?.signal.aborted]).to.deep.equal([['Unknown aborted'], true]);
    });

    it('should end the inner call when the outer one is cancelled, also where it has a signal of its own', async () => {
      const own = new AbortController();
      const client = await serve((context) => ({ context, signal: own.signal }));
      const controller = new AbortController();
      void ending(client.call('outer', undefined, { signal: controller.signal }));
      await bench.advance(50);
      controller.abort();
      await bench.advance(50);
      expect([inner, seenBy[0]?.signal.aborted]).to.deep.equal([['Unknown aborted'], true]);
    });

    it('should follow its own signal besides the context', async () => {
      const own = new AbortController();
      const client = await serve((context) => ({ context, signal: own.signal }));
      const call = ending(client.call('outer'));
      await bench.advance(50);
      own.abort();
      expect(await bench.until(call)).to.equal('Unknown aborted');
      expect(inner).to.deep.equal(['Unknown aborted']);
    });

    it('should be that of many calls without a warning of a leak', async () => {
      const warnings: Error[] = [];
      const warned = (warning: Error) => warnings.push(warning);
      process.on('warning', warned);
      const own = new AbortController();
      const client = await bench.connect();
      const asking = service('asking', { ask: request({ result: t.number }) });
      const wait = () => new Promise<number>((resolve) => bench.clock.after(10, () => resolve(1)));
      await bench.until(client.serve('wait', { wait }));
      await bench.until(
        client.serve(asking, {
          ask: async (_, context) => {
            const calls = Array.from({ length: 20 }, () =>
              client.client('wait').call('wait', [], { context, signal: own.signal }),
            );
            return (await Promise.all(calls)).length;
          },
        }),
      );
      expect(await bench.until(client.client(asking).call('ask'))).to.equal(20);
      await new Promise(setImmediate);
      process.off('warning', warned);
      expect(warnings).to.deep.equal([]);
    });

    it('should be the context itself: a copy is refused, and nothing is sent', async () => {
      const client = await serve((context) => ({ context: { ...context } }));
      await bench.until(client.call('outer'));
      expect(inner).to.deep.equal([
        'untagged: context: expected the context of a handler itself, a copy of it is none',
      ]);
      expect(seenBy).to.deep.equal([]);
    });

    it('should have no deadline once it is that of an open stream', async () => {
      front = await bench.connect();
      const deadlines: number[] = [];
      const ask = async function* (_: unknown, context: CallContext) {
        for (let i = 0; i < 3; i += 1) {
          await new Promise<void>((resolve) => bench.clock.after(1_000, resolve));
          deadlines.push(context.deadline);
          yield await front.client('look').call<number>('look', [i], { context, timeout: 500 });
        }
      };
      await bench.until(front.serve('look', { look: (n: number) => n }));
      const asking = service('asking', { ask: stream({ item: t.number }) });
      await bench.until(front.serve(asking, { ask }));
      const caller = await bench.connect();
      const items = watch(caller.client(asking, { timeout: 1_500 }).call$('ask'));
      await bench.advance(5_000);
      expect(items.events).to.deep.equal([0, 1, 2, 'completed']);
      expect(new Set(deadlines)).to.deep.equal(new Set([Number.POSITIVE_INFINITY]));
    });

    it('should pass the trace on and nothing else of the headers; own headers win', async () => {
      const headers = { traceparent: '00-1-2-01', tracestate: 'a=b', authorization: 'secret' };
      const client = await serve((context) => ({ context }));
      void ending(client.call('outer', undefined, { headers }));
      await bench.advance(50);
      expect(seenBy[0]?.headers).to.deep.equal({ traceparent: '00-1-2-01', tracestate: 'a=b' });

      const other = await serve((context) => ({ context, headers: { traceparent: 'mine', x: 'y' } }));
      void ending(other.call('outer', undefined, { headers }));
      await bench.advance(50);
      expect(seenBy[0]?.headers).to.deep.equal({ traceparent: 'mine', tracestate: 'a=b', x: 'y' });
      await bench.advance(1_000);
    });

    it('should be no call at all where the outer one is over', async () => {
      let context: CallContext | undefined;
      const client = await serve((it) => {
        context = it;
        return { context: it };
      });
      gate.open('done');
      await bench.until(client.call('outer'));
      await bench.advance(2_000);
      const before = bench.broker.records('look.requests').length;
      const late = ending(front.client('look').call('look', undefined, { context }));
      expect(await bench.until(late)).to.match(/^(NotSent|Unknown) timeout$/);
      expect(bench.broker.records('look.requests').length - before).to.be.at.most(2);
    });
  });
});
