/** Connections that share an inbox partition, and what others write there. */
import { expect } from 'chai';
import type { Connection } from '../../src/connection.js';
import { codecs } from '../../src/jsonrpc/codec.js';
import {
  controlHeaders,
  readEnvelope,
  readMeta,
  replyHeaders,
  requestHeaders,
} from '../../src/rpc/envelope.js';
import { Bench, ending, Gate, INBOX, notice, ok, RawPeer, type Seen, watch } from './harness.js';

describe('inbox', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.close());

  it('should not take for its own the answers to those whose calls run here', async () => {
    const inbox = { partitions: 1 };
    const a = await bench.connect({ inbox });
    const b = await bench.connect({ inbox });
    const c = await bench.connect({ inbox });
    const gate = new Gate();
    const bGate = new Gate();
    await bench.until(b.serve('b', { hold: () => gate.promise, say: (text: string) => `b:${text}` }));
    await bench.until(c.serve('c', { hold: () => bGate.promise, say: (text: string) => `c:${text}` }));
    const held = ending(a.client('b').call('hold'));
    const outcomes = [1, 2, 3, 4].map((i) => ending(b.client('c').call('hold', [`${i}`])));
    await bench.advance(10);
    for (let i = 0; i < 6; i += 1) {
      expect(await bench.until(a.client('c').call('say', [`${i}`]))).to.equal(`c:${i}`);
      expect(await bench.until(a.client('b').call('say', [`${i}`]))).to.equal(`b:${i}`);
    }
    bGate.open('held by c');
    gate.open('held by b');
    expect(await bench.until(held)).to.equal('held by b');
    expect(await bench.until(Promise.all(outcomes))).to.deep.equal(Array(4).fill('held by c'));
  });

  it('should not mix up streams of connections that share a partition', async () => {
    const inbox = { partitions: 1 };
    const all: Connection[] = [];
    for (let i = 0; i < 3; i += 1) all.push(await bench.connect({ inbox }));
    for (const [index, connection] of all.entries()) {
      await bench.until(
        connection.serve(`s${index}`, {
          async *count(from: number) {
            for (let i = from; i < from + 30; i += 1) yield i;
          },
        }),
      );
    }
    const seen = all.flatMap((connection, from) =>
      all.map((_, to) => watch(connection.client(`s${to}`).call$('count', [from * 1_000], { window: 3 }))),
    );
    await bench.advance(1_000);
    for (const [index, { events }] of seen.entries()) {
      const from = Math.floor(index / 3) * 1_000;
      expect(events).to.deep.equal([...Array.from({ length: 30 }, (_, i) => from + i), 'completed']);
    }
  });

  describe('of one client', () => {
    let raw: RawPeer;
    let request: Seen;
    let call: Promise<unknown>;
    let bare: Awaited<ReturnType<Bench['bareClient']>>;
    beforeEach(async () => {
      bench.broker.createTopic('s.requests', 1);
      raw = new RawPeer(bench);
      bare = await bench.bareClient('s', { client: { timeout: 1_000 } });
      call = ending(bare.client.call('x'));
      await bench.advance(5);
      [request] = raw.records('s.requests') as [Seen];
    });
    const reply = async (value: unknown, headers: Record<string, string> = {}) => {
      raw.reply(request, value, 'server-1', headers);
      await bench.advance(2);
    };

    it('should skip what is for others undecoded, and count it', async () => {
      await reply('{{{', { kafka_correlationId: 'somebody' });
      await reply(ok(request.value.id, 'wrong'), { kafka_correlationId: 'somebody' });
      await reply(ok(request.value.id, 'right'));
      expect([await call, bare.inbox.stats]).to.deep.equal(['right', { foreign: 2, malformed: 0 }]);
    });

    it('should count what is malformed and go on', async () => {
      await reply('{{{');
      await reply(5);
      await reply([5, ok(request.value.id, 'right'), null]);
      expect([await call, bare.inbox.stats]).to.deep.equal(['right', { foreign: 0, malformed: 4 }]);
    });

    it('should take no answer that names nobody: it may be for another who shares the partition', async () => {
      raw.append({ topic: INBOX, partition: bare.peer.partition, value: ok(request.value.id, 'whose?') });
      await bench.advance(5);
      await reply(ok(request.value.id, 'right'));
      expect(await call).to.equal('right');
    });

    it('should skip a record without a value', async () => {
      await reply(null);
      await reply(ok(request.value.id, 'right'));
      expect(await call).to.equal('right');
    });

    it('should end the call with an error at an answer that is none', async () => {
      await reply({ jsonrpc: '2.0', id: request.value.id, result: 1, error: { code: 1, message: '' } });
      expect(await call).to.equal('RpcError -32603');
    });

    it('should read an answer in MessagePack, named or not', async () => {
      const bytes = codecs.msgpack.encode(ok(request.value.id, 'packed'));
      await reply(bytes._tag === 'Right' ? bytes.right : '', { 'content-type': '' });
      expect(await call).to.equal('packed');
    });

    it('should end a call once, however often it is answered', async () => {
      await reply([ok(request.value.id, 'first'), ok(request.value.id, 'second')]);
      await reply(ok(request.value.id, 'third'));
      expect([await call, bare.correlation.late]).to.deep.equal(['first', 2]);
    });

    it('should match ids exactly', async () => {
      await reply([ok(String(request.value.id), 'text'), ok(null, 'null'), ok(999, 'other')]);
      expect(bare.correlation.late).to.equal(3);
      await reply(ok(request.value.id, 'right'));
      expect(await call).to.equal('right');
    });

    it('should read nothing that was written before it was opened', async () => {
      raw.append({ topic: INBOX, partition: 9, value: '{{{' });
      const late = await bench.bareClient('s', { partition: 9 });
      await bench.advance(10);
      expect(late.inbox.stats.malformed).to.equal(0);
      raw.append({ topic: INBOX, partition: 9, value: notice('$/cancel', { id: 1 }) });
      raw.append({ topic: INBOX, partition: 9, value: '{{{' });
      await bench.advance(10);
      expect(late.inbox.stats.malformed).to.equal(1);
      await reply(ok(request.value.id, 1));
    });
  });
});

describe('envelope', () => {
  const peer = { topic: INBOX, partition: 7, instance: 'abc' };

  it('should write the headers of requests, replies and control messages', () => {
    expect(requestHeaders(peer, codecs.json)).to.deep.equal([
      { kafka_replyTopic: INBOX },
      { kafka_replyPartition: '7' },
      { kafka_correlationId: 'abc' },
      { 'content-type': 'application/json' },
      { 'callstream-version': '1' },
    ]);
    expect(replyHeaders('them', codecs.msgpack, peer)).to.deep.equal([
      { kafka_correlationId: 'them' },
      { 'content-type': 'application/msgpack' },
      { 'callstream-inbox': `${INBOX}/7/abc` },
    ]);
    expect(replyHeaders(undefined, codecs.json, peer)).to.have.length(2);
    expect(readEnvelope(controlHeaders({ ...peer, instance: 'to' }, peer, codecs.json))).to.deep.equal({
      replyTopic: undefined,
      replyPartition: null,
      correlationId: 'to',
      contentType: 'application/json',
      callstream: true,
      sender: peer,
      bytes: 0,
    });
  });

  it('should read what it writes, as strings or as bytes', () => {
    const headers = requestHeaders(peer, codecs.json);
    const bytes = headers.map((header) =>
      Object.fromEntries(Object.entries(header).map(([name, value]) => [name, Buffer.from(value as string)])),
    );
    for (const received of [headers, bytes]) {
      expect(readEnvelope(received)).to.deep.equal({
        replyTopic: INBOX,
        replyPartition: 7,
        correlationId: 'abc',
        contentType: 'application/json',
        callstream: true,
        sender: undefined,
        bytes: 0,
      });
    }
  });

  it('should take headers that make no sense for absent', () => {
    for (const inbox of ['', 'x', 'a/b/c', 'a/1', '/1/c', 'a//c', 'a/-1/c', 'a/1.5/c']) {
      expect(readEnvelope([{ 'callstream-inbox': inbox }]).sender, inbox).to.equal(undefined);
    }
    for (const partition of ['', '-1', '1e3', ' 1', '0x1', '99999999999']) {
      expect(readEnvelope([{ kafka_replyPartition: partition }]).replyPartition, partition).to.equal(null);
    }
    expect(readEnvelope([{ 'callstream-version': '2' }]).callstream).to.equal(false);
    expect(readEnvelope([{ kafka_correlationId: Buffer.from([0xc3, 0xa9]) }]).correlationId).to.equal(null);
    expect(readEnvelope([{ __proto__: 'x' } as any, { constructor: 'y' } as any])).to.deep.equal(
      readEnvelope([]),
    );
  });

  it('should take members of meta with a wrong type for absent', () => {
    const meta = { timeout: 5, attempt: 1, key: 'k', idempotencyKey: 'i', credit: 0, headers: { a: 'b' } };
    expect(readMeta(meta)).to.deep.equal(meta);
    const wrong = {
      timeout: '5',
      attempt: -1,
      key: 5,
      idempotencyKey: null,
      credit: Number.NaN,
      headers: 'x',
    };
    expect(Object.values(readMeta(wrong)).filter((value) => value !== undefined)).to.deep.equal([]);
    for (const none of [undefined, null, 5, 'x', []]) expect(readMeta(none).timeout).to.equal(undefined);
    expect(readMeta({ headers: JSON.parse('{"__proto__":"x","a":"b","c":5}') }).headers).to.include({
      a: 'b',
    });
  });
});
