/** What a server puts on the wire and takes from it, as a peer sees it that is not callstream. */
import { encode as pack } from '@msgpack/msgpack';
import { expect } from 'chai';
import * as t from 'io-ts';
import { NEVER, of } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { notification, request, service } from '../../src/contract.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import type { ServeOptions } from '../../src/options.js';
import type { CallContext } from '../../src/rpc/dispatch.js';
import { Bench, call, Gate, headerOf, INBOX, notice, ok, RawPeer } from './harness.js';

describe('server', () => {
  let bench: Bench;
  let connection: Connection;
  let server: Server;
  let raw: RawPeer;
  let ran: unknown[][];
  let gate: Gate;

  const handlers = {
    echo: (...params: unknown[]) => {
      ran.push(params);
      return params;
    },
    wait: async (name: string) => {
      ran.push([name]);
      return `${name} ${await gate.promise}`;
    },
    fail: () => {
      throw new RpcError(4, 'four', { data: [4] });
    },
    large: () => 'x'.repeat(2_000_000),
    circular: () => {
      const value: unknown[] = [];
      value.push(value);
      return value;
    },
    items: () => of(1, 2, 3),
  };
  const serve = async (options: ServeOptions = {}) => {
    server = await bench.until(connection.serve('s', handlers, { requests: { partitions: 1 }, ...options }));
  };
  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
    raw = new RawPeer(bench);
    ran = [];
    gate = new Gate();
  });
  afterEach(async () => {
    gate.open('');
    await bench.close();
  });
  const committed = () => bench.broker.committed('s', { topic: 's.requests', partition: 0 });

  describe('where the answer goes', () => {
    beforeEach(() => serve());

    it('should answer to the topic and partition that the headers name, byte by byte', async () => {
      raw.request('s', '{"jsonrpc":"2.0","method":"echo","params":[1,"é"],"id":"a-1"}');
      await bench.advance(10);
      const [answer, ...others] = raw.records();
      expect(others).to.deep.equal([]);
      expect([answer?.partition, answer?.key, answer?.text]).to.deep.equal([
        5,
        null,
        '{"jsonrpc":"2.0","result":[1,"é"],"id":"a-1"}',
      ]);
      const [, , inbox] = answer?.headers ?? [];
      expect(answer?.headers).to.deep.equal([
        ['kafka_correlationId', 'raw-peer'],
        ['content-type', 'application/json'],
        inbox,
      ]);
      expect(inbox?.[0]).to.equal('callstream-inbox');
      expect(inbox?.[1]).to.match(new RegExp(`^callstream\\.inbox/\\d+/${connection.instance}$`));
      expect((answer?.timestamp ?? 0) - bench.clock.now()).to.be.within(-10, 0);
    });

    it('should answer without headers on the topic for replies, with the id as the key', async () => {
      raw.append({ topic: 's.requests', value: call('id-7', 'echo', [1]) });
      raw.append({ topic: 's.requests', value: call(7, 'fail') });
      await bench.advance(10);
      const answers = raw.records('s.replies').sort((a, b) => String(a.key).localeCompare(String(b.key)));
      expect(answers.map(({ key, value }) => [key, value])).to.deep.equal([
        ['7', { jsonrpc: '2.0', error: { code: 4, message: 'four', data: [4] }, id: 7 }],
        ['id-7', ok('id-7', [1])],
      ]);
      for (const answer of answers) {
        expect(answer.headers.map(([name]) => name)).to.deep.equal(['content-type', 'callstream-inbox']);
      }
    });

    it('should echo a correlation id without a reply topic', async () => {
      raw.append({ topic: 's.requests', value: call(1, 'echo'), headers: { kafka_correlationId: 'mine' } });
      await bench.advance(10);
      expect(headerOf(raw.records('s.replies')[0] as any, 'kafka_correlationId')).to.equal('mine');
    });

    it('should answer to some partition of the reply topic where none is named, or one that is no number', async () => {
      for (const partition of [undefined, 'x', '-1', '\u0000\u0000\u0000\u0005']) {
        raw.request('s', call(1, 'echo'), {
          kafka_replyTopic: INBOX,
          kafka_correlationId: 'raw-peer',
          ...(partition === undefined ? {} : { kafka_replyPartition: partition }),
        });
      }
      await bench.advance(10);
      expect(raw.messages()).to.deep.equal(Array(4).fill(ok(1, [])));
    });

    it('should take the last of headers that repeat', async () => {
      bench.broker.append({
        topic: 's.requests',
        partition: 0,
        value: Buffer.from(JSON.stringify(call(1, 'echo'))),
        headers: [
          { kafka_replyTopic: 'elsewhere' },
          { kafka_correlationId: 'first' },
          { kafka_replyTopic: INBOX },
          { kafka_correlationId: 'raw-peer' },
        ],
      });
      await bench.advance(10);
      expect(raw.messages()).to.deep.equal([ok(1, [])]);
    });

    it('should refuse a reply topic that is not allowed, run nothing, and go on', async () => {
      bench.broker.createTopic('victim');
      raw.request('s', call(1, 'echo', ['x']), { ...raw.address, kafka_replyTopic: 'victim' });
      raw.request('s', call(2, 'echo', ['y']));
      await bench.advance(1_000);
      expect([ran, server.stats.refused]).to.deep.equal([[['y']], 1]);
      expect([raw.records('victim'), raw.messages()]).to.deep.equal([[], [ok(2, ['y'])]]);
      expect(bench.issues.map(({ message }) => message).join()).to.match(/s\.requests\/0@0.*victim/);
      expect(committed()).to.equal(2);
    });

    it('should refuse a correlation id that can not be echoed', async () => {
      const headers = { ...raw.address, kafka_correlationId: Buffer.from([0x61, 0xff, 0x00]) as any };
      raw.request('s', call(1, 'echo', ['x']), headers);
      await bench.advance(1_000);
      expect([ran, server.stats.refused, committed()]).to.deep.equal([[], 1, 1]);
    });

    it('should commit where the named partition is not there, and count the answer as lost', async () => {
      raw.request('s', call(1, 'echo'), { ...raw.address, kafka_replyPartition: '99' });
      await bench.advance(1_000);
      expect([server.stats.lost, committed()]).to.deep.equal([1, 1]);
    });
  });

  it('should answer to topics that were allowed, and to no others', async () => {
    await serve({ replyTopics: ['mine'] });
    bench.broker.createTopic('mine');
    raw.request('s', call(1, 'echo'), { kafka_replyTopic: 'mine' });
    raw.request('s', call(2, 'echo'));
    await bench.advance(10);
    expect([raw.messages('mine'), raw.messages()]).to.deep.equal([[ok(1, [])], []]);
  });

  describe('batches', () => {
    beforeEach(() => serve());

    it('should answer a batch with one array once the last is done, without the notifications', async () => {
      raw.request('s', [
        call(1, 'echo', ['a']),
        notice('echo', ['b']),
        call(2, 'wait', ['w']),
        call(3, 'fail'),
        call(4, 'none'),
        5,
        call(6, 'circular'),
      ]);
      await bench.advance(500);
      expect([raw.records(), committed()]).to.deep.equal([[], undefined]);
      gate.open('ed');
      await bench.advance(500);
      expect(raw.records()).to.have.length(1);
      const { value } = raw.records()[0] as any;
      expect(value).to.be.an('array');
      const byId = Object.fromEntries(value.map((it: any) => [it.id, it.error?.code ?? it.result]));
      expect(value).to.have.length(6);
      expect(byId).to.deep.equal({
        1: ['a'],
        2: 'w ed',
        3: 4,
        4: -32601,
        null: -32600,
        6: -32603,
      });
      expect(committed()).to.equal(1);
    });

    it('should answer a batch of one with an array of one', async () => {
      raw.request('s', [call(1, 'echo')]);
      await bench.advance(10);
      expect(raw.records().map(({ value }) => value)).to.deep.equal([[ok(1, [])]]);
    });

    it('should answer nothing to a batch of notifications, or to one', async () => {
      raw.request('s', [notice('echo', [1]), notice('none'), notice('fail')]);
      raw.request('s', notice('echo', [2]));
      raw.request('s', notice('none'));
      await bench.advance(500);
      expect([raw.records(), ran, committed()]).to.deep.equal([[], [[1], [2]], 3]);
    });

    it('should answer an empty batch with one error', async () => {
      raw.request('s', []);
      await bench.advance(10);
      const [answer] = raw.records();
      expect([answer?.value.error.code, answer?.value.id]).to.deep.equal([-32600, null]);
      expect(server.stats.malformed).to.equal(1);
    });

    it('should answer two batches of one turn with two arrays, each of its own answers', async () => {
      raw.request('s', [call(1, 'echo'), call(2, 'echo')]);
      raw.request('s', [call(3, 'echo')]);
      await bench.advance(10);
      expect(raw.records().map(({ value }) => value.map((it: any) => it.id))).to.deep.equal([[1, 2], [3]]);
    });

    it('should answer two single requests of one turn with two single answers', async () => {
      raw.request('s', call(1, 'echo'));
      raw.request('s', call(2, 'echo'));
      await bench.advance(10);
      expect(raw.records().map(({ value }) => value)).to.deep.equal([ok(1, []), ok(2, [])]);
    });

    it('should answer a batch whose array is too large for a record with errors', async () => {
      raw.request('s', [call(1, 'large'), call(2, 'echo')]);
      await bench.advance(500);
      const ids = raw.messages().map(({ id }) => id);
      expect(ids.sort()).to.deep.equal([1, 2]);
      expect(raw.messages().find(({ id }) => id === 1).error.code).to.equal(-32603);
      expect(committed()).to.equal(1);
    });

    it('should let the answers of a callstream peer leave as they are ready', async () => {
      raw.request('s', [call(1, 'wait', ['w']), call(2, 'echo'), call(3, 'echo')], raw.callstream);
      await bench.advance(500);
      expect([raw.records().map(({ value }) => value), committed()]).to.deep.equal([
        [[ok(2, []), ok(3, [])]],
        undefined,
      ]);
      gate.open('ed');
      await bench.advance(500);
      expect([raw.messages()[2], committed()]).to.deep.equal([ok(1, 'w ed'), 1]);
    });

    it('should count the answers of a batch that Kafka would not take', async () => {
      bench.broker.inject({ topic: INBOX, report: 'unwritten' });
      raw.request('s', [call(1, 'echo'), call(2, 'echo')]);
      raw.request('s', call(3, 'echo'), raw.callstream);
      await bench.advance(500);
      expect([server.stats.lost, committed()]).to.deep.equal([3, 2]);
    });

    it('should say an error again as it was where its delivery failed: another attempt may run by then', async () => {
      bench.broker.inject({ topic: INBOX, report: 'written', times: 1 });
      raw.request('s', call(1, 'none', [], { attempt: 1 }), raw.callstream);
      await bench.advance(20);
      const said = raw.messages().map(({ error, meta }) => [error.code, meta]);
      expect(said).to.deep.equal(Array(2).fill([-32601, { attempt: 1 }]));
      expect(server.stats.lost).to.equal(0);
    });

    it('should count a refusal that Kafka would not take', async () => {
      bench.broker.inject({ topic: INBOX, report: 'unwritten' });
      raw.request('s', call(1, 'none'));
      await bench.advance(500);
      expect([server.stats.lost, committed()]).to.deep.equal([1, 1]);
    });
  });

  describe('what is no request', () => {
    beforeEach(() => serve());
    const answered = async (value: unknown, headers?: Record<string, string>) => {
      raw.request('s', value, headers);
      await bench.advance(500);
      return raw.messages().map((it) => it.error?.code ?? it.result);
    };

    it('should answer malformed bytes with a parse error', async () => {
      expect(await answered('{"jsonrpc":"2.0","method"')).to.deep.equal([-32700]);
      expect(raw.messages()[0].id).to.equal(null);
      expect([server.stats.malformed, committed()]).to.deep.equal([1, 1]);
    });

    it('should answer an empty value, and invalid UTF-8, with a parse error', async () => {
      expect(await answered('')).to.deep.equal([-32700]);
      expect(await answered(Buffer.from([0x22, 0xff, 0x22]))).to.deep.equal([-32700, -32700]);
    });

    it('should answer an invalid request with its id where it has one', async () => {
      raw.request('s', { jsonrpc: '1.0', method: 'echo', id: 9 });
      raw.request('s', { jsonrpc: '2.0', method: 5, id: 10 });
      raw.request('s', { jsonrpc: '2.0', method: 'echo', params: 5, id: 11 });
      raw.request('s', { jsonrpc: '2.0', method: 'echo', id: { a: 1 } });
      raw.request('s', '5');
      await bench.advance(10);
      expect(raw.messages().map(({ id, error }) => [id, error.code])).to.deep.equal(
        [9, 10, 11, null, null].map((id) => [id, -32600]),
      );
    });

    it('should call with the id null, and with a fraction', async () => {
      raw.request('s', call(null, 'echo'));
      raw.request('s', call(1.5, 'echo'));
      await bench.advance(10);
      expect(raw.messages().map(({ id }) => id)).to.deep.equal([null, 1.5]);
    });

    it('should count a record without a value, and go on', async () => {
      raw.append({ topic: 's.requests', value: null, headers: raw.address });
      expect(await answered(call(1, 'echo'))).to.deep.equal([[]]);
      expect([server.stats.tombstones, committed()]).to.deep.equal([1, 2]);
    });

    it('should answer nothing to a response, and count it', async () => {
      raw.request('s', ok(1, 2));
      raw.request('s', [ok(1, 2)]);
      await bench.advance(500);
      expect([raw.records(), server.stats.malformed, committed()]).to.deep.equal([[], 2, 2]);
    });

    it('should answer a control message that wants an answer with method not found', async () => {
      expect(await answered(call(1, '$/cancel', { id: 7 }))).to.deep.equal([-32601]);
      raw.request('s', notice('$/cancel', { id: 7 }));
      raw.request('s', notice('$/unknown', [1]));
      await bench.advance(500);
      expect([raw.records().length, committed()]).to.deep.equal([1, 3]);
    });
  });

  describe('MessagePack', () => {
    beforeEach(() => serve());
    const packed = Buffer.from(pack({ jsonrpc: '2.0', method: 'echo', params: ['é'], id: 3 }));

    it('should read it where the header names it, and answer in it', async () => {
      raw.request('s', packed, { ...raw.address, 'content-type': 'application/msgpack' });
      await bench.advance(10);
      const [answer] = raw.records();
      expect(headerOf(answer as any, 'content-type')).to.equal('application/msgpack');
      expect(answer?.value).to.deep.equal(ok(3, ['é']));
    });

    it('should read it by its first byte where there is no header, batches too', async () => {
      for (const value of [
        packed,
        Buffer.from(pack([{ jsonrpc: '2.0', method: 'echo', id: 4 }])),
        call(5, 'echo'),
      ]) {
        raw.request('s', value);
        await bench.advance(10);
      }
      expect(raw.records().map((it) => headerOf(it, 'content-type'))).to.deep.equal([
        'application/msgpack',
        'application/msgpack',
        'application/json',
      ]);
      expect(raw.messages().map(({ id }) => id)).to.deep.equal([3, 4, 5]);
    });

    it('should answer malformed MessagePack with a parse error in MessagePack', async () => {
      raw.request('s', packed.subarray(0, 10), { ...raw.address, 'content-type': 'application/msgpack' });
      await bench.advance(10);
      expect(raw.messages().map(({ error }) => error.code)).to.deep.equal([-32700]);
    });
  });

  describe('deadlines', () => {
    let contexts: CallContext[];
    const timed = service('s', {
      now: request({ params: t.UnknownRecord, result: t.string }),
      later: request({ params: t.UnknownRecord, result: t.string }),
      note: notification({ params: t.UnknownRecord }),
    });
    beforeEach(async () => {
      contexts = [];
      const entered = (context: CallContext) => contexts.push(context);
      server = await bench.until(
        connection.serve(
          timed,
          {
            now: (_, context) => `${entered(context)}`,
            later: async (_, context) => {
              entered(context);
              return `${await gate.promise}`;
            },
            note: (_, context) => entered(context),
          },
          { requests: { partitions: 1 } },
        ),
      );
    });
    const at = (timestamp: number, method: string, timeout?: unknown, id: unknown = 1) => {
      const value = call(method === 'note' ? undefined : id, method, {}, { timeout });
      raw.append({ topic: 's.requests', value, headers: raw.address, timestamp });
    };
    const codes = () => raw.messages().map((it) => it.error?.code ?? it.result);

    it('should drop a request only more than two seconds after its time', async () => {
      const now = bench.clock.now();
      at(now - 2_999, 'now', 1_000, 'kept'); // Read one millisecond later: exactly at the edge.
      at(now - 3_000, 'now', 1_000, 'dropped');
      await bench.advance(1_000);
      expect(raw.messages().map(({ id, error }) => [id, error?.code])).to.deep.equal([
        ['kept', undefined],
        ['dropped', -32001],
      ]);
      expect([server.stats.expired, contexts.length, committed()]).to.deep.equal([1, 1, 2]);
    });

    it('should drop an expired notification without an answer', async () => {
      at(bench.clock.now() - 60_000, 'note', 1_000);
      await bench.advance(500);
      expect([contexts, raw.records(), server.stats.expired, committed()]).to.deep.equal([[], [], 1, 1]);
    });

    it('should stop a handler at its deadline, counted from the timestamp of the record', async () => {
      const now = bench.clock.now();
      at(now - 300, 'later', 1_000);
      await bench.advance(699);
      expect([contexts[0]?.deadline, contexts[0]?.signal.aborted]).to.deep.equal([now + 700, false]);
      await bench.advance(1);
      expect(contexts[0]?.signal.aborted).to.equal(true);
      await bench.advance(10);
      expect(codes()).to.deep.equal([-32001]);
    });

    it('should stop handlers at their deadlines in whatever order they came', async () => {
      const now = bench.clock.now();
      at(now, 'now', 1_000, 'first');
      await bench.advance(10);
      at(now, 'later', 1_000, 'a');
      at(now - 600, 'later', 1_000, 'b');
      at(now - 300, 'later', 1_000, 'c');
      const ended: unknown[] = [];
      for (let i = 0; i < 11; i += 1) {
        await bench.advance(100);
        ended.push(contexts.filter(({ signal }) => signal.aborted).length);
      }
      expect(ended).to.deep.equal([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]);
    });

    it('should stop a handler in time after one with the same timeout has gone', async () => {
      const now = bench.clock.now();
      at(now, 'later', 1_000, 'quick');
      await bench.advance(5);
      gate.open('x');
      await bench.advance(5);
      gate = new Gate();
      at(now - 800, 'later', 1_000, 'late');
      await bench.advance(250);
      expect(contexts.at(-1)?.signal.aborted).to.equal(true);
    });

    it('should count from when it was received where the timestamp is in the future, and report that', async () => {
      const now = bench.clock.now();
      at(now + 1_000_000, 'later', 1_000);
      at(now + 1_000, 'later', 1_000);
      await bench.advance(900);
      expect(contexts.map(({ deadline }) => deadline - now)).to.deep.equal([1_001, 1_001]);
      expect(server.stats.fromFuture).to.equal(1);
      await bench.advance(200);
      expect(contexts.map(({ signal }) => signal.aborted)).to.deep.equal([true, true]);
    });

    it('should take any number for a timeout, also one that no timer can hold', async () => {
      at(bench.clock.now(), 'later', 1e12, 1);
      at(bench.clock.now(), 'later', Number.MAX_VALUE, 2);
      at(bench.clock.now(), 'later', -5, 3);
      at(bench.clock.now(), 'later', 'soon', 4);
      await bench.advance(10_000);
      expect(contexts.map(({ signal }) => signal.aborted)).to.deep.equal([false, false, false, false]);
      gate.open('x');
      await bench.advance(10);
      expect(codes()).to.deep.equal(['x', 'x', 'x', 'x']);
    });

    it('should take meta of any shape for nothing', async () => {
      for (const meta of [5, null, [], 'x', { headers: 5 }, { headers: { a: 1, b: 'b' } }]) {
        raw.request('s', { ...call(1, 'now', {}), meta });
      }
      await bench.advance(10);
      expect(contexts.map(({ headers }) => headers)).to.deep.equal([{}, {}, {}, {}, {}, { b: 'b' }]);
    });
  });

  describe('cancelling', () => {
    beforeEach(() => serve({ concurrency: 1 }));

    it("should cancel a call at the raw peer's word through the request topic, and answer so", async () => {
      raw.request('s', call(1, 'wait', ['a']));
      await bench.advance(5);
      raw.request('s', notice('$/cancel', { id: 1 }));
      await bench.advance(500);
      expect(raw.messages().map(({ error }) => error.code)).to.deep.equal([-32003]);
      expect(committed()).to.equal(2);
    });

    it('should cancel through the inbox that the answers name', async () => {
      raw.request('s', [call(1, 'wait', ['a']), call(2, 'none')], raw.callstream);
      await bench.advance(5);
      const [topic, partition, instance] = (
        headerOf(raw.records()[0] as any, 'callstream-inbox') ?? ''
      ).split('/');
      raw.append({
        topic: topic ?? '',
        partition: Number(partition),
        value: notice('$/cancel', { id: 1 }),
        headers: { kafka_correlationId: instance ?? '', 'callstream-inbox': `${INBOX}/5/${raw.id}` },
      });
      await bench.advance(5);
      expect(raw.messages().map(({ error }) => error.code)).to.deep.equal([-32601, -32003]);
    });

    it("should not cancel another caller's call of the same id", async () => {
      const other = new RawPeer(bench, 'other-peer');
      raw.request('s', call(1, 'wait', ['a']));
      other.request('s', notice('$/cancel', { id: 1 }));
      other.request('s', notice('$/cancel', { id: '1' }));
      raw.request('s', notice('$/cancel', { id: '1' }));
      await bench.advance(20);
      expect(raw.records()).to.deep.equal([]);
    });

    it('should drop a call that is cancelled while it waits for its turn', async () => {
      raw.request('s', call(1, 'wait', ['a']));
      raw.request('s', call(2, 'wait', ['b']));
      await bench.advance(5);
      expect(server.load).to.deep.equal({ running: 1, queued: 1, streams: 0 });
      raw.request('s', notice('$/cancel', { id: 2 }));
      await bench.advance(5);
      expect(raw.messages().map(({ id, error }) => [id, error.code])).to.deep.equal([[2, -32003]]);
      gate.open('');
      await bench.advance(500);
      expect([ran, committed()]).to.deep.equal([[['a']], 3]);
      expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
    });

    it('should cancel a call in the same record', async () => {
      raw.request('s', [call(1, 'wait', ['a']), notice('$/cancel', { id: 1 })]);
      await bench.advance(5);
      expect(raw.messages().map(({ error }) => error.code)).to.deep.equal([-32003]);
    });

    it('should ignore a cancel that comes twice, late, or for nothing', async () => {
      raw.request('s', call(1, 'echo'));
      for (const params of [{ id: 1 }, { id: 1 }, { id: 99 }, {}, [], [1], { id: { a: 1 } }]) {
        raw.request('s', notice('$/cancel', params));
      }
      raw.request('s', notice('$/cancel'));
      await bench.advance(500);
      expect([raw.messages(), committed()]).to.deep.equal([[ok(1, [])], 9]);
    });
  });

  describe('overload', () => {
    const names = (...all: string[]) => all.map((name, index) => call(index, 'wait', [name]));

    it('should run as many as it may, and the others in the order in which they came', async () => {
      await serve({ concurrency: 2 });
      for (const message of names('a', 'b', 'c', 'd', 'e')) raw.request('s', message);
      await bench.advance(5);
      expect([ran.flat(), server.load]).to.deep.equal([['a', 'b'], { running: 2, queued: 3, streams: 0 }]);
      gate.open('');
      await bench.advance(5);
      expect(ran.flat()).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    });

    it('should refuse callstream peers with -32002 at the bound, and take them again below it', async () => {
      await serve({ concurrency: 1, maxQueued: 2 });
      raw.request('s', names('a', 'b', 'c', 'd', 'e'), raw.callstream);
      await bench.advance(5);
      expect(raw.messages().map(({ id, error }) => [id, error.code])).to.deep.equal([
        [3, -32002],
        [4, -32002],
      ]);
      expect([server.stats.overloaded, server.load.queued]).to.deep.equal([2, 2]);
      gate.open('');
      await bench.advance(5);
      raw.request('s', call(9, 'echo', ['z']), raw.callstream);
      await bench.advance(500);
      expect([ran.flat(), committed()]).to.deep.equal([['a', 'b', 'c', 'z'], 2]);
    });

    it('should not count those that were cancelled while they waited', async () => {
      await serve({ concurrency: 1, maxQueued: 2 });
      raw.request('s', names('a', 'b', 'c'), raw.callstream);
      raw.request('s', [notice('$/cancel', { id: 1 }), notice('$/cancel', { id: 2 })], raw.callstream);
      await bench.advance(5);
      expect(server.load.queued).to.equal(0);
      raw.request('s', [call(7, 'wait', ['d'])], raw.callstream);
      await bench.advance(5);
      expect(raw.messages().map(({ id, error }) => [id, error.code])).to.deep.equal([
        [1, -32003],
        [2, -32003],
      ]);
      expect(server.load.queued).to.equal(1);
    });

    it('should refuse nobody who would not understand it, but stop reading at twice the bound', async () => {
      await serve({ concurrency: 1, maxQueued: 2 });
      for (let i = 0; i < 5; i += 1) raw.request('s', call(i, 'wait', [`${i}`]));
      await bench.advance(5);
      raw.request('s', notice('echo', ['later']));
      await bench.advance(50);
      expect([server.load, raw.records()]).to.deep.equal([{ running: 1, queued: 4, streams: 0 }, []]);
      gate.open('');
      await bench.advance(50);
      expect([raw.messages().length, ran.at(-1), server.stats.overloaded]).to.deep.equal([5, ['later'], 0]);
    });

    it('should not let a slow method hold up calls and commits of other partitions', async () => {
      await serve({ requests: { partitions: 4 } });
      raw.append({
        topic: 's.requests',
        partition: 0,
        value: call(1, 'wait', ['slow']),
        headers: raw.address,
      });
      for (let i = 0; i < 3; i += 1) {
        raw.append({ topic: 's.requests', partition: 0, value: call(2, 'echo', [i]), headers: raw.address });
        raw.append({ topic: 's.requests', partition: 1, value: call(3, 'echo', [i]), headers: raw.address });
      }
      await bench.advance(500);
      expect(raw.messages()).to.have.length(6);
      const of = (partition: number) => bench.broker.committed('s', { topic: 's.requests', partition });
      expect([of(0) ?? 0, of(1)]).to.deep.equal([0, 3]);
      gate.open('');
      await bench.advance(500);
      expect(of(0)).to.equal(4);
    });
  });

  it("should answer a stream's items as one array to a peer that asked for no stream", async () => {
    await serve();
    raw.request('s', call(1, 'items'));
    raw.request('s', call(2, 'items', [], { credit: 5 }));
    await bench.advance(10);
    expect(raw.messages()).to.deep.equal([ok(1, [1, 2, 3]), ok(2, [1, 2, 3])]);
  });

  it('should keep nothing of a call without an end once its server has closed', async () => {
    const endless = await bench.until(connection.serve('endless', { never: () => NEVER }));
    raw.request('endless', call(1, 'never'));
    await bench.advance(10);
    expect(endless.load.running).to.equal(1);
    await bench.until(endless.close({ drain: 20 }));
    expect(endless.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
  });
});
