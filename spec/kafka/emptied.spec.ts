/** A cluster that comes back with nothing in it, as one does that keeps its data in memory. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { type Connection, connect } from '../../src/index.js';
import { type KafkaCluster, startKafka } from './broker/broker.js';

/** Milliseconds in which calls are to work again. */
const SOON = 60_000;

describe('a cluster that comes back empty', () => {
  let cluster: KafkaCluster | undefined;
  const connections: Connection[] = [];

  const open = async (brokers: string): Promise<Connection> => {
    const connection = await connect({ brokers, onIssue: () => {} });
    connections.push(connection);
    return connection;
  };

  after(async () => {
    await Promise.all(connections.map((connection) => connection.close({ drain: 0 })));
    await cluster?.stop();
  });

  it('should be served as before, without a restart of clients and servers', async () => {
    cluster = await startKafka();
    const brokers = cluster.bootstrap;
    const server = await open(brokers);
    await server.serve('sums', { add: (a: number, b: number) => a + b });
    const client = (await open(brokers)).client('sums', { timeout: 1_000 });
    for (let i = 0; i < 20; i += 1)
      expect(await client.call('add', [i, 1], { timeout: 20_000 })).equal(i + 1);
    await cluster.stop();
    await client.call('add', [1, 1]).catch(() => {});
    cluster = await startKafka({ port: Number(brokers.split(':')[1]) });
    const end = Date.now() + SOON;
    let sum: unknown;
    while (sum === undefined && Date.now() < end) {
      sum = await client.call('add', [20, 1]).catch(() => delay(100));
    }
    expect(sum).equal(21);
  });
});
