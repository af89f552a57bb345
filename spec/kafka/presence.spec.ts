import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Connection, connect } from '../../src/index.js';
import { openKafka } from '../../src/kafka/librdkafka.js';
import type { Kafka } from '../../src/kafka/port.js';
import { brokers, describeOnKafka, unique } from './brokers.js';

const serverFile = fileURLToPath(new URL('./crash-server.ts', import.meta.url));

describeOnKafka('absentAfter on a real Kafka', () => {
  let client: Connection;
  let kafka: Kafka;
  const servers: ChildProcess[] = [];

  before(async () => {
    [client, kafka] = await Promise.all([connect({ brokers }), openKafka({ brokers, clientId: 'raw' })]);
  });
  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all([client.close(), kafka.close()]);
  });

  /** How a call ends, and after how many milliseconds. */
  const end = async (call: Promise<unknown>): Promise<readonly [unknown, number]> => {
    const begin = performance.now();
    const outcome = await call.catch(({ _tag, reason }) => `${_tag} ${reason}`);
    return [outcome, performance.now() - begin];
  };
  /** A server in a process of its own. */
  const start = async (name: string): Promise<void> => {
    const server = fork(serverFile, [brokers, name], { execArgv: ['--import', 'tsx'] });
    servers.push(server);
    await once(server, 'message');
  };
  const written = async (name: string): Promise<number> =>
    (await kafka.watermarks({ topic: `${name}.requests`, partition: 0 })).high;

  it('should end a call early, as not sent, where nobody serves: the topic missing, or there', async () => {
    const name = unique('absent');
    const to = client.client(name, { absentAfter: 1_000, timeout: 30_000 });
    for (const _ of ['missing', 'there']) {
      const [outcome, ms] = await end(to.call('x'));
      expect(outcome).to.equal('NotSent no server');
      // A timer may fire a fraction of a millisecond early.
      expect(ms).to.be.within(990, 20_000);
      await kafka.createTopic({ topic: `${name}.requests`, partitions: 1 });
    }
    expect(await written(name)).to.equal(0);
    expect(client.stats.pending).to.equal(0);
  });

  it('should wait for a server that is slow', async () => {
    const server = await connect({ brokers });
    const name = unique('slow');
    await server.serve(name, { wait: () => sleep(6_000, 'through') });
    const [outcome, ms] = await end(
      client.client(name, { absentAfter: 2_500, timeout: 30_000 }).call('wait'),
    );
    expect(outcome).to.equal('through');
    expect(ms).to.be.at.least(5_900);
    await server.close();
  });

  it('should find a server that joins while a call waits', async () => {
    const server = await connect({ brokers });
    const name = unique('later');
    const call = end(client.client(name, { absentAfter: 12_000, timeout: 40_000 }).call('x'));
    await sleep(200);
    await server.serve(name, { x: () => 'here' });
    expect((await call)[0]).to.equal('here');
    await server.close();
  });

  it('should count on any of several instances, and say unknown of what the last of them had taken', async () => {
    const name = unique('several');
    await Promise.all([start(name), start(name)]);
    const to = client.client(name, { absentAfter: 2_500, timeout: 60_000 });
    expect(await to.call('pid')).to.be.a('number');
    const hangs = Array.from({ length: 8 }, (_, key) => end(to.call('hang', [], { key: String(key) })));
    await sleep(500);
    const [first, last] = servers.splice(0) as [ChildProcess, ChildProcess];
    first.kill('SIGKILL');
    // Long enough for several broadcasts, which the other one answers.
    const early = await Promise.race([...hangs, sleep(8_000, undefined)]);
    expect(early).to.equal(undefined);
    last.kill('SIGKILL');
    const killed = performance.now();
    const ends = await Promise.all(hangs);
    expect(new Set(ends.map(([outcome]) => outcome))).to.deep.equal(new Set(['Unknown no server']));
    expect(performance.now() - killed).to.be.below(20_000);
    expect((await end(to.call('pid')))[0]).to.equal('NotSent no server');
  });

  it('should take a service for absent that only peers serve who hear no broadcasts', async () => {
    const name = unique('foreign');
    await kafka.createTopic({ topic: `${name}.requests`, partitions: 1 });
    const { topic, partition } = client.inbox;
    const consumer = await kafka.assign([{ topic: `${name}.requests`, partition: 0, offset: 0 }], {
      onRecord: ({ value }) => {
        const { id } = JSON.parse(String(value));
        const headers = [{ kafka_correlationId: client.instance }];
        const answer = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: 'foreign' }));
        void kafka.send({ topic, partition, value: answer, headers });
      },
      onError: () => {},
    });
    expect((await end(client.client(name, { timeout: 20_000 }).call('x')))[0]).to.equal('foreign');
    const before = await written(name);
    const [outcome] = await end(client.client(name, { absentAfter: 1_000, timeout: 30_000 }).call('x'));
    expect([outcome, await written(name)]).to.deep.equal(['NotSent no server', before]);
    await consumer.close();
  });
});
