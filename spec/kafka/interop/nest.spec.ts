/** NestJS, both ways: ClientKafka calls callstream, callstream calls a microservice. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import * as t from 'io-ts';
import { concatMap, delay, from, lastValueFrom, of, take, toArray } from 'rxjs';
import {
  type Connection,
  connect,
  RpcError,
  service,
  stream,
  type UntypedClient,
} from '../../../src/index.js';
import { openKafka } from '../../../src/kafka/librdkafka.js';
import { brokers, unique } from '../brokers.js';
import { until } from '../port-support.js';
import { Peer } from './peer.js';
import { describeWith, fileOf, prepared, run } from './store.js';

/** The peer beside its packages. */
async function nest(): Promise<string> {
  const files = ['package.json', 'package-lock.json', 'peer.js'].map((name) => fileOf('nest', name));
  const folder = await prepared('nest', files, async (made) => {
    cpSync(fileOf('nest'), made, { recursive: true });
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], made);
  });
  return join(folder, 'peer.js');
}

describeWith({ npm: ['--version'] }, 'NestJS', () => {
  const called = unique('called');
  const served = unique('nest');
  const noted: unknown[] = [];
  let connection: Connection;
  let peer: Peer;
  let client: UntypedClient;

  before(async function () {
    this.timeout(400_000);
    connection = await connect({ brokers });
    const kafka = await openKafka({ brokers });
    for (const method of ['add', 'greet', 'echo', 'fail', 'some', 'note']) {
      await kafka.createTopic({ topic: `${served}.${method}`, partitions: 2 });
    }
    await kafka.close();
    const target = {
      add: ({ a, b }: { a: number; b: number }) => ({ sum: a + b }),
      sum: (a: number, b: number) => a + b,
      greet: ({ name }: { name: string }) => `hello ${name}`,
      echo: (value: unknown) => value,
      some: ({ count }: { count: number }) =>
        from(Array.from({ length: count }, (_, i) => ({ i }))).pipe(
          concatMap((item) => of(item).pipe(delay(5))),
        ),
      note: (text: unknown) => void noted.push(text),
      fail: () => {
        throw new RpcError(7, 'nö luck');
      },
    };
    const patterns = ['add', 'greet', 'echo', 'some', 'note', 'fail', 'none'].map(
      (method) => `${called}.${method}`,
    );
    await connection.serve(called, target, { interop: { nest: { patterns } }, requests: { partitions: 1 } });
    peer = await Peer.start(process.execPath, [await nest()], { CALLED: called, SERVED: served });
    client = connection.client(served, { interop: 'nest' });
  });

  after(() => Promise.all([peer?.stop(), connection?.close()]));

  describe('as the caller', () => {
    const outcome = (method: string, params: unknown) => peer.outcome({ do: 'call', method, params });

    it('should get results, with params by position and by name', async () => {
      expect(await outcome('add', { a: 1, b: 2 })).to.deep.equal([{ sum: 3 }]);
      expect(await outcome('greet', { name: 'ann' })).to.deep.equal(['hello ann']);
      expect(await outcome('echo', ['plain wörds'])).to.deep.equal(['plain wörds']);
      expect(await outcome('echo', 'plain wörds')).to.deep.equal(['plain wörds']);
    });

    it('should get errors: thrown ones, and those for unknown methods', async () => {
      expect(await outcome('fail', {})).to.deep.equal({
        error: { status: 'error', code: 7, message: 'nö luck' },
      });
      expect((await outcome('none', {})).error).to.include({ code: -32601 });
    });

    it('should get the items of a stream in order', async () => {
      const items = await outcome('some', { count: 50 });
      // As from its own servers: a stream that ends later than its last item ends with a null.
      expect(items.filter((item: unknown) => item !== null)).to.deep.equal(
        Array.from({ length: 50 }, (_, i) => ({ i })),
      );
    });

    it('should have its events handled', async () => {
      await peer.ask({ do: 'notify', method: 'note', params: 'seen' });
      await until(() => noted.length > 0, 'the notification');
      expect(noted).to.deep.equal(['seen']);
    });

    it('should get the right answers to a thousand calls at once', async () => {
      expect(await peer.ask({ do: 'many', params: 1_000 })).to.deep.equal([]);
    });
  });

  describe('as the server', () => {
    it('should answer calls, with params by name and by position', async () => {
      expect(await client.call('add', { a: 1, b: 2 })).to.deep.equal({ sum: 3 });
      expect(await client.call('greet', [{ name: 'ann' }])).to.equal('hello ann');
      expect(await client.call('echo', ['wörds'])).to.equal('wörds');
      expect(await client.call('echo', [1, 2])).to.deep.equal([1, 2]);
    });

    it('should answer with errors, and not at all where there is no such pattern', async () => {
      const error = await client.call('fail').then(String, (thrown: RpcError) => thrown);
      expect(error).to.be.instanceOf(RpcError).and.include({ code: 7, message: 'no luck' });
      const none = await client.call('none', [], { timeout: 500 }).then(String, (thrown) => thrown);
      expect(none).to.include({ _tag: 'NotSent', reason: 'timeout' });
    });

    it('should stream, and end with the last item', async () => {
      const contract = service(served, {
        some: stream({ params: t.type({ count: t.number }), item: t.type({ i: t.number }) }),
      });
      const typed = connection.client(contract, { interop: 'nest', window: 8 });
      const expected = Array.from({ length: 50 }, (_, i) => ({ i }));
      expect(await lastValueFrom(typed.call$('some', { count: 50 }).pipe(toArray()))).to.deep.equal(expected);
      expect(await lastValueFrom(client.call$('some', { count: 50 }).pipe(toArray()))).to.deep.equal(
        expected,
      );
      const first = typed.call$('some', { count: 50 }).pipe(take(3), toArray());
      expect(await lastValueFrom(first)).to.deep.equal(expected.slice(0, 3));
      expect(await client.call('some', { count: 3 })).to.deep.equal({ i: 2 });
    });

    it('should handle events', async () => {
      await client.notify('note', ['seen']);
      while ((await peer.ask({ do: 'seen' })).length === 0) await sleep(20);
      expect(await peer.ask({ do: 'seen' })).to.deep.equal(['seen']);
    });

    it('should answer a thousand calls at once without a mix-up', async () => {
      const values = Array.from({ length: 1_000 }, (_, i) => `value ${i}`);
      const calls = values.map((value) => client.call('echo', [value], { timeout: 50_000 }));
      expect(await Promise.all(calls)).to.deep.equal(values);
    });
  });
});
