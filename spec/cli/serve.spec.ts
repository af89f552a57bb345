/** What the flags of serve make of a service, on an embedded cluster. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Connection, connect } from '../../src/index.js';
import { Command, temporaryFolder } from './command.js';

const MODULE = `
let running = 0;
export const together = async (ms) => {
  running += 1;
  const now = running;
  await new Promise((resolve) => setTimeout(resolve, ms));
  running -= 1;
  return now;
};
export const alone = together;
export const pid = () => process.pid;
`;
const LIMITS = ['--order-by', 'key', '--method', 'alone:concurrency=1,maxQueued=1,orderBy=none'];

describe('serve', () => {
  const temp = temporaryFolder();
  const module = join(temp.path, 'shop.mjs');
  let connection: Connection;
  before(async () => {
    writeFileSync(module, MODULE);
    connection = await connect({ librdkafka: {} });
  });
  after(async () => {
    await Command.killAll();
    await connection.close();
    temp.remove();
  });
  const serve = async (service: string, ...flags: string[]): Promise<Command> => {
    const args = ['serve', module, '--service', service, '--brokers', connection.brokers, ...flags];
    const command = new Command(temp.path, args);
    await command.until(new RegExp(`^ready ${service}\n`));
    return command;
  };

  it('should order calls by their key, and limit a method of its own', async () => {
    await serve('ordered', ...LIMITS);
    const client = connection.client('ordered', { timeout: 30_000 });
    const together = (...keys: string[]) =>
      Promise.all(keys.map((key) => client.call('together', [300], { key })));
    expect(await together('a', 'a')).to.deep.equal([1, 1]);
    const ended = await Promise.allSettled([1, 2, 3].map(() => client.call('alone', [300], { key: 'a' })));
    const told = ended.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code));
    expect(told).to.have.members([1, 1, -32002]);
  });

  it('should share the answers of calls with an idempotency key', async () => {
    const first = await serve('stored', '--store');
    const client = connection.client('stored', { timeout: 30_000 });
    const pid = (idempotencyKey?: string) => client.call('pid', [], { idempotencyKey });
    expect(await pid('a')).to.equal(first.child.pid);
    first.kill('SIGINT');
    expect((await first.ended).code).to.equal(0);
    const second = await serve('stored', '--orphans', 'run');
    expect(await pid('a')).to.equal(first.child.pid);
    expect(await pid()).to.equal(second.child.pid);
  });
});
