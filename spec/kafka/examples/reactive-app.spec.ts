import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startKafka } from '../broker/broker.js';
import { describeOnKafka } from '../brokers.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describeOnKafka('the reactive app', function () {
  this.timeout(120_000);

  it('should see every tick of every symbol once, though the broker restarts in the middle', async () => {
    const cluster = await startKafka();
    try {
      const running = promisify(execFile)(
        process.execPath,
        ['--import', 'tsx', 'examples/reactive-app/main.ts'],
        {
          cwd: root,
          env: { ...process.env, KAFKA_BROKERS: cluster.bootstrap, TICKS: '600', EVERY: '20' },
          timeout: 90_000,
        },
      );
      await sleep(6_000);
      const [node] = cluster.nodes;
      await node?.kill();
      await node?.start();
      const { stdout } = await running;
      expect(stdout).to.include('reconnecting');
      expect(stdout).to.include('AAPL 600, GOOG 600, MSFT 600, NVDA 600 of 600 ticks each');
    } finally {
      await cluster.stop();
    }
  });
});
