import { expect } from 'chai';
import { type Check, shownCheck } from '../../src/cli/doctor/check.js';
import { Command, type Ended, fixture, temporaryFolder } from './command.js';

describe('doctor', () => {
  const temp = temporaryFolder();
  const start = (...args: string[]) => new Command(temp.path, ['doctor', ...args]);
  const ends = async (code: number, ...args: string[]): Promise<Ended> => {
    const ended = await start(...args).ended;
    expect(ended.code, ended.stdout + ended.stderr).to.equal(code);
    return ended;
  };
  const checksOf = ({ stdout }: Ended): Map<string, Check> =>
    new Map(JSON.parse(stdout).checks.map((check: Check) => [check.name, check]));
  const serve = async (): Promise<Command> => {
    const server = new Command(temp.path, ['serve', fixture('calc.mjs'), '--service', 'calc']);
    await server.until(/^ready calc\n/);
    return server;
  };

  before(async () => {
    const broker = new Command(temp.path, ['broker']);
    await broker.until(/^127\.0\.0\.1:\d+$/m);
  });

  after(async () => {
    await Command.killAll();
    temp.remove();
  });

  it('should check the broker and the inbox', async () => {
    const { stdout } = await ends(0, '--timeout', '20000');
    expect(stdout).to.match(
      /^✔ broker: 127\.0\.0\.1:\d+ answers in .* ms\n✔ inbox: .* partitions, .*\n✔ record: written and read back in .* ms\n$/,
    );
  });

  it('should have a remedy where there is no such service', async () => {
    const { stdout } = await ends(1, 'nobody');
    expect(stdout).to.match(
      /^✖ requests: there is no topic nobody\.requests\n {4}Start it with `callstream serve/m,
    );
  });

  it('should exit 4 without a broker, and say so in JSON', async () => {
    const ended = await ends(4, '--brokers', '127.0.0.1:1', '--json');
    expect(JSON.parse(ended.stdout).healthy).to.equal(false);
    expect(checksOf(ended).get('broker')).to.deep.include({ state: 'problem' });
  });

  it('should find a service well, and each of its instances', async () => {
    const servers = [await serve(), await serve()];
    const checks = checksOf(await ends(0, 'calc', '--json', '--timeout', '10000'));
    const names = [
      'broker',
      'inbox',
      'record',
      'requests',
      'replies',
      'instances',
      'lag',
      'round trip',
      'clock',
    ];
    expect([...checks.keys()]).to.deep.equal(names);
    for (const check of checks.values()) expect(check.state, shownCheck(check)).to.equal('ok');
    expect(checks.get('instances')?.text).to.match(/^2: \S+, \S+$/);
    expect(checks.get('clock')?.text).to.match(/^the server's /);
    for (const server of servers) server.kill('SIGTERM');
    await Promise.all(servers.map(({ ended }) => ended));
    const gone = checksOf(await ends(1, 'calc', '--json', '--timeout', '1000'));
    expect(gone.get('instances')).to.deep.include({ state: 'problem', text: '0, nobody answers' });
    // Who is interrupted has found nothing out.
    const interrupted = start('calc', '--timeout', '60000');
    await interrupted.until(/^✔ replies/m);
    interrupted.kill('SIGINT');
    const ended = await interrupted.ended;
    expect([ended.code, ended.stdout.includes('instances')]).to.deep.equal([130, false]);
  });
});
