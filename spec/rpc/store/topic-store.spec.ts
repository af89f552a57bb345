/** Calls with an idempotency key across instances: which runs, which waits, and what becomes of those whose instance is gone. */
import { expect } from 'chai';
import { of } from 'rxjs';
import type { Connection } from '../../../src/connection.js';
import { RpcError } from '../../../src/jsonrpc/error.js';
import type { ServeOptions } from '../../../src/options.js';
import { type TopicStoreOptions, topicStore } from '../../../src/rpc/store/topic-store.js';
import { Bench, ending, failureOf, Gate } from '../harness.js';

const LEASE = 3_000;

describe('topicStore', () => {
  let bench: Bench;
  let caller: Connection;
  let ran: string[];
  let gates: Gate[];

  const handlers = (on: string) => ({
    wait: async (name: string) => {
      ran.push(`${name} on ${on}`);
      const gate = new Gate();
      gates.push(gate);
      return `${name}: ${await gate.promise}`;
    },
    now: (name: string) => {
      ran.push(`${name} on ${on}`);
      return { name, on, at: new Date(0) };
    },
    fail: (code: number) => {
      ran.push(`${code} on ${on}`);
      throw new RpcError(code, undefined, { data: on });
    },
    items: (name: string) => {
      ran.push(`${name} on ${on}`);
      return of(1, 2);
    },
  });
  /** Each serves another service, so that a test chooses the instance: their store is one. */
  const serve = async (name: string, store: TopicStoreOptions = {}, options: ServeOptions = {}) => {
    const connection = await bench.connect();
    const opened = topicStore({ topic: 'answers', partitions: 2, lease: LEASE, ...store });
    await bench.until(connection.serve(name, handlers(name), { store: opened, ...options }));
    await bench.advance(10);
    return connection;
  };
  const ask = (on: string, method: string, param: unknown, key = 'k', timeout = 60_000) =>
    ending(caller.client(on).call(method, [param], { idempotencyKey: key, timeout }));
  const told = async (promise: Promise<unknown>) => {
    let end: unknown = 'waits';
    void promise.then((value) => {
      end = value;
    });
    await bench.advance(20);
    return end;
  };

  beforeEach(async () => {
    bench = new Bench();
    caller = await bench.connect();
    ran = [];
    gates = [];
  });
  afterEach(async () => {
    for (const gate of gates) gate.open('late');
    // The session of who was killed.
    await bench.advance(6_000);
    await bench.close();
  });

  it('should give the answer that another instance gave, result or error, and run calls without a key', async () => {
    await serve('one');
    await serve('two');
    const first = await bench.until(ask('one', 'now', 'a'));
    expect(await bench.until(ask('two', 'now', 'a'))).to.deep.equal(first);
    expect(await bench.until(ask('one', 'fail', 7))).to.equal('RpcError 7');
    const error = await bench.until(
      failureOf(caller.client('two').call('fail', [7], { idempotencyKey: 'k' })),
    );
    expect([error.code, error.data]).to.deep.equal([7, 'one']);
    await bench.until(ask('two', 'now', 'b', 'other'));
    await bench.until(caller.client('two').call('now', ['c']));
    expect(ran).to.deep.equal(['a on one', '7 on one', 'b on two', 'c on two']);
  });

  it('should know what was answered before it began', async () => {
    const one = await serve('one');
    await bench.until(ask('one', 'now', 'a'));
    await bench.until(one.close());
    await serve('two');
    expect(await bench.until(ask('two', 'now', 'a'))).to.include({ on: 'one' });
  });

  it('should make one of two claims of the same moment the first, and let the other wait for its answer', async () => {
    await serve('one');
    await serve('two');
    const both = [ask('one', 'wait', 'a'), ask('two', 'wait', 'a')];
    await bench.advance(20);
    expect(ran.length).to.equal(1);
    await bench.advance(4 * LEASE);
    expect(ran.length).to.equal(1);
    gates[0]?.open('done');
    expect(await bench.until(Promise.all(both))).to.deep.equal(['a: done', 'a: done']);
  });

  it('should answer a call whose instance was killed with an error once its lease has lapsed, and every repeat', async () => {
    const one = await serve('one');
    await serve('two');
    void ask('one', 'wait', 'a', 'k', 1_000);
    await bench.advance(100);
    bench.kill(one);
    const two = ask('two', 'wait', 'a');
    await bench.advance(LEASE - 200);
    expect(await told(two)).to.equal('waits');
    await bench.advance(300);
    expect(await told(two)).to.equal('RpcError -32000');
    const error = await bench.until(
      failureOf(caller.client('two').call('wait', ['a'], { idempotencyKey: 'k' })),
    );
    expect(error.data).to.equal('it may have run: the instance that had claimed it is gone');
    expect(ran).to.deep.equal(['a on one']);
  });

  it('should run such a call again where it is told to', async () => {
    const one = await serve('one', { orphans: 'run' });
    await serve('two', { orphans: 'run' });
    void ask('one', 'wait', 'a', 'k', 1_000);
    await bench.advance(100);
    bench.kill(one);
    const two = ask('two', 'now', 'b').then(() => ask('two', 'wait', 'a'));
    await bench.advance(2 * LEASE);
    gates[1]?.open('again');
    expect(await bench.until(two)).to.equal('a: again');
    expect(ran).to.deep.equal(['a on one', 'b on two', 'a on two']);
  });

  it('should not keep a refusal of the handler, nor params that are wrong', async () => {
    await serve('one');
    await serve('two');
    expect(await bench.until(ask('one', 'fail', -32_002))).to.equal('RpcError -32002');
    expect(await bench.until(ask('one', 'fail', -32_002))).to.equal('RpcError -32002');
    expect(await bench.until(ask('two', 'fail', -32_002))).to.equal('RpcError -32002');
    expect(ran.length).to.equal(3);
  });

  it('should keep the answer of a handler whose caller has left, and not wait longer than anyone asks', async () => {
    await serve('one');
    await serve('two');
    expect(await told(ask('one', 'wait', 'a', 'k', 10))).to.equal('Unknown timeout');
    const waits = ask('two', 'wait', 'a', 'k', 500);
    await bench.advance(3_000);
    expect(await told(waits)).to.equal('Unknown timeout');
    gates[0]?.open('done');
    await bench.advance(20);
    expect(await told(ask('two', 'wait', 'a'))).to.equal('a: done');
    expect(ran).to.deep.equal(['a on one']);
  });

  it("should refuse a call while Kafka can't be reached, and run it later", async () => {
    await serve('one');
    await serve('two');
    const end = bench.broker.inject({
      where: ({ topic }) => topic === 'answers',
      report: 'unwritten',
    });
    const refused = await bench.until(ask('one', 'now', 'a'));
    expect(refused).to.equal('RpcError -32002');
    end();
    expect(await bench.until(ask('two', 'now', 'a'))).to.include({ on: 'two' });
    expect(ran).to.deep.equal(['a on two']);
  });

  it('should release a claim that is read back too late, and run the call then', async () => {
    await serve('one');
    await serve('two');
    const end = bench.broker.inject({ where: ({ topic }) => topic === 'answers', delay: 2 * LEASE });
    const refused = ask('one', 'now', 'a');
    await bench.advance(LEASE + 20);
    expect(await told(refused)).to.equal('RpcError -32002');
    end();
    await bench.advance(LEASE);
    expect(await bench.until(ask('two', 'now', 'a'))).to.include({ on: 'two' });
    expect(ran).to.deep.equal(['a on two']);
  });

  it('should not run a call whose instance is gone because the claim after it is read back too late', async () => {
    const one = await serve('one');
    await serve('two');
    await serve('three');
    void ask('one', 'wait', 'a', 'k', 1_000);
    await bench.advance(100);
    bench.kill(one);
    await bench.advance(2 * LEASE);
    const end = bench.broker.inject({ where: ({ topic }) => topic === 'answers', delay: 2 * LEASE });
    expect(await bench.until(ask('two', 'wait', 'a'))).to.equal('RpcError -32002');
    end();
    await bench.advance(2 * LEASE);
    expect(await bench.until(ask('three', 'wait', 'a'))).to.equal('RpcError -32000');
    expect(ran).to.deep.equal(['a on one']);
  });

  it('should run once what was reported as not written and was', async () => {
    await serve('one');
    await serve('two');
    const end = bench.broker.inject({ where: ({ topic }) => topic === 'answers', report: 'written' });
    await bench.until(ask('one', 'now', 'a'));
    end();
    await bench.advance(2 * LEASE);
    await bench.until(ask('two', 'now', 'a'));
    expect(ran.length).to.equal(1);
  });

  it('should refuse beyond its bounds, and answer what it knows', async () => {
    await serve('one', { maxKnown: 2 });
    await serve('two', { maxBytes: 100 });
    await bench.until(ask('one', 'now', 'a', '1'));
    await bench.until(ask('one', 'now', 'a', '2'));
    expect(await bench.until(ask('one', 'now', 'a', '3'))).to.equal('RpcError -32002');
    expect(await bench.until(ask('two', 'now', 'a', '3'))).to.equal('RpcError -32002');
    expect(await bench.until(ask('two', 'now', 'a', '2'))).to.include({ on: 'one' });
    expect(ran.length).to.equal(2);
  });

  it('should forget an answer after its retention', async () => {
    await serve('one', { retention: 20_000 });
    await serve('two', { retention: 20_000 });
    await bench.until(ask('one', 'now', 'a'));
    await bench.advance(19_000);
    expect(await bench.until(ask('two', 'now', 'a'))).to.include({ on: 'one' });
    await bench.advance(80_000);
    expect(await bench.until(ask('two', 'now', 'a'))).to.include({ on: 'two' });
  });

  it('should let streams pass, which are nobody else’s', async () => {
    await serve('one');
    await serve('two');
    for (const on of ['one', 'two']) {
      const items: unknown[] = [];
      caller
        .client(on)
        .call$('items', ['a'], { idempotencyKey: 'k' })
        .subscribe((item) => items.push(item));
      await bench.advance(20);
      expect(items).to.deep.equal([1, 2]);
    }
  });

  it('should skip what is no word of an instance', async () => {
    bench.broker.createTopic('answers', 2);
    for (const value of ['x', '{}', null, Buffer.from([0xc1]), Buffer.from([0x81, 0xa1])]) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      bench.broker.append({ topic: 'answers', partition: 0, key: 'x', value: bytes });
    }
    await serve('one');
    expect(await bench.until(ask('one', 'now', 'a'))).to.include({ on: 'one' });
  });

  it('should tell what is wrong with its options', () => {
    expect(() => topicStore({ lease: 0 })).to.throw(/^lease: expected a number of milliseconds/);
    expect(() => topicStore({ orphans: 'keep' as 'run' })).to.throw("orphans: expected 'fail' or 'run'");
    expect(() => topicStore({ maxKnown: 0.5 })).to.throw(/^maxKnown: /);
  });
});
