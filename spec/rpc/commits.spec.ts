/** When a record counts as done, and who runs what where servers come and go. */
import { expect } from 'chai';
import type { Connection, Server } from '../../src/connection.js';
import { KafkaError } from '../../src/kafka/port.js';
import type { ServeOptions } from '../../src/options.js';
import { Bench, call, ending, Gate, INBOX, notice, RawPeer } from './harness.js';

const SESSION = 6_000;

describe('commits', () => {
  let bench: Bench;
  let raw: RawPeer;
  /** `instance:name`, as the handlers began. */
  let began: string[];
  let finished: string[];
  let gates: Map<string, Gate>;
  let servers: Server[];
  let connections: Connection[];

  beforeEach(() => {
    bench = new Bench();
    raw = new RawPeer(bench);
    began = [];
    finished = [];
    gates = new Map();
    servers = [];
    connections = [];
  });
  afterEach(async () => {
    for (const gate of gates.values()) gate.open('');
    await bench.close();
  });

  /** Connects, and begins to join; the Promise is for when it has joined. */
  const begin = async (options: ServeOptions = {}, partitions = 1) => {
    const connection = await bench.connect();
    const me = connections.push(connection) - 1;
    const target = {
      now: (name: string) => {
        began.push(`${me}:${name}`);
        return name;
      },
      wait: async (name: string) => {
        began.push(`${me}:${name}`);
        const gate = gates.get(name) ?? new Gate();
        gates.set(name, gate);
        await gate.promise;
        finished.push(`${me}:${name}`);
        return name;
      },
    };
    const joined = connection.serve('s', target, { requests: { partitions }, ...options });
    return { joined: joined.then((server) => servers.push(server)) };
  };
  const start = async (options: ServeOptions = {}, partitions = 1) => {
    const { joined } = await begin(options, partitions);
    await bench.until(joined);
    await bench.advance(20);
    return servers.at(-1) as Server;
  };
  let id = 0;
  const request = (method: string, name: string, partition = 0) => {
    id += 1;
    raw.append({ topic: 's.requests', partition, value: call(id, method, [name]), headers: raw.callstream });
  };
  const release = (...names: string[]) => {
    for (const name of names) gates.get(name)?.open('');
  };
  const committed = (partition = 0) => bench.broker.committed('s', { topic: 's.requests', partition });
  const answers = () => raw.messages().map((it) => it.result ?? it.error.code);

  it('should commit a record only after the delivery report of its answer', async () => {
    await start();
    bench.broker.inject({ topic: INBOX, reportDelay: 2_000 });
    request('now', 'a');
    await bench.advance(1_900);
    expect([answers(), committed()]).to.deep.equal([['a'], undefined]);
    await bench.advance(500);
    expect(committed()).to.equal(1);
  });

  it('should commit a record after the final failure of its answer', async () => {
    await start();
    bench.broker.inject({ topic: INBOX, report: 'unwritten', reportDelay: 500 });
    request('now', 'a');
    await bench.advance(900);
    expect(committed()).to.equal(undefined);
    await bench.advance(500);
    expect([committed(), servers[0]?.stats.lost]).to.deep.equal([1, 1]);
  });

  it('should commit a notification once its handler is through', async () => {
    await start();
    raw.append({ topic: 's.requests', value: notice('wait', ['n']) });
    await bench.advance(500);
    expect(committed()).to.equal(undefined);
    release('n');
    await bench.advance(500);
    expect(committed()).to.equal(1);
  });

  it('should commit no further than the first call that is not done', async () => {
    await start();
    for (const [method, name] of [
      ['now', 'a'],
      ['wait', 'b'],
      ['now', 'c'],
      ['wait', 'd'],
      ['now', 'e'],
    ] as const) {
      request(method, name);
    }
    await bench.advance(500);
    expect([committed(), answers()]).to.deep.equal([1, ['a', 'c', 'e']]);
    release('d');
    await bench.advance(500);
    expect(committed()).to.equal(1);
    release('b');
    await bench.advance(500);
    expect(committed()).to.equal(5);
  });

  it('should commit many records with few commits', async () => {
    await start();
    for (let i = 0; i < 500; i += 1) {
      request('now', `${i}`);
      if (i % 10 === 0) await bench.advance(1);
    }
    await bench.advance(500);
    expect(committed()).to.equal(500);
  });

  it('should leave no timer behind once all is committed', async () => {
    await start();
    const before = bench.clock.pending;
    request('now', 'a');
    await bench.advance(1_000);
    expect(bench.clock.pending).to.equal(before);
  });

  it('should run no call twice on one instance, done or running, when it is given its records again', async () => {
    await start();
    request('now', 'a');
    request('wait', 'b');
    await bench.advance(5);
    for (let i = 0; i < 3; i += 1) {
      bench.broker.rebalance('s');
      await bench.advance(4_000);
    }
    expect(began).to.deep.equal(['0:a', '0:b']);
    release('b');
    await bench.advance(500);
    expect([answers(), committed()]).to.deep.equal([['a', 'b'], 2]);
  });

  it('should run no call twice where all end within a hand-over', async () => {
    await start({}, 4);
    for (let i = 0; i < 20; i += 1) request('wait', `w${i}`, i % 4);
    await bench.advance(5);
    const { joined } = await begin({}, 4);
    await bench.advance(1_000);
    expect(servers).to.have.length(1);
    release(...gates.keys());
    await bench.until(joined);
    await bench.advance(1_000);
    expect(servers).to.have.length(2);
    expect(began.sort()).to.deep.equal(Array.from({ length: 20 }, (_, i) => `0:w${i}`).sort());
    expect(answers()).to.have.length(20);
    request('now', 'last', 3);
    await bench.advance(20);
    expect(began.at(-1)).to.equal('1:last');
  });

  it('should run again elsewhere only what was not done within the hand-over', async () => {
    await start({ revokeTimeout: 500 }, 2);
    for (const name of ['x', 'y']) request('now', name, 1);
    request('wait', 'z', 1);
    request('now', 'after', 1);
    await bench.advance(300);
    await start({ revokeTimeout: 500 }, 2);
    await bench.advance(5_000);
    expect(began).to.deep.equal(['0:x', '0:y', '0:z', '0:after', '1:z', '1:after']);
    release('z');
    await bench.advance(500);
    expect([finished, committed(1)]).to.deep.equal([['0:z', '1:z'], 4]);
  });

  it('should run the unfinished calls of a killed server elsewhere, and nothing that was committed', async () => {
    await start({}, 2);
    for (let i = 0; i < 4; i += 1) request('now', `n${i}`, i % 2);
    await bench.advance(500);
    for (let i = 0; i < 4; i += 1) request('wait', `w${i}`, i % 2);
    await bench.advance(5);
    began.length = 0;
    gates.clear();
    bench.kill(connections[0] as Connection);
    await begin({}, 2);
    await bench.advance(SESSION + 2_000);
    expect(began.sort()).to.deep.equal(['1:w0', '1:w1', '1:w2', '1:w3']);
    release('w0', 'w1', 'w2', 'w3');
    await bench.advance(500);
    expect(answers().slice(-4).sort()).to.deep.equal(['w0', 'w1', 'w2', 'w3']);
    servers.shift();
  });

  it('should hand over without running a call twice when it closes, and lose none', async () => {
    await start({}, 2);
    await start({}, 2);
    for (let i = 0; i < 10; i += 1) request('wait', `w${i}`, i % 2);
    await bench.advance(5);
    const closing = (servers[0] as Server).close({ drain: 2_000 });
    for (let i = 0; i < 10; i += 1) request('now', `n${i}`, i % 2);
    await bench.advance(1_000);
    release(...gates.keys());
    await bench.until(closing);
    await bench.advance(2_000);
    expect(began.filter((it) => it.startsWith('0:n'))).to.deep.equal([]);
    const names = began.map((it) => it.slice(2)).sort();
    const expected = Array.from({ length: 10 }, (_, i) => [`n${i}`, `w${i}`])
      .flat()
      .sort();
    expect(names).to.deep.equal(expected);
    expect(answers().sort()).to.deep.equal(expected);
  });

  it('should not begin what waits for its turn once it has stopped waiting at its close', async () => {
    await start({ concurrency: 1 });
    for (const name of ['a', 'b', 'c']) request('wait', name);
    await bench.advance(5);
    expect(began).to.deep.equal(['0:a']);
    await bench.until((servers[0] as Server).close({ drain: 100 }));
    await bench.advance(100);
    expect(began).to.deep.equal(['0:a']);
    expect(servers[0]?.load).to.deep.equal({ running: 0, queued: 0, streams: 0 });
    gates.clear();
    await start();
    expect(began).to.deep.equal(['0:a', '1:a', '1:b', '1:c']);
    expect(answers()).to.deep.equal([]);
  });

  it('should take no longer to close than its drain and a few hops', async () => {
    await start();
    request('wait', 'never');
    await bench.advance(5);
    const before = bench.clock.now();
    await bench.until((servers[0] as Server).close({ drain: 300 }));
    expect(bench.clock.now() - before).to.be.within(300, 350);
  });

  it('should close at once where nothing runs, however often it is told to', async () => {
    await start();
    request('now', 'a');
    await bench.advance(5);
    const before = bench.clock.now();
    const [server] = servers as [Server];
    await bench.until(Promise.all([server.close(), server.close()]));
    expect([bench.clock.now() - before < 20, committed()]).to.deep.equal([true, 1]);
  });

  it('should not take the group back when a partition returns to where it was before', async () => {
    await start({ revokeTimeout: 100 }, 2);
    request('wait', 'slow', 1);
    await bench.advance(300);
    const second = await start({ revokeTimeout: 100 }, 2);
    await bench.advance(1_000);
    release('slow');
    gates.delete('slow');
    for (let i = 0; i < 5; i += 1) request('now', `n${i}`, 1);
    await bench.advance(1_000);
    expect(committed(1)).to.equal(6);
    await bench.until(second.close());
    await bench.advance(1_000);
    request('now', 'kick', 0);
    await bench.advance(1_000);
    expect(committed(1)).to.equal(6);
    began.length = 0;
    await start({ revokeTimeout: 100 }, 2);
    await bench.advance(1_000);
    expect(began).to.deep.equal([]);
  });

  it('should not take the group back where a partition has gone while its hand-over waited for Kafka', async () => {
    const connection = await bench.connect();
    const kafka = bench.kafkaOf(connection);
    const { subscribe } = kafka;
    const silence = new Gate();
    kafka.subscribe = async (options, handlers) => {
      const consumer = await subscribe.call(kafka, options, handlers);
      const { commit } = consumer;
      consumer.commit = async () => {
        consumer.commit = commit;
        await silence.promise;
        throw new KafkaError('failed', 'no answer');
      };
      return consumer;
    };
    const slow = new Gate();
    const options = { requests: { partitions: 2 }, revokeTimeout: 100 };
    const handlers = { now: () => 'first', wait: () => slow.promise };
    await bench.until(connection.serve('s', handlers, options));
    request('now', 'done', 0);
    request('wait', 'slow', 1);
    await bench.advance(20);
    await start(options, 2);
    await bench.advance(1_000);
    release('slow');
    for (let i = 0; i < 5; i += 1) request('now', `n${i}`, 1);
    await bench.advance(1_000);
    expect([bench.broker.members('s').length, committed(1)]).to.deep.equal([2, 6]);
    silence.open('');
    await bench.advance(100);
    slow.open('');
    await bench.advance(1_000);
    expect([answers().includes('first'), committed(1)]).to.deep.equal([true, 6]);
    for (let i = 0; i < 5; i += 1) request('now', `m${i}`, i % 2);
    await bench.advance(1_000);
    expect([committed(0), committed(1)]).to.deep.equal([4, 8]);
  });

  it('should answer calls that began before a rebalance', async () => {
    await start({ revokeTimeout: 200 }, 4);
    const caller = await bench.connect();
    const calls = Array.from({ length: 12 }, (_, i) =>
      ending(caller.client('s', { timeout: 9_000 }).call('wait', [`w${i}`], { key: `${i}` })),
    );
    await bench.advance(10);
    await start({ revokeTimeout: 200 }, 4);
    await bench.advance(500);
    release(...gates.keys());
    expect(await bench.until(Promise.all(calls))).to.deep.equal(
      Array.from({ length: 12 }, (_, i) => `w${i}`),
    );
  });

  it('should commit nothing where its partitions were lost, and let the calls that run finish', async () => {
    await start();
    const [first] = connections as [Connection];
    const kafka = bench.kafkaOf(first);
    request('wait', 'a');
    await bench.advance(5);
    bench.broker.freeze(kafka);
    await begin();
    await bench.advance(SESSION + 1_000);
    expect(began).to.deep.equal(['0:a', '1:a']);
    bench.broker.thaw(kafka);
    await bench.advance(100);
    release('a');
    await bench.advance(1_000);
    expect([finished.sort(), committed()]).to.deep.equal([['0:a', '1:a'], 1]);
  });

  it('should commit after a lost connection is back', async () => {
    await start();
    const kafka = bench.kafkaOf(connections[0] as Connection);
    request('now', 'a');
    await bench.advance(50);
    bench.broker.disconnect(kafka);
    await bench.advance(1_000);
    bench.broker.reconnect(kafka);
    await bench.advance(1_000);
    expect(committed()).to.equal(1);
  });

  it('should try a commit again that failed, and tell of it', async () => {
    const connection = await bench.connect();
    const kafka = bench.kafkaOf(connection);
    const { subscribe } = kafka;
    let failures = 2;
    kafka.subscribe = async (options, handlers) => {
      const consumer = await subscribe.call(kafka, options, handlers);
      const { commit } = consumer;
      consumer.commit = (offsets) => {
        failures -= 1;
        return failures < 0
          ? commit.call(consumer, offsets)
          : Promise.reject(new KafkaError('failed', 'Broker: Not coordinator'));
      };
      return consumer;
    };
    await bench.until(connection.serve('s', { now: () => 1 }, { requests: { partitions: 1 } }));
    request('now', 'a');
    await bench.advance(1_500);
    expect([committed(), bench.issues.map(({ message }) => message)]).to.deep.equal([
      1,
      Array(2).fill('Broker: Not coordinator'),
    ]);
  });

  it('should give every call of a rolling restart its answer, and run none twice', async () => {
    await start({}, 4);
    await start({}, 4);
    const caller = await bench.connect();
    const client = caller.client('s', { timeout: 8_000 });
    const endings: Promise<unknown>[] = [];
    const closing: Promise<void>[] = [];
    for (let i = 0; i < 120; i += 1) {
      endings.push(ending(client.call('now', [`${i}`])));
      if (i === 30) closing.push((servers[0] as Server).close());
      if (i === 60) void start({}, 4);
      if (i === 90) closing.push((servers[1] as Server).close());
      await bench.advance(7);
    }
    const results = await bench.until(Promise.all(endings));
    await bench.until(Promise.all(closing));
    expect(results).to.deep.equal([...Array(120).keys()].map(String));
    expect(began.map((it) => it.slice(2)).sort()).to.deep.equal([...Array(120).keys()].map(String).sort());
  });
});
