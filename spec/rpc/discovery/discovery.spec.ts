/** The methods that every server has besides its own: who answers them, when, and with what. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { lastValueFrom, toArray } from 'rxjs';
import type { Connection } from '../../../src/connection.js';
import { request, service, stream } from '../../../src/contract.js';
import { discovery } from '../../../src/rpc/discovery/discovery.js';
import { openrpc, openrpcOf } from '../../../src/rpc/discovery/openrpc.js';
import { Bench, call, ending, Gate, RawPeer } from '../harness.js';
import { faultsOf } from './meta-schema.js';

describe('discovery', () => {
  const calc = service('s', {
    add: request({ params: t.tuple([t.number, t.number]), result: t.number }),
    count: stream({ item: t.number }),
    slow: request({ result: t.null }),
  });
  let bench: Bench;
  let gate: Gate<null>;
  const handlers = () => ({
    add: ([a, b]: [number, number]) => a + b,
    count: async function* () {
      yield 1;
    },
    slow: () => gate.promise,
  });

  beforeEach(() => {
    bench = new Bench();
    gate = new Gate();
  });
  afterEach(async () => {
    gate.open(null);
    await bench.close();
  });

  const pair = async (options = {}): Promise<[client: Connection, server: Connection]> => {
    const [client, server] = [await bench.connect(), await bench.connect()];
    await bench.until(server.serve(calc, handlers(), options));
    return [client, server];
  };

  it('should answer a call of rpc.discover with the document of the contract', async () => {
    const [client] = await pair();
    const document = await bench.until(client.client('s').call('rpc.discover'));
    expect(document).to.deep.equal(openrpc(calc));
    expect(faultsOf(document)).to.deep.equal([]);
    expect(await bench.until(client.client(discovery(calc)).call('rpc.discover'))).to.deep.equal(document);
  });

  it('should answer a peer that knows nothing but JSON-RPC', async () => {
    await pair();
    const peer = new RawPeer(bench, 'peer', 3);
    peer.request('s', [call(1, 'rpc.discover'), call(2, 'add', [1, 2])]);
    await bench.advance(100);
    expect(peer.messages().map(({ id, result }) => [id, result])).to.deep.equal([
      [1, openrpc(calc)],
      [2, 3],
    ]);
  });

  it('should list the methods of what is served by name alone', async () => {
    const [client, server] = [await bench.connect(), await bench.connect()];
    await bench.until(server.serve('s', { b: () => 1, a: () => 1, _private: () => 1 }));
    expect(await bench.until(client.client('s').call('rpc.discover'))).to.deep.equal(
      openrpcOf('s', ['b', 'a']),
    );
  });

  it('should tell by gather$ what each instance is and does', async () => {
    const [client, one] = await pair();
    const two = await bench.connect();
    await bench.advance(5_000);
    await bench.until(two.serve(calc, handlers()));
    await bench.advance(1_000);
    const calls = client.client(calc);
    expect(await bench.until(calls.call('add', [1, 2]))).to.equal(3);
    const slow = calls.call('slow');
    await bench.advance(100);
    const answers = await bench.until(
      lastValueFrom(
        client.client(discovery('s')).gather$('rpc.statistics', undefined, { count: 2 }).pipe(toArray()),
      ),
    );
    const statistics = answers.map(({ instance, result }) => {
      if (result._tag === 'Left') throw result.left;
      expect(result.right).to.include({ instance, service: 's' });
      return result.right;
    });
    expect(statistics.map(({ instance }) => instance).sort()).to.deep.equal(
      [one.instance, two.instance].sort(),
    );
    const sum = (of: (one: (typeof statistics)[0]) => number) =>
      statistics.reduce((all, it) => all + of(it), 0);
    expect([sum((it) => it.stats.succeeded), sum((it) => it.load.running)]).to.deep.equal([1, 1]);
    const [old, young] = statistics.map(({ uptime }) => uptime).sort((a, b) => b - a) as [number, number];
    expect(old - young).to.be.within(5_000, 9_000);
    gate.open(null);
    await bench.until(slow);
  });

  it('should answer ahead of the calls that wait, and behind no middleware', async () => {
    const asked: string[] = [];
    const [client, server] = await pair({
      concurrency: 1,
      maxQueued: 1,
      requests: { partitions: 1 },
      middleware: [
        ({ method }: { method: string }, next: any) => {
          asked.push(method);
          return next;
        },
      ].map((see: any) => (it: any, next: any) => see(it, next)(it)),
    });
    const calls = client.client(calc);
    const waiting = [1, 2, 3].map(() => ending(calls.call('slow')));
    await bench.advance(100);
    expect(await bench.until(client.client('s').call('rpc.discover'))).to.deep.equal(openrpc(calc));
    const [seen] = [...server.servers];
    expect(seen?.load).to.include({ running: 1, queued: 1 });
    expect(seen?.stats).to.include({ overloaded: 1, succeeded: 0 });
    expect(asked).to.deep.equal(['slow']);
    gate.open(null);
    await bench.until(Promise.all(waiting));
  });

  it('should make the document once', async () => {
    let made = 0;
    const counted = {
      name: 's',
      get methods() {
        made += 1;
        return calc.methods;
      },
    };
    const [client, server] = [await bench.connect(), await bench.connect()];
    await bench.until(server.serve(counted, handlers()));
    const before = made;
    const untyped = client.client('s');
    await bench.until(Promise.all([untyped.call('rpc.discover'), untyped.call('rpc.discover')]));
    await bench.until(untyped.call('rpc.discover'));
    expect(made - before).to.equal(1);
  });

  it('should answer with an error where the contract has a type that cannot be looked at', async () => {
    const broken = t.recursion<string>('Broken', () => {
      throw new Error('of its own');
    });
    const [client, server] = [await bench.connect(), await bench.connect()];
    const contract = service('s', { a: request({ result: broken }) });
    await bench.until(server.serve(contract, { a: () => '' }));
    expect(await ending(bench.until(client.client('s').call('rpc.discover')))).to.equal('RpcError -32603');
  });

  it('should have no reserved method where discovery is off', async () => {
    const [client] = await pair({ discovery: false });
    for (const method of ['rpc.discover', 'rpc.statistics']) {
      expect(await ending(bench.until(client.client('s').call(method)))).to.equal('RpcError -32601');
    }
    const server = await bench.connect();
    const wrong = server.serve(calc, handlers(), { discovery: 'no' as any });
    expect(await ending(bench.until(wrong))).to.match(/discovery: expected true or false, got no/);
  });

  it('should refuse what is no document, and no name of a service', async () => {
    const [client, server] = [await bench.connect(), await bench.connect()];
    const peer = new RawPeer(bench, 'server-1', 3);
    bench.broker.createTopic('s.requests', 1);
    const asked = ending(client.client(discovery('s')).call('rpc.discover'));
    await bench.advance(500);
    const [record] = peer.records('s.requests');
    peer.reply(record as any, { jsonrpc: '2.0', id: peer.requests('s')[0].id, result: { methods: 5 } });
    expect(await bench.until(asked)).to.equal('RpcError -32603');
    expect(() => discovery('a/b')).to.throw(/service name/);
    await bench.until(server.close());
  });
});
