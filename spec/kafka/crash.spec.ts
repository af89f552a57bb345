import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Connection, connect, UnknownError } from '../../src/index.js';
import { brokers, describeOnKafka, unique } from './brokers.js';

/** Milliseconds: the server's session, of 6 s, and time for a slow machine; the default session takes 45 s. */
const LIMIT = 30_000;
const serverFile = fileURLToPath(new URL('./crash-server.ts', import.meta.url));

async function startServer(name: string): Promise<ChildProcess> {
  const server = fork(serverFile, [brokers, name], { execArgv: ['--import', 'tsx'] });
  await once(server, 'message');
  return server;
}

describeOnKafka('a server that is killed', () => {
  let client: Connection;
  const servers: ChildProcess[] = [];

  before(async () => {
    client = await connect({ brokers });
  });

  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await client.close();
  });

  it('should end its calls as unknown at their own timeout, and leave the next to others within its session', async () => {
    const name = unique('crash');
    const calls = client.client(name);
    const first = await startServer(name);
    servers.push(first);
    expect(await calls.call('pid')).to.equal(first.pid);

    const begin = Date.now();
    const ended = calls.call('hang', [], { timeout: 5_000 }).catch((error) => error);
    await new Promise((resolve) => setTimeout(resolve, 300));
    first.kill('SIGKILL');
    const killed = Date.now();
    servers.push(await startServer(name));
    const error = await ended;
    expect(error).to.be.instanceOf(UnknownError).and.include({ reason: 'timeout' });

    const answers: unknown[] = [];
    while (answers.length === 0 && Date.now() - killed < LIMIT) {
      await calls.call('pid', [], { timeout: 1_000 }).then(
        (pid) => answers.push(pid),
        () => {},
      );
    }
    const waited = Date.now() - killed;
    expect(answers).to.deep.equal([servers[1]?.pid]);
    expect(waited).to.be.below(LIMIT);
    expect(begin).to.be.below(killed);
  });
});
