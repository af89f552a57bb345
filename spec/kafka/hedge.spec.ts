import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import * as t from 'io-ts';
import { type Connection, connect, request, service } from '../../src/index.js';
import { brokers, describeOnKafka, unique } from './brokers.js';
import { until } from './port-support.js';

const contract = service(unique('hedged'), { where: request({ result: t.string }) });

describeOnKafka('hedged calls on a real Kafka', () => {
  let client: Connection;
  let servers: Connection[];
  let cancelled = 0;

  before(async () => {
    [client, ...servers] = await Promise.all([
      connect({ brokers }),
      connect({ brokers }),
      connect({ brokers }),
    ]);
    const slow = async (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
      signal.addEventListener('abort', () => {
        cancelled += 1;
      });
      await sleep(20_000, undefined, { signal }).catch(() => {});
      return 'slow';
    };
    const [one, other] = servers as [Connection, Connection];
    await one.serve(contract, { where: slow });
    await other.serve(contract, { where: () => 'fast' });
    // Until the group has shared the partitions out.
    const plain = client.client(contract, { timeout: 1_000 });
    for (let fast = 0, i = 0; fast < 3 && i < 30; i += 1) {
      fast += await plain.call('where').then(
        () => 1,
        () => 0,
      );
    }
  });

  after(() => Promise.all([client, ...servers].map((connection) => connection.close())));

  it('should be answered by the other server where one is slow, and stop the loser', async () => {
    const hedged = client.client(contract, { timeout: 15_000, hedge: { delay: 60, attempts: 4 } });
    cancelled = 0;
    const times: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      const begin = performance.now();
      expect(await hedged.call('where')).to.equal('fast');
      times.push(performance.now() - begin);
    }
    expect(Math.max(...times)).to.be.below(10_000);
    await until(() => cancelled > 0, 'the cancel of a loser');
    expect(client.stats.pending).to.equal(0);
  });
});
