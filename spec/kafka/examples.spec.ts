import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startKafka } from './broker/broker.js';
import { describeOnKafka } from './brokers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

describeOnKafka('examples on a Kafka that restarts in the middle', function () {
  this.timeout(300_000);

  /** Kills the broker some seconds after the example's first word, and starts it again. */
  async function run(file: string, env: Record<string, string>): Promise<string> {
    const cluster = await startKafka();
    try {
      const running = promisify(execFile)(process.execPath, ['--import', 'tsx', file], {
        cwd: root,
        env: { ...process.env, KAFKA_BROKERS: cluster.bootstrap, ...env },
        timeout: 200_000,
      });
      await Promise.race([once(running.child.stdout as Readable, 'data'), running]);
      await sleep(4_000);
      const [node] = cluster.nodes;
      await node?.kill();
      await node?.start();
      return (await running).stdout;
    } finally {
      await cluster.stop();
    }
  }

  it('should show every tick of every symbol once: the reactive app', async () => {
    const stdout = await run('examples/reactive-app/main.ts', { TICKS: '600', EVERY: '20' });
    expect(stdout).to.include('reconnecting');
    expect(stdout).to.include('AAPL 600, GOOG 600, MSFT 600, NVDA 600 of 600 ticks each');
  });

  it('should price every order once: the data pipeline', async () => {
    const stdout = await run('examples/data-pipeline/main.ts', { ORDERS: '20000', LATENCY: '100' });
    expect(stdout).to.include('20000 of 20000 orders came out priced, 0 of them more than once');
  });
});
