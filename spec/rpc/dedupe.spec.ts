/** What a server does with calls that come twice: which it knows, for how long, and what a repeat gets. */
import { expect } from 'chai';
import { Observable, Subject } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import type { ServeOptions } from '../../src/options.js';
import { identityOf } from '../../src/rpc/dedupe.js';
import { Bench, call, failureOf, Gate, INBOX, RawPeer } from './harness.js';

const TOPIC = 's.requests';
const TIMEOUT = 5_000;
const TOLERANCE = 2_000;

describe('dedupe', () => {
  let bench: Bench;
  let raw: RawPeer;
  let connection: Connection;
  let server: Server;
  /** Params of the handlers that began, in order. */
  let began: unknown[];
  let gates: Map<unknown, Gate>;
  let sources: Subject<number>[];

  beforeEach(() => {
    bench = new Bench();
    raw = new RawPeer(bench);
    began = [];
    gates = new Map();
    sources = [];
  });
  afterEach(async () => {
    for (const gate of gates.values()) gate.open('late');
    for (const source of sources) source.complete();
    await bench.close();
    expect(server.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
  });

  const target = {
    now: (name: unknown) => {
      began.push(name);
      return `${name} ${began.length}`;
    },
    other: (name: unknown) => {
      began.push(name);
      return `other ${name} ${began.length}`;
    },
    wait: (name: unknown) => {
      began.push(name);
      const gate = gates.get(name) ?? new Gate();
      gates.set(name, gate);
      return gate.promise;
    },
    fail: (code: number) => {
      began.push(code);
      throw new RpcError(code, `${code} ${began.length}`);
    },
    large: () => {
      began.push('large');
      return 'x'.repeat(2_000_000);
    },
    feed: (name: unknown) => {
      began.push(name);
      return new Observable<number>((to) => {
        const source = new Subject<number>();
        sources.push(source);
        return source.subscribe(to);
      });
    },
  };
  const start = async (options: ServeOptions = {}, partitions = 1) => {
    connection = await bench.connect();
    server = await bench.until(connection.serve('s', target, { requests: { partitions }, ...options }));
    await bench.advance(20);
  };
  interface Sent {
    readonly id?: unknown;
    readonly meta?: object;
    readonly peer?: RawPeer;
    readonly headers?: Record<string, string>;
    readonly partition?: number;
    readonly timestamp?: number;
  }
  const send = (method: string, name: unknown, sent: Sent = {}) => {
    const { id = 1, meta = { attempt: 1 }, peer = raw, partition = 0, timestamp } = sent;
    const message = call(id, method, [name], { timeout: TIMEOUT, ...meta });
    if (sent.id === null) delete (message as { id?: unknown }).id;
    const headers = sent.headers ?? peer.callstream;
    peer.append({ topic: TOPIC, partition, value: message, headers, timestamp });
  };
  const answers = (peer = raw) =>
    peer
      .messages()
      .filter((it) => it.method === undefined)
      .map((it) => [it.id, it.result ?? it.error.code]);
  const committed = (partition = 0) => bench.broker.committed('s', { topic: TOPIC, partition });

  describe('a repeat', () => {
    it('should join the call that runs, and get its answer', async () => {
      await start();
      send('wait', 'a');
      await bench.advance(10);
      send('wait', 'a', { meta: { attempt: 2 } });
      send('wait', 'a', { meta: { attempt: 3 } });
      await bench.advance(10);
      expect([began, answers(), server.load.running]).to.deep.equal([['a'], [], 1]);
      gates.get('a')?.open('done');
      await bench.advance(10);
      expect([began, answers()]).to.deep.equal([
        ['a'],
        [
          [1, 'done'],
          [1, 'done'],
          [1, 'done'],
        ],
      ]);
      expect([server.stats.repeated, server.stats.succeeded]).to.deep.equal([2, 1]);
    });

    it('should get the answer that was given, result or error', async () => {
      await start();
      send('now', 'a');
      send('fail', 5, { id: 2 });
      send('now', 'nothing', { id: 3, meta: { attempt: 1 } });
      await bench.advance(1_000);
      const first = answers();
      send('now', 'a', { meta: { attempt: 2 } });
      send('fail', 5, { id: 2, meta: { attempt: 7 } });
      send('now', 'nothing', { id: 3, meta: { attempt: 2 } });
      await bench.advance(10);
      expect(answers().slice(3)).to.deep.equal(first);
      expect([began, server.stats.repeated]).to.deep.equal([['a', 5, 'nothing'], 3]);
    });

    it('should be known in the same record, and while it waits for its turn', async () => {
      await start({ concurrency: 1 });
      const twice = (id: number) =>
        [1, 2].map((attempt) => call(id, 'wait', [id], { timeout: TIMEOUT, attempt }));
      raw.append({ topic: TOPIC, value: [...twice(1), ...twice(2)], headers: raw.callstream });
      await bench.advance(10);
      expect([began, server.load.queued]).to.deep.equal([[1], 1]);
      gates.get(1)?.open('one');
      await bench.advance(10);
      gates.get(2)?.open('two');
      await bench.advance(10);
      expect([began, answers()]).to.deep.equal([
        [1, 2],
        [
          [1, 'one'],
          [1, 'one'],
          [2, 'two'],
          [2, 'two'],
        ],
      ]);
    });

    it('should get the answer that could not be delivered', async () => {
      await start();
      bench.broker.inject({ topic: INBOX, report: 'unwritten', times: 2 });
      send('now', 'a');
      await bench.advance(100);
      expect(answers()).to.deep.equal([]);
      send('now', 'a', { meta: { attempt: 2 } });
      await bench.advance(100);
      expect([began, answers()]).to.deep.equal([['a'], [[1, 'a 1']]]);
    });

    it('should get an error where the answer is too large, as the first did', async () => {
      await start();
      send('large', 'a');
      await bench.advance(100);
      send('large', 'a', { meta: { attempt: 2 } });
      await bench.advance(100);
      expect([began, answers()]).to.deep.equal([
        ['large'],
        [
          [1, -32603],
          [1, -32603],
        ],
      ]);
    });

    it('should be one of the same caller and id only', async () => {
      await start();
      const other = new RawPeer(bench, 'other-peer', 6);
      send('now', 'a');
      send('now', 'a', { peer: other });
      send('now', 'a', { id: '1' });
      send('now', 'a', { id: 2 });
      await bench.advance(10);
      expect([began.length, answers(other)]).to.deep.equal([4, [[1, 'a 2']]]);
    });

    it('should be told from a new call by the attempt alone: calls without one are not remembered', async () => {
      await start();
      send('now', 'a', { meta: {} });
      send('now', 'a', { meta: {} });
      await bench.advance(10);
      expect([began, server.stats.repeated]).to.deep.equal([['a', 'a'], 0]);
    });

    it('should run for peers without callstream-version: they are known by partition and offset only', async () => {
      await start();
      for (const headers of [raw.address, { ...raw.address, 'callstream-version': '2' }]) {
        send('now', 'a', { headers });
        send('now', 'a', { headers, meta: { attempt: 2 } });
        send('now', 'a', { headers, meta: { idempotencyKey: 'k' } });
        send('now', 'a', { headers, meta: { idempotencyKey: 'k' } });
      }
      await bench.advance(10);
      expect([began.length, server.stats.repeated]).to.deep.equal([8, 0]);
    });

    it('should not hold back other calls, nor the commit once the call is answered', async () => {
      await start();
      send('wait', 'a');
      send('wait', 'a', { meta: { attempt: 2 } });
      send('now', 'b', { id: 2 });
      await bench.advance(500);
      expect([answers(), committed()]).to.deep.equal([[[2, 'b 2']], undefined]);
      gates.get('a')?.open('done');
      await bench.advance(500);
      expect(committed()).to.equal(3);
      send('wait', 'a', { meta: { attempt: 3 } });
      await bench.advance(500);
      expect(committed()).to.equal(4);
    });

    it('should be committed though its answer was not delivered', async () => {
      await start();
      send('now', 'a');
      await bench.advance(10);
      bench.broker.inject({ topic: INBOX, report: 'unwritten', times: 2 });
      send('now', 'a', { meta: { attempt: 2 } });
      await bench.advance(500);
      expect([committed(), server.stats.lost]).to.deep.equal([2, 1]);
    });

    it('should get what became of a call that was cancelled or came to its deadline', async () => {
      await start();
      send('wait', 'a');
      await bench.advance(10);
      raw.append({
        topic: TOPIC,
        value: { jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } },
        headers: raw.callstream,
      });
      send('wait', 'a', { meta: { attempt: 2 } });
      send('wait', 'b', { id: 2, meta: { timeout: 100, attempt: 1 } });
      await bench.advance(200);
      send('wait', 'b', { id: 2, meta: { attempt: 2 } });
      await bench.advance(10);
      expect([began, answers()]).to.deep.equal([
        ['a', 'b'],
        [
          [1, -32003],
          [1, -32003],
          [2, -32001],
          [2, -32001],
        ],
      ]);
    });
  });

  describe('refusals', () => {
    it('should not be remembered: a full line', async () => {
      await start({ concurrency: 1, maxQueued: 1 });
      send('wait', 'a', { id: 1, meta: {} });
      send('wait', 'b', { id: 2, meta: {} });
      send('now', 'c', { id: 3 });
      await bench.advance(10);
      expect(answers()).to.deep.equal([[3, -32002]]);
      gates.get('a')?.open('done');
      await bench.advance(10);
      gates.get('b')?.open('done');
      await bench.advance(10);
      send('now', 'c', { id: 3, meta: { attempt: 2 } });
      await bench.advance(10);
      expect([began, answers().at(-1), server.stats.repeated]).to.deep.equal([
        ['a', 'b', 'c'],
        [3, 'c 3'],
        0,
      ]);
    });

    it('should join a call in a full line rather than be refused', async () => {
      await start({ concurrency: 1, maxQueued: 1 });
      send('wait', 'a', { id: 1 });
      send('wait', 'b', { id: 2 });
      send('wait', 'a', { id: 1, meta: { attempt: 2 } });
      send('wait', 'b', { id: 2, meta: { attempt: 2 } });
      await bench.advance(10);
      expect([answers(), server.stats.repeated]).to.deep.equal([[], 2]);
    });

    it('should not be remembered: an error that may be tried again, whoever says it', async () => {
      await start();
      send('fail', -32002);
      send('fail', -32002, { meta: { attempt: 2 } });
      await bench.advance(10);
      expect([began, answers()]).to.deep.equal([
        [-32002, -32002],
        [
          [1, -32002],
          [1, -32002],
        ],
      ]);
    });

    it('should not be remembered: no such method, expired', async () => {
      await start();
      send('none', 'a', { id: 1 });
      send('now', 'a', { id: 1, meta: { attempt: 2 } });
      send('now', 'b', { id: 2, timestamp: bench.clock.now() - TIMEOUT - TOLERANCE - 10 });
      await bench.advance(10);
      send('now', 'b', { id: 2, meta: { attempt: 2 } });
      await bench.advance(10);
      expect(answers()).to.deep.equal([
        [1, -32601],
        [1, 'a 1'],
        [2, -32001],
        [2, 'b 2'],
      ]);
    });
  });

  describe('a full memory', () => {
    it('should refuse with -32002 rather than forget, and take plain calls and repeats', async () => {
      await start({ maxRemembered: 2 });
      send('now', 'a', { id: 1 });
      send('now', 'b', { id: 2 });
      send('now', 'c', { id: 3 });
      send('now', 'd', { id: 4, meta: {} });
      send('now', 'a', { id: 1, meta: { attempt: 2 } });
      await bench.advance(10);
      expect([began, answers()]).to.deep.equal([
        ['a', 'b', 'd'],
        [
          [1, 'a 1'],
          [2, 'b 2'],
          [3, -32002],
          [4, 'd 3'],
          [1, 'a 1'],
        ],
      ]);
      expect(server.stats.overloaded).to.equal(1);
      expect(raw.messages().find(({ id }) => id === 3).error.data).to.match(/2 calls are remembered/);
    });

    it('should have room again when the first has expired', async () => {
      await start({ maxRemembered: 1 });
      send('now', 'a', { id: 1 });
      await bench.advance(TIMEOUT + TOLERANCE);
      send('now', 'b', { id: 2 });
      await bench.advance(10);
      expect(answers()).to.deep.equal([
        [1, 'a 1'],
        [2, 'b 2'],
      ]);
    });

    it('should not be filled by what is not remembered', async () => {
      await start({ maxRemembered: 1 });
      for (let id = 1; id < 20; id += 1) send('fail', -32002, { id });
      send('now', 'a', { id: 20 });
      await bench.advance(10);
      expect(answers().at(-1)).to.deep.equal([20, 'a 20']);
    });
  });

  describe('the memory of a call', () => {
    /** What a copy of the first record gets, `wait` ms after it: a producer's duplicate, however late. */
    const copyAfter = async (wait: number, ahead = 0) => {
      began.length = 0;
      const id = `${wait} ${ahead}`;
      const timestamp = bench.clock.now() + ahead;
      send('now', 'a', { id, timestamp });
      await bench.advance(wait);
      send('now', 'a', { id, timestamp, meta: { attempt: 2 } });
      await bench.advance(100);
      return [began.length, answers().at(-1)?.[1]];
    };

    it('should last until nothing of it can be taken any more: its deadline and the tolerance', async () => {
      await start();
      const end = TIMEOUT + TOLERANCE;
      for (const wait of [1, TIMEOUT - 1, TIMEOUT, TIMEOUT + 1, end - 3, end - 2]) {
        expect(await copyAfter(wait), `${wait}`).to.deep.equal([1, 'a 1']);
      }
      for (let wait = end - 3; wait <= end + 3; wait += 1) {
        expect((await copyAfter(wait))[0], `${wait}`).to.equal(1);
      }
      expect(await copyAfter(end + 10)).to.deep.equal([1, -32001]);
    });

    it('should last as long for callers whose clocks are behind or ahead', async () => {
      await start();
      for (const ahead of [-1_900, -500, 500, 1_900, 10_000]) {
        const end = TIMEOUT + TOLERANCE + ahead;
        for (let wait = end - 3; wait <= end + 3; wait += 1) {
          expect((await copyAfter(wait, ahead))[0], `${wait}, clock at ${ahead}`).to.equal(1);
        }
      }
    });

    it('should follow the tolerance', async () => {
      await start({ clockTolerance: 0 });
      for (let wait = TIMEOUT - 5; wait <= TIMEOUT + 3; wait += 1) {
        expect((await copyAfter(wait))[0], `${wait}`).to.equal(1);
      }
    });

    it('should last a minute where the call has no deadline', async () => {
      await start();
      const message = (attempt: number) => call(1, 'now', ['a'], { attempt });
      raw.request('s', message(1), raw.callstream);
      await bench.advance(59_000);
      raw.request('s', message(2), raw.callstream);
      await bench.advance(10_000);
      raw.request('s', message(3), raw.callstream);
      await bench.advance(10);
      expect(began).to.deep.equal(['a', 'a']);
    });

    it('should leave nothing behind', async () => {
      await start();
      for (let id = 0; id < 100; id += 1) send(id % 2 === 0 ? 'now' : 'fail', 5, { id });
      await bench.advance(1_000);
      expect(bench.clock.pending).to.be.greaterThan(0);
      await bench.advance(TIMEOUT + TOLERANCE);
      expect(bench.clock.pending).to.equal(0);
    });
  });

  describe('an idempotency key', () => {
    const key = (idempotencyKey = 'k', more: object = {}) => ({ idempotencyKey, ...more });

    it('should make calls of any caller and any id one call', async () => {
      await start();
      const other = new RawPeer(bench, 'other-peer', 6);
      send('wait', 'a', { id: 1, meta: key() });
      send('wait', 'a', { id: 2, meta: key() });
      await bench.advance(10);
      send('wait', 'a', { id: 1, peer: other, meta: key('k', { attempt: 1 }) });
      send('wait', 'b', { id: 3, meta: key('another') });
      await bench.advance(10);
      gates.get('a')?.open('done');
      await bench.advance(10);
      send('wait', 'a', { id: 9, peer: other, meta: key() });
      await bench.advance(10);
      expect([began, answers(), answers(other)]).to.deep.equal([
        ['a', 'b'],
        [
          [2, 'done'],
          [1, 'done'],
        ],
        [
          [1, 'done'],
          [9, 'done'],
        ],
      ]);
    });

    it('should be a key of one method: another is another call', async () => {
      await start();
      send('now', 'a', { id: 1, meta: key() });
      send('other', 'a', { id: 2, meta: key() });
      await bench.advance(10);
      expect(answers()).to.deep.equal([
        [1, 'a 1'],
        [2, 'other a 2'],
      ]);
    });

    it('should hold for calls by attempt too, whatever their ids', async () => {
      await start();
      send('now', 'a', { id: 1, meta: key('k', { attempt: 1 }) });
      send('now', 'a', { id: 1, meta: key('k', { attempt: 2 }) });
      send('now', 'a', { id: 2, meta: key('k', { attempt: 1 }) });
      await bench.advance(10);
      expect([began, answers().length]).to.deep.equal([['a'], 3]);
    });

    it('should never be taken for a caller and an id', () => {
      const identities = [
        identityOf('a', 1, { attempt: 1 }, 'm'),
        identityOf('a', '1', { attempt: 1 }, 'm'),
        identityOf('a', undefined, { idempotencyKey: 'a 1' }, 'm'),
        identityOf('', undefined, { idempotencyKey: 'call a 1' }, 'm'),
        identityOf('a', 1, { idempotencyKey: 'a' }, 'm a'),
        identityOf('a', 1, { idempotencyKey: 'a a' }, 'm'),
        identityOf('a 1', 1, { attempt: 1 }, 'm'),
      ];
      expect(new Set(identities).size).to.equal(identities.length);
      expect(identityOf('a', 1, {}, 'm')).to.equal(undefined);
      expect(identityOf('a', undefined, { attempt: 1 }, 'm')).to.equal(undefined);
    });

    it('should run a notification once', async () => {
      await start();
      for (let i = 0; i < 3; i += 1) send('wait', 'a', { id: null, meta: key() });
      await bench.advance(500);
      expect([began, committed()]).to.deep.equal([['a'], undefined]);
      gates.get('a')?.open('done');
      await bench.advance(500);
      send('wait', 'a', { id: null, meta: key() });
      await bench.advance(500);
      expect([began, committed(), answers()]).to.deep.equal([['a'], 4, []]);
    });

    it('should let one caller cancel for itself only', async () => {
      await start();
      const other = new RawPeer(bench, 'other-peer', 6);
      send('wait', 'a', { id: 1, meta: key() });
      send('wait', 'a', { id: 2, peer: other, meta: key() });
      await bench.advance(10);
      raw.append({
        topic: TOPIC,
        value: { jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } },
        headers: raw.callstream,
      });
      await bench.advance(10);
      gates.get('a')?.open('done');
      await bench.advance(10);
      expect([began, answers(other)]).to.deep.equal([['a'], [[2, 'done']]]);
    });

    it('should go on for others, though its first caller cancels what it was answered at its deadline', async () => {
      await start();
      const other = new RawPeer(bench, 'other-peer', 6);
      send('wait', 'a', { id: 1, meta: { ...key(), timeout: 100 } });
      send('wait', 'a', { id: 2, peer: other, meta: { ...key(), timeout: 300 } });
      await bench.advance(150);
      raw.request('s', { jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } }, raw.callstream);
      send('wait', 'a', { id: 3, peer: other, meta: { ...key(), timeout: 1_000 } });
      await bench.advance(400);
      gates.get('a')?.open('done');
      await bench.advance(10);
      const done = [
        [2, 'done'],
        [3, 'done'],
      ];
      expect([began, answers(), answers(other)]).to.deep.equal([['a'], [[1, -32001]], done]);
    });

    it('should not answer others with what became of a call in line: it has not run', async () => {
      await start({ concurrency: 1 });
      send('wait', 'held', { id: 9 });
      send('now', 'a', { id: 1, meta: key() });
      send('now', 'b', { id: 2, meta: { ...key('other'), timeout: 50 } });
      await bench.advance(10);
      raw.request('s', { jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } }, raw.callstream);
      await bench.advance(100);
      send('now', 'a', { id: 1, meta: { ...key(), attempt: 2 } });
      await bench.advance(10);
      expect([began, answers()]).to.deep.equal([
        ['held'],
        [
          [1, -32003],
          [2, -32001],
          [1, -32003],
        ],
      ]);
      gates.get('held')?.open('done');
      send('now', 'a', { id: 3, meta: key() });
      send('now', 'b', { id: 4, meta: key('other') });
      await bench.advance(10);
      expect(began).to.deep.equal(['held', 'a', 'b']);
    });

    it('should answer a caller of its own, not with the deadline of another', async () => {
      await start();
      send('wait', 'a', { id: 1, meta: { ...key(), timeout: 100 } });
      send('wait', 'a', { id: 2, meta: key() });
      await bench.advance(200);
      gates.get('a')?.open('done');
      await bench.advance(10);
      expect([began, answers().at(-1)]).to.deep.equal([['a'], [2, 'done']]);
    });
  });

  describe('streams', () => {
    const asked = { attempt: 1, credit: 10 };
    const messages = (peer = raw) =>
      peer
        .messages()
        .map(({ id, method, params, error }) => [
          method ?? (error === undefined ? 'end' : error.code),
          params?.id ?? id,
        ]);

    it('should open once; the records of repeats are done with the first', async () => {
      await start();
      send('feed', 'a', { meta: asked });
      send('feed', 'a', { meta: { ...asked, attempt: 2 } });
      await bench.advance(500);
      expect([began, messages(), server.load.streams, committed()]).to.deep.equal([
        ['a'],
        [['$/open', 1]],
        1,
        2,
      ]);
      sources[0]?.next(1);
      sources[0]?.complete();
      await bench.advance(10);
      send('feed', 'a', { meta: { ...asked, attempt: 3 } });
      await bench.advance(500);
      expect([began, messages(), committed()]).to.deep.equal([
        ['a'],
        [
          ['$/open', 1],
          ['$/next', 1],
          ['end', 1],
        ],
        3,
      ]);
    });

    it('should not be remembered where there was no room for it', async () => {
      await start({ maxStreams: 1 });
      send('feed', 'a', { id: 1, meta: asked });
      send('feed', 'b', { id: 2, meta: asked });
      await bench.advance(10);
      sources[0]?.complete();
      await bench.advance(10);
      send('feed', 'b', { id: 2, meta: { ...asked, attempt: 2 } });
      await bench.advance(10);
      expect(messages().filter(([, id]) => id === 2)).to.deep.equal([
        [-32002, 2],
        ['$/open', 2],
      ]);
    });

    it('should answer another caller of the same key: it can not share the items', async () => {
      await start();
      const other = new RawPeer(bench, 'other-peer', 6);
      send('feed', 'a', { meta: { idempotencyKey: 'k', credit: 10 } });
      await bench.advance(10);
      send('feed', 'a', { id: 2, peer: other, meta: { idempotencyKey: 'k', credit: 10 } });
      await bench.advance(10);
      expect(began).to.deep.equal(['a']);
      expect(messages(other)).to.have.length(1);
      expect(messages(other)[0]?.[0]).to.be.a('number');
    });
  });

  describe('the end of its server', () => {
    it('should leave an unfinished call and its repeats to another, which runs it once', async () => {
      await start();
      send('wait', 'a');
      send('wait', 'a', { meta: { attempt: 2 } });
      await bench.advance(10);
      await bench.until(server.close({ drain: 100 }));
      await bench.advance(100);
      expect([answers(), committed()]).to.deep.equal([[], undefined]);
      await start();
      await bench.advance(100);
      expect(began).to.deep.equal(['a', 'a']);
      gates.get('a')?.open('done');
      await bench.advance(500);
      expect([answers(), committed(), server.stats.repeated]).to.deep.equal([
        [
          [1, 'done'],
          [1, 'done'],
        ],
        2,
        1,
      ]);
    });

    it('should answer the repeats of a call that the drain finishes', async () => {
      await start();
      send('wait', 'a');
      send('wait', 'a', { meta: { attempt: 2 } });
      await bench.advance(10);
      const closed = server.close({ drain: 1_000 });
      await bench.advance(100);
      gates.get('a')?.open('done');
      await bench.until(closed);
      await bench.advance(10);
      expect([answers().length, committed(), began]).to.deep.equal([2, 2, ['a']]);
      await start();
      await bench.advance(100);
      expect(began).to.deep.equal(['a']);
    });
  });

  it('should name the options that make no sense', async () => {
    await start();
    for (const [options, message] of [
      [{ maxRemembered: 0 }, /maxRemembered: expected an integer from 1/],
      [{ maxRemembered: 1.5 }, /maxRemembered/],
      [{ clockTolerance: -1 }, /clockTolerance: expected an integer from 0/],
    ] as const) {
      const error = await failureOf(connection.serve('other', target, options));
      expect(error).to.be.instanceOf(TypeError);
      expect(error.message).to.match(message);
    }
  });
});
