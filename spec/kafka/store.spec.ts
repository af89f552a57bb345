import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Connection, connect, RpcError, UnknownError } from '../../src/index.js';
import { brokers, describeOnKafka, unique } from './brokers.js';

const ORDERS = Number(process.env.STORE_ORDERS ?? 400);
const serverFile = fileURLToPath(new URL('./store-server.ts', import.meta.url));

describeOnKafka('a store of answers in a topic', () => {
  let client: Connection;
  let folder: string;
  const servers: ChildProcess[] = [];

  before(async () => {
    client = await connect({ brokers });
    folder = await mkdtemp(join(tmpdir(), 'callstream-store-'));
  });
  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await client.close();
    await rm(folder, { recursive: true });
  });

  it('should run no keyed call twice while servers are killed, and answer a repeat as before', async () => {
    const name = unique('store');
    const runs = join(folder, 'runs');
    const start = async () => {
      const server = fork(serverFile, [brokers, name, runs], { execArgv: ['--import', 'tsx'] });
      await once(server, 'message');
      servers.push(server);
    };
    await Promise.all([start(), start()]);
    const calls = client.client(name, { timeout: 25_000, retry: { attempts: 12, perTry: 2_000 } });
    const charge = (order: number) =>
      calls.call('charge', [order], { idempotencyKey: `order ${order}` }).catch((error: unknown) => error);

    const first = Array.from({ length: ORDERS }, async (_, order) => {
      await delay(order * 10);
      return charge(order);
    });
    await delay(ORDERS * 4);
    servers[0]?.kill('SIGKILL');
    await start();
    const answers = await Promise.all(first);
    // Each is asked for again, under its key, as a new call.
    const again = await Promise.all(Array.from({ length: ORDERS }, (_, order) => charge(order)));

    const ran = (await readFile(runs, 'utf8')).trim().split('\n').map(Number);
    expect(ran.length, 'runs').to.equal(new Set(ran).size);
    let unknown = 0;
    again.forEach((answer, order) => {
      if (answer === `charged ${order}`) {
        if (answers[order] !== answer) expect(answers[order]).to.be.instanceOf(UnknownError);
      } else {
        unknown += 1;
        expect(answer).to.be.instanceOf(RpcError).and.include({ code: -32_000 });
        expect(answers[order], 'was answered').not.to.equal(`charged ${order}`);
      }
    });
    // Those that ran when it was killed: it had 32 turns.
    expect(unknown).to.be.within(0, 32);
    if (process.env.STORE_ORDERS !== undefined)
      process.stdout.write(`${ran.length} runs of ${ORDERS}, ${unknown} unknown\n`);
  });
});
