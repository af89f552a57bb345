/** Requests that are committed before they run: none runs twice, a crash loses what had begun. */
import { expect } from 'chai';
import type { Connection } from '../../src/connection.js';
import { KafkaError, type TopicPartitionOffset } from '../../src/kafka/port.js';
import type { ServeOptions } from '../../src/options.js';
import { Bench, call, ending, Gate, RawPeer } from './harness.js';

const AT = { topic: 's.requests', partition: 0 };

describe('atMostOnce', () => {
  let bench: Bench;
  let raw: RawPeer;
  /** `instance:name`, and where the group stood as the handler began. */
  let began: (readonly [string, number | undefined])[];
  let gate: Gate;
  let connections: Connection[];
  let commits: (readonly TopicPartitionOffset[])[];
  let refusals: number;
  /** What the commits of the first wait for, to fail then. */
  let silence: Gate | undefined;

  beforeEach(() => {
    bench = new Bench();
    raw = new RawPeer(bench);
    began = [];
    gate = new Gate();
    connections = [];
    commits = [];
    refusals = 0;
    silence = undefined;
  });
  afterEach(async () => {
    gate.open('');
    await bench.close();
  });

  const start = async (options: ServeOptions = {}) => {
    const connection = await bench.connect();
    const me = connections.push(connection) - 1;
    const kafka = bench.kafkaOf(connection);
    const subscribe = kafka.subscribe.bind(kafka);
    kafka.subscribe = async (...args) => {
      const consumer = await subscribe(...args);
      const commit = consumer.commit.bind(consumer);
      consumer.commit = async (offsets) => {
        if (silence !== undefined && me === 0) {
          await silence.promise;
          throw new KafkaError('failed', 'no answer');
        }
        refusals -= 1;
        if (refusals >= 0) throw new KafkaError('failed', 'no coordinator');
        commits.push(offsets);
        await commit(offsets);
      };
      return consumer;
    };
    const begin = (name: string) => began.push([`${me}:${name}`, bench.broker.committed('s', AT)]);
    const target = {
      now: (name: string) => {
        begin(name);
        return name;
      },
      wait: async (name: string) => {
        begin(name);
        await gate.promise;
        return name;
      },
    };
    const served = connection.serve('s', target, {
      requests: { partitions: 1 },
      atMostOnce: true,
      ...options,
    });
    const server = await bench.until(served);
    await bench.advance(20);
    return server;
  };

  it('should commit before the handler runs, once for all records that came together', async () => {
    const client = (await bench.connect()).client('s');
    await start();
    expect(await bench.until(client.call('now', ['a']))).to.equal('a');
    expect(began).to.deep.equal([['0:a', 1]]);
    for (const name of ['b', 'c', 'd']) raw.request('s', call(name, 'now', [name]));
    await bench.advance(50);
    expect(began.slice(1)).to.deep.equal(['0:b', '0:c', '0:d'].map((name) => [name, 4]));
    expect(raw.messages().map(({ result }) => result)).to.deep.equal(['b', 'c', 'd']);
    expect(commits).to.deep.equal([[{ ...AT, offset: 1 }], [{ ...AT, offset: 4 }]]);
  });

  it('should not run again elsewhere what a killed server had begun, where the default runs it again', async () => {
    for (const atMostOnce of [true, false]) {
      began = [];
      const caller = await bench.connect();
      await start({ atMostOnce });
      const end = ending(caller.client('s').call('wait', ['a'], { timeout: 20_000 }));
      await bench.advance(300);
      const first = connections.pop() as Connection;
      bench.kill(first);
      const server = await start({ atMostOnce });
      await bench.advance(8_000);
      const again = ending(caller.client('s').call('now', ['b'], { timeout: 8_000 }));
      expect(await bench.until(again)).to.equal('b');
      const names = began.map(([name]) => name.slice(2));
      expect(names).to.deep.equal(atMostOnce ? ['a', 'b'] : ['a', 'a', 'b']);
      gate.open('');
      expect(await bench.until(end)).to.equal(atMostOnce ? 'Unknown timeout' : 'a');
      gate = new Gate();
      await bench.until(server.close());
      connections = [];
    }
  });

  it('should run nothing that could not be committed yet, and go on trying', async () => {
    await start();
    refusals = 3;
    raw.request('s', call(1, 'now', ['a']));
    await bench.advance(390);
    expect(began).to.deep.equal([]);
    await bench.advance(500);
    expect([began, raw.messages().length]).to.deep.equal([[['0:a', 1]], 1]);
    expect(bench.issues.every(({ message }) => message === 'no coordinator')).to.equal(true);
  });

  it('should leave to another instance what it could not commit before it was gone', async () => {
    await start();
    refusals = Number.POSITIVE_INFINITY;
    raw.request('s', call(1, 'now', ['a']));
    await bench.advance(500);
    bench.kill(connections[0] as Connection);
    refusals = 0;
    await start();
    await bench.advance(10_000);
    expect(began.map(([name]) => name)).to.deep.equal(['1:a']);
  });

  it('should not run what another instance has run while Kafka kept it waiting for its commit', async () => {
    const options = { requests: { partitions: 2 }, revokeTimeout: 100 };
    const ask = (name: string, partition = 1) =>
      raw.append({ topic: AT.topic, partition, value: call(1, 'now', [name]), headers: raw.callstream });
    await start(options);
    silence = new Gate();
    ask('a');
    await bench.advance(50);
    const other = await start(options);
    await bench.advance(1_000);
    expect(began.map(([name]) => name)).to.deep.equal(['1:a']);
    await bench.until(other.close());
    await bench.advance(1_000);
    silence.open('');
    silence = undefined;
    await bench.advance(1_000);
    ask('b', 0);
    await bench.advance(1_000);
    expect(began.map(([name]) => name)).to.deep.equal(['1:a', '0:b']);
    ask('c');
    await bench.advance(1_000);
    expect(began.map(([name]) => name)).to.deep.equal(['1:a', '0:b', '0:c']);
  });

  it('should run what it could not commit once its partition is back, where nobody else has', async () => {
    const options = { requests: { partitions: 2 }, revokeTimeout: 100 };
    await start(options);
    await start(options);
    refusals = Number.POSITIVE_INFINITY;
    for (const name of ['a', 'b'])
      raw.append({ ...AT, value: call(name, 'now', [name]), headers: raw.callstream });
    await bench.advance(50);
    // The rebalance waits for one who doesn't answer.
    bench.kill(connections[1] as Connection);
    bench.broker.rebalance('s');
    await bench.advance(10_000);
    expect(began).to.deep.equal([]);
    refusals = 0;
    await bench.advance(1_000);
    expect(began.map(([name]) => name)).to.deep.equal(['0:a', '0:b']);
  });

  it('should answer what runs while its server closes, and leave nothing', async () => {
    const server = await start();
    raw.request('s', call(1, 'wait', ['a']));
    await bench.advance(50);
    const closed = server.close();
    await bench.advance(50);
    gate.open('');
    await bench.until(closed);
    expect(raw.messages().map(({ result }) => result)).to.deep.equal(['a']);
  });

  it('should stop reading while too many records wait for their commit', async () => {
    await start({ maxQueued: 2 });
    refusals = 4;
    for (let id = 1; id <= 40; id += 1) raw.request('s', call(id, 'now', [`${id}`]));
    await bench.advance(5_000);
    expect(began.map(([name]) => Number(name.slice(2)))).to.deep.equal(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
  });

  it('should be true or false', async () => {
    const connection = await bench.connect();
    const wrong = await ending(connection.serve('s', { a: () => 1 }, { atMostOnce: 1 as never }));
    expect(wrong).to.equal('untagged: atMostOnce: expected true or false, got 1');
  });
});
