import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { brokers, describeOnKafka } from './brokers.js';

describeOnKafka('connecting and closing', function () {
  this.timeout(300_000);

  it('should leave no handle and no memory behind after 100 times, and let the process end', async () => {
    const file = fileURLToPath(new URL('./cycles.ts', import.meta.url));
    const execArgv = ['--import', 'tsx', '--expose-gc'];
    const child = fork(file, ['100'], {
      execArgv,
      env: { ...process.env, KAFKA_BROKERS: brokers },
      silent: true,
    });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).to.deep.equal([0, null]);
    expect(output).to.match(/handles left: none/);
    const slope = Number(/slope (-?\d+) bytes/.exec(output)?.[1]);
    expect(slope, output).to.be.below(50_000);
  });
});
