import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { isRight } from 'fp-ts/lib/Either.js';
import { lastValueFrom, toArray } from 'rxjs';
import { type Connection, connect, type GatherOptions } from '../../src/index.js';
import { brokers, describeOnKafka, unique } from './brokers.js';

const serverFile = fileURLToPath(new URL('./crash-server.ts', import.meta.url));

describeOnKafka('gather$ on a real Kafka', () => {
  const name = unique('gathered');
  const servers: ChildProcess[] = [];
  let client: Connection;

  const start = async () => {
    const server = fork(serverFile, [brokers, name], { execArgv: ['--import', 'tsx'] });
    servers.push(server);
    await once(server, 'message');
  };
  /** The process ids that answer, and the milliseconds that it took. */
  const pids = async (options: GatherOptions) => {
    const begin = performance.now();
    const answers = await lastValueFrom(
      client.client(name).gather$<number>('pid', [], options).pipe(toArray()),
    );
    const found = answers.map(({ result }) => (isRight(result) ? result.right : -1));
    return [found.sort(), performance.now() - begin] as const;
  };
  const running = () =>
    servers
      .filter(({ killed }) => !killed)
      .map(({ pid }) => pid as number)
      .sort();

  before(async () => {
    client = await connect({ brokers });
    await Promise.all([start(), start(), start()]);
  });

  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await client.close();
  });

  it('should get an answer of each of three processes, and end at once with their count', async () => {
    const [found, ms] = await pids({ count: 3, timeout: 30_000 });
    expect([found, found.length]).to.deep.equal([running(), 3]);
    expect(ms).to.be.below(25_000);
  });

  it('should end by the stall, or by the time, without one that was killed', async () => {
    servers[0]?.kill('SIGKILL');
    const [stalled, short] = await pids({ count: 3, stall: 3_000, timeout: 30_000 });
    expect([stalled, stalled.length]).to.deep.equal([running(), 2]);
    expect(short).to.be.within(3_000, 25_000);
    const [timed, long] = await pids({ count: 3, timeout: 4_000 });
    expect(timed).to.deep.equal(running());
    expect(long).to.be.within(3_990, 12_000);
  });

  it('should get the answer of one that came later, also before it has a partition', async () => {
    await start();
    const [found] = await pids({ count: 3, timeout: 30_000 });
    expect([found, found.length]).to.deep.equal([running(), 3]);
  });
});
