import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startEmbedded } from '../src/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('examples', () => {
  it('should hold a tour that shows each kind of call within a minute', async () => {
    const { KAFKA_BROKERS: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'examples/tour.ts'], {
      cwd: root,
      env,
      timeout: 60_000,
    });
    for (const shown of [
      '3.8',
      'one latte!',
      'a tip of 0.5 euros',
      'error 404: No tea on the menu',
      'NotSent: bakery',
    ]) {
      expect(stdout).to.include(shown);
    }
  });

  it('should hold a reactive app that sees every tick of every symbol', async () => {
    const { KAFKA_BROKERS: _, ...env } = process.env;
    const file = 'examples/reactive-app/main.ts';
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file], {
      cwd: root,
      env,
      timeout: 60_000,
    });
    expect(stdout).to.include('AAPL 100, GOOG 100, MSFT 100, NVDA 100 of 100 ticks each');
  });

  it('should hold a data pipeline that prices every order once', async () => {
    const { KAFKA_BROKERS: _, ...env } = process.env;
    const file = 'examples/data-pipeline/main.ts';
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file], {
      cwd: root,
      env,
      timeout: 60_000,
    });
    expect(stdout).to.include('2000 of 2000 orders came out priced, 0 of them more than once');
  });

  for (const folder of ['simple', 'class']) {
    it(`should hold a receiver and a sender: ${folder}`, async () => {
      const cluster = await startEmbedded();
      const options = { cwd: root, env: { ...process.env, KAFKA_BROKERS: cluster.brokers } };
      const start = (file: string) =>
        spawn(process.execPath, ['--import', 'tsx', `examples/${folder}/${file}.ts`], options);
      const receiver = start('receiver');
      const sender = start('sender');
      try {
        await once(createInterface(receiver.stdout), 'line');
        sender.stdin.end('hi\n');
        let printed = '';
        for await (const chunk of sender.stdout) printed += chunk;
        expect(printed).to.include('RPC hi!');
      } finally {
        sender.kill();
        receiver.kill('SIGINT');
        await once(receiver, 'exit');
        await cluster.close();
      }
    });
  }
});
