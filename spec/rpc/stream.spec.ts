/** The client's end of a stream, against a raw server. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { tap } from 'rxjs';
import type { Connection } from '../../src/connection.js';
import { service, stream } from '../../src/contract.js';
import { codecs } from '../../src/jsonrpc/codec.js';
import type { CallOptions } from '../../src/rpc/call-options.js';
import {
  Bench,
  headerOf,
  INBOX,
  notice,
  ok,
  RawPeer,
  type Seen,
  seen,
  type Watched,
  watch,
} from './harness.js';
import { nothingBehindTheEnd } from './timeline.js';

const LEASE = 15_000;
const contract = service('s', { feed: stream({ item: t.number }) });

describe('stream', () => {
  nothingBehindTheEnd();

  let bench: Bench;
  let caller: Connection;
  let raw: RawPeer;
  let items: Watched;
  let to: Seen;
  let id: number;

  beforeEach(async () => {
    bench = new Bench();
    caller = await bench.connect({ lease: LEASE });
    bench.broker.createTopic('s.requests', 1);
    raw = new RawPeer(bench, 'server', 3);
  });
  afterEach(() => bench.close());

  const open = async (options: { window?: number; timeout?: number } = {}) => {
    items = watch(caller.client(contract, { timeout: 1_000, window: 10 }).call$('feed', undefined, options));
    await bench.advance(5);
    [to] = raw.records('s.requests') as [Seen];
    id = to.value.id;
  };
  const say = async (message: unknown, instance = 'server-1') => {
    raw.reply(to, message, instance);
    await bench.advance(1);
  };
  const next = (seq: number, values: unknown[], instance?: string) =>
    say(notice('$/next', { id, seq, items: values }), instance);
  const error = (code: number) => ({ jsonrpc: '2.0', error: { code, message: 'x' }, id });

  it('should ask for as many items as the window holds', async () => {
    await open({ window: 7 });
    expect(to.value).to.deep.equal({
      jsonrpc: '2.0',
      method: 'feed',
      id,
      meta: { timeout: 998, credit: 7 },
    });
    expect(to.headers).to.deep.equal([
      ['kafka_replyTopic', INBOX],
      ['kafka_replyPartition', headerOf(to, 'kafka_replyPartition')],
      ['kafka_correlationId', caller.instance],
      ['content-type', 'application/json'],
      ['callstream-version', '1'],
    ]);
    expect(headerOf(to, 'kafka_replyPartition')).to.match(/^\d+$/);
    items.subscription.unsubscribe();
  });

  it('should emit the items in order and end with the response', async () => {
    await open();
    await say(notice('$/open', { id }));
    await next(0, [1, 2]);
    await next(1, []);
    await next(2, [3]);
    expect(items.events).to.deep.equal([1, 2, 3]);
    await say(ok(id, null));
    expect(items.events).to.deep.equal([1, 2, 3, 'completed']);
    await next(3, [4]);
    await say(error(5));
    expect(items.events).to.deep.equal([1, 2, 3, 'completed']);
  });

  it('should take open, items and end from one record', async () => {
    await open();
    await say([notice('$/open', { id }), notice('$/next', { id, seq: 0, items: [1] }), ok(id, null)]);
    expect(items.events).to.deep.equal([1, 'completed']);
  });

  it('should end with the error of the server', async () => {
    await open();
    await say(notice('$/open', { id }));
    await next(0, [1]);
    await say(error(5));
    expect(items.events).to.deep.equal([1, 'RpcError 5']);
  });

  it('should end with the error of a server that never opened it', async () => {
    await open();
    await say(error(-32002));
    expect(items.events).to.deep.equal(['RpcError -32002']);
  });

  it('should drop what is repeated', async () => {
    await open();
    for (const [seq, values] of [
      [0, [1]],
      [0, [1]],
      [1, [2]],
      [0, [1]],
      [1, [2]],
      [2, [3]],
    ] as const) {
      await next(seq, [...values]);
    }
    await say(notice('$/open', { id }));
    await say(ok(id, null));
    expect(items.events).to.deep.equal([1, 2, 3, 'completed']);
  });

  it('should end as unknown at a gap, and cancel the server', async () => {
    await open();
    await next(0, [1]);
    await next(2, [3]);
    await bench.advance(5);
    expect(items.events).to.deep.equal([1, 'Unknown gap']);
    expect(raw.control()).to.deep.equal([{ method: '$/cancel', id }]);
  });

  it('should end as unknown where the first items are missing', async () => {
    await open();
    await say(notice('$/open', { id }));
    await next(1, [1]);
    expect(items.events).to.deep.equal(['Unknown gap']);
  });

  it('should end as unknown where more comes than was asked for, and emit none of it', async () => {
    await open({ window: 4 });
    await next(0, [1]);
    await next(1, [2, 3, 4, 5]);
    await bench.advance(5);
    expect(items.events).to.deep.equal([1, 'Unknown overflow']);
    expect(raw.control().at(-1)).to.deep.equal({ method: '$/cancel', id });
  });

  it('should end with an error at a malformed message of the stream', async () => {
    for (const params of [{ seq: '0', items: [1] }, { seq: 0 }, { seq: 0, items: 'ab' }]) {
      items = watch(caller.client(contract, { timeout: 1_000 }).call$('feed'));
      await bench.advance(5);
      to = raw.records('s.requests').at(-1) as Seen;
      await say(notice('$/next', { id: to.value.id, ...params }));
      expect(items.events).to.deep.equal(['RpcError -32603']);
    }
  });

  it('should end with an error at a number of a message that is none', async () => {
    await open();
    const encoded = codecs.msgpack.encode(notice('$/next', { id, seq: Number.NaN, items: [1] }));
    raw.reply(to, (encoded as any).right, 'server-1', { 'content-type': 'application/msgpack' });
    await bench.advance(1);
    expect(items.events).to.deep.equal(['RpcError -32603']);
  });

  it('should end with an error at an item that breaks the contract, and cancel', async () => {
    await open();
    await next(0, [1, 'two', 3]);
    await bench.advance(5);
    expect(items.events).to.deep.equal([1, 'RpcError -32603']);
    expect(raw.control()).to.deep.equal([{ method: '$/cancel', id }]);
  });

  it('should grant credit as items are taken, as a growing total', async () => {
    await open({ window: 10 });
    await next(0, [1, 2, 3, 4]);
    await bench.advance(5);
    expect(raw.control()).to.deep.equal([]);
    await next(1, [5]);
    await next(2, [6, 7, 8, 9, 10]);
    await bench.advance(5);
    expect(raw.control()).to.deep.equal([
      { method: '$/request', id, credit: 15 },
      { method: '$/request', id, credit: 20 },
    ]);
    const request = bench.broker
      .records(INBOX)
      .map(seen)
      .find(({ text }) => text.includes('$/request'));
    expect([request?.partition, Object.fromEntries(request?.headers ?? [])]).to.deep.equal([
      3,
      {
        kafka_correlationId: 'server-1',
        'content-type': 'application/json',
        'callstream-version': '1',
        'callstream-inbox': `${INBOX}/${headerOf(to, 'kafka_replyPartition')}/${caller.instance}`,
      },
    ]);
    items.subscription.unsubscribe();
  });

  it('should grant one item at a time with a window of one', async () => {
    await open({ window: 1 });
    for (let seq = 0; seq < 3; seq += 1) {
      await next(seq, [seq]);
      await bench.advance(5);
      expect(raw.control().at(-1)).to.deep.equal({ method: '$/request', id, credit: seq + 2 });
    }
    items.subscription.unsubscribe();
  });

  describe('a window that nobody set', () => {
    const feed = async (options: CallOptions = {}) => {
      items = watch(caller.client(contract).call$('feed', undefined, options));
      await bench.advance(5);
      [to] = raw.records('s.requests') as [Seen];
      id = to.value.id;
    };
    /** The total that is asked for once a record has brought so many items in these messages. */
    const granted = async (count: number, messages: readonly number[], bytesAnItem = 1) => {
      const perMessage = count / messages.length;
      const values = { items: Array(perMessage).fill(1), padding: ' '.repeat(perMessage * bytesAnItem) };
      await say(messages.map((seq) => notice('$/next', { id, seq, ...values })));
      await bench.advance(5);
      return raw.control().at(-1)?.credit;
    };
    afterEach(() => items.subscription.unsubscribe());

    it('should double, up to 8,192 items, each time half of it was taken', async () => {
      await feed();
      expect(to.value.meta.credit).to.equal(1_024);
      expect(await granted(511, [0])).to.equal(undefined);
      expect(await granted(1, [1])).to.equal(512 + 2_048);
      expect(await granted(1_024, [2])).to.equal(1_536 + 4_096);
      expect(await granted(2_048, [3])).to.equal(3_584 + 8_192);
      expect(await granted(4_096, [4])).to.equal(7_680 + 8_192);
    });

    it('should stay where the items are so large that more of them would be over 1 MiB', async () => {
      await feed();
      expect(await granted(512, [0], 200)).to.equal(512 + 2_048);
      expect(await granted(1_024, [1], 300)).to.equal(1_536 + 2_048);
    });

    it('should weigh a record once, however many messages it has', async () => {
      await feed();
      expect(await granted(512, [0, 1, 2, 3, 4, 5, 6, 7], 100)).to.equal(512 + 2_048);
    });

    it('should stay where the subscriber acks', async () => {
      const acked$ = caller.client(contract).call$('feed', undefined, { ack: true });
      items = watch(acked$.pipe(tap((item) => item.ack())));
      await bench.advance(5);
      [to] = raw.records('s.requests') as [Seen];
      id = to.value.id;
      expect(to.value.meta.credit).to.equal(1_024);
      expect(await granted(512, [0])).to.equal(512 + 1_024);
    });

    it('should stay where it is set after all, by the client or the call', async () => {
      await feed({ window: 1_024 });
      expect(await granted(512, [0])).to.equal(512 + 1_024);
    });
  });

  it('should repeat its credit in silence and end as unknown after a lease of it, cancelling the server', async () => {
    await open();
    await say(notice('$/open', { id }));
    const before = bench.clock.now();
    await bench.advance(LEASE - 1_000);
    const kept = raw.control();
    expect(kept).to.have.length.of.at.least(2);
    for (const message of kept) expect(message).to.deep.equal({ method: '$/request', id, credit: 10 });
    expect(items.events).to.deep.equal([]);
    await bench.advance(LEASE / 3 + 1_000);
    expect(items.events).to.deep.equal(['Unknown silence']);
    expect(bench.clock.now() - before).to.be.at.most((LEASE * 4) / 3);
    await bench.advance(5);
    expect(raw.control().at(-1)).to.deep.equal({ method: '$/cancel', id });
  });

  it('should live as long as its server answers', async () => {
    await open();
    await say(notice('$/open', { id }));
    for (let seq = 0; seq < 10; seq += 1) {
      await bench.advance(LEASE - 100);
      await next(seq, []);
    }
    await next(10, [1]);
    await say(ok(id, null));
    expect(items.events).to.deep.equal([1, 'completed']);
  });

  it('should hold to the first instance that opens, and cancel any other', async () => {
    await open();
    await say(notice('$/open', { id }), 'server-1');
    await say(notice('$/open', { id }), 'server-2');
    await next(0, [77], 'server-2');
    await next(0, [1], 'server-1');
    await bench.advance(5);
    expect(items.events).to.deep.equal([1]);
    expect(raw.control('server-2')[0]).to.deep.equal({ method: '$/cancel', id });
    expect(raw.control('server-1')).to.deep.equal([]);
    items.subscription.unsubscribe();
    await bench.advance(5);
    expect(raw.control('server-1')).to.deep.equal([{ method: '$/cancel', id }]);
  });

  it('should not end with the end of an instance that it did not hold to', async () => {
    await open();
    await say(notice('$/open', { id }), 'server-1');
    await say(notice('$/open', { id }), 'server-2');
    await say(ok(id, null), 'server-2');
    await say(error(-32003), 'server-2');
    await next(0, [1], 'server-1');
    await say(ok(id, null), 'server-1');
    expect(items.events).to.deep.equal([1, 'completed']);
  });

  it('should cancel the instance that it holds to, whoever else has answered since', async () => {
    await open();
    await say(notice('$/open', { id }), 'server-1');
    const call = caller.client('s', { timeout: 1_000 }).call('x');
    await bench.advance(5);
    const other = raw.records('s.requests').at(-1) as Seen;
    raw.reply(other, ok(other.value.id, 1), 'server-2');
    expect(await bench.until(call)).to.equal(1);
    items.subscription.unsubscribe();
    await bench.advance(5);
    expect([raw.control('server-1').length, raw.control('server-2').length]).to.deep.equal([1, 0]);
  });

  it('should cancel on the way of the request where nobody has answered yet', async () => {
    await open();
    items.subscription.unsubscribe();
    await bench.advance(5);
    expect(raw.requests('s').at(-1)).to.deep.equal(notice('$/cancel', { id }));
  });

  it('should cancel in the inbox that last answered for the partition', async () => {
    const client = caller.client('s', { timeout: 1_000 });
    const first = client.call('x');
    await bench.advance(5);
    const request = raw.records('s.requests')[0] as Seen;
    raw.reply(request, ok(request.value.id, 1), 'server-1');
    await bench.until(first);
    await open();
    to = raw.records('s.requests').at(-1) as Seen;
    items.subscription.unsubscribe();
    await bench.advance(5);
    expect(raw.control('server-1')).to.deep.equal([{ method: '$/cancel', id: to.value.id }]);
    expect(raw.requests('s')).to.have.length(2);
  });

  it('should ignore items that nobody asked for', async () => {
    const bare = await bench.bareClient('s', { client: { timeout: 1_000 } });
    const call = bare.client.call('x');
    await bench.advance(5);
    to = raw.records('s.requests')[0] as Seen;
    id = to.value.id;
    await next(0, [1]);
    await say(notice('$/next', { id: 999, seq: 0, items: [1] }));
    await say(notice('$/next', {}));
    await say(notice('$/next', [1]));
    await say(notice('$/open'));
    expect(bare.correlation.late).to.equal(4);
    await say(ok(id, 'x'));
    expect(await bench.until(call)).to.equal('x');
  });

  it('should emit the answer of a server that has no stream as its only item', async () => {
    await open();
    await say(ok(id, 5));
    expect(items.events).to.deep.equal([5, 'completed']);
  });
});
