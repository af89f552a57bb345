import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { firstValueFrom, interval, take } from 'rxjs';
import { type CallProgress, type ClientMiddleware, type Connection, connect } from '../../src/index.js';
import { Command, type Ended, temporaryFolder } from './command.js';

/** The command as its users have it, on an embedded cluster: which can't look times up. */
describe('callstream trace', () => {
  const temp = temporaryFolder();
  let server: Connection;
  let caller: Connection;
  let progress: CallProgress | undefined;
  const ids: Record<string, string> = {};

  const run = (...args: string[]) => new Command(temp.path, ['trace', ...args]).ended;
  /** What the events are called. */
  const words = ({ stdout }: Ended) =>
    [...stdout.matchAll(/^ {2}\d\d:\S+ +(?:\+[\d,]+ ms )?(\S+)/gm)].map(([, word]) => word);

  before(async () => {
    const broker = new Command(temp.path, ['broker']);
    const [brokers] = await broker.until(/^127\.0\.0\.1:\d+$/m);
    [server, caller] = await Promise.all([connect({ brokers }), connect({ brokers })]);
    await server.serve('calc', {
      add: (a: number, b: number) => a + b,
      slowly: async () => {
        while ((progress?.attempt ?? 0) < 2) await sleep(20);
        // By then the other attempt is here.
        await sleep(500);
        return 'token=secret';
      },
      ticks: () => interval(5),
    });
    for (const topic of ['gone.requests', 'calc.requests']) {
      const poisoned = caller.topic(topic, { codec: 'raw' });
      await poisoned.create();
      for (const value of [null, Buffer.from([0, 255]), Buffer.from('[[[')]) await poisoned.publish(value);
    }
    await caller
      .topic('callstream.inbox', { codec: 'raw' })
      .publish(Buffer.from('{"jsonrpc":"2.0","id":{"toString":1},"result":1}'));
    const watch: ClientMiddleware = (call, next) => {
      progress = call.progress;
      return next(call);
    };
    const options = { middleware: [watch] };
    const client = caller.client('calc', options);
    const traced = async (name: string, call: () => Promise<unknown>) => {
      await call();
      ids[name] = String(progress?.id);
    };
    await traced('answered', () => client.call('add', [1, 2]));
    await traced('retried', () =>
      client.call('slowly', [], { timeout: 20_000, retry: { attempts: 2, perTry: 1_000 } }),
    );
    await traced('cancelled', () => firstValueFrom(client.call$('ticks').pipe(take(1))));
    await traced('unanswered', () =>
      caller
        .client('gone', options)
        .call('add', [], { timeout: 3_000 })
        .catch(() => {}),
    );
    // What was sent last must be there.
    await client.call('add', [1, 2]);
  });

  after(async () => {
    await Promise.all([server?.close(), caller?.close()]);
    await Command.killAll();
    temp.remove();
  });

  const trace = async (name: string, ...args: string[]) => {
    const ended = await run(ids[name] as string, '--caller', caller.instance, ...args);
    expect([ended.code, ended.stderr]).to.deep.equal([0, '']);
    expect(ended.stdout).not.include('secret');
    return ended;
  };

  it('should show a call and its answer', async () => {
    const ended = await trace('answered');
    expect(ended.stdout).to.match(
      new RegExp(`^calc\\.add #${ids.answered} of ${caller.instance}: answered after `),
    );
    expect(words(ended)).to.deep.equal(['sent', 'result']);
    expect(ended.stdout).to.match(
      /\n {2}taken: the group calc has committed past calc\.requests \d+@\d+; Kafka keeps no time of that\n$/,
    );
  });

  it('should show a retry, and that both were answered', async () => {
    const { stdout } = await trace('retried', '--json');
    const { outcome, method, events, taken } = JSON.parse(stdout);
    expect([method, outcome]).to.deep.equal(['slowly', 'answered']);
    expect(events.map(({ event }: { event: string }) => event)).to.deep.equal([
      'sent',
      'retry',
      'result',
      'result',
    ]);
    const attempts = events.map(({ attempt }: { attempt?: number }) => attempt);
    expect(attempts).to.have.members([1, 2, undefined, 2]);
    expect(events[1].gap).to.be.at.least(150);
    expect(events[1].gap).to.equal(Date.parse(events[1].time) - Date.parse(events[0].time));
    expect(events[3].again).to.equal(true);
    expect(events[2].server).to.equal(server.instance);
    expect(taken[0]).to.include({ group: 'calc', taken: true });
  });

  it('should show a stream that its caller has cancelled', async () => {
    const ended = await trace('cancelled', '--service', 'calc');
    expect(ended.stdout).to.match(/: cancelled by its caller after [\d,]+ ms, \d+ items?/);
    expect(words(ended)).to.include.members(['sent', 'open', 'items', 'cancel']);
  });

  it('should show that nobody has taken a call, nor answered', async () => {
    const ended = await trace('unanswered');
    expect(ended.stdout).to.match(/^gone\.add #\d+ of \S+: no answer within [\d,]+ ms/);
    expect(words(ended).filter((word) => word !== 'cancel')).to.deep.equal(['sent', 'deadline']);
    expect(ended.stdout).to.match(
      /\n {2}not taken: gone\.requests \d+@\d+; the group gone has committed nothing there\n$/,
    );
  });

  it('should tell calls of one id apart', async () => {
    const other = await connect({ brokers: caller.brokers });
    await other.client('calc').call('add', [3, 4]);
    await other.close();
    const { code, stdout, stderr } = await run('1', '--service', 'calc', '--since', '30m');
    expect(code).to.equal(0);
    expect(stderr).to.match(/^callstream: 2 calls have the id 1: --caller, --service and --since tell/);
    expect(stdout.match(/^calc\.add #1 of [^:]+/gm)).to.deep.equal([
      `calc.add #1 of ${caller.instance}`,
      `calc.add #1 of ${other.instance}`,
    ]);
  });

  it('should look where it is told to, and say what was read where there is no such call', async () => {
    const { code, stdout, stderr } = await run('none', '--since', 'earliest');
    expect(stderr).to.match(
      /^error: no call with the id none was found: [\d,]+ records of calc\.requests, gone\.requests, callstream\.inbox were read;/,
    );
    expect([code, stdout]).to.deep.equal([1, '']);
    const named = await run(ids.unanswered as string, '--topic', 'gone.requests', '--service', 'other');
    expect([named.code, named.stdout.split(':')[0]]).to.deep.equal([
      0,
      `gone.add #${ids.unanswered} of ${caller.instance}`,
    ]);
    const elsewhere = await run(ids.answered as string, '--service', 'gone', '--caller', caller.instance);
    expect([elsewhere.code, elsewhere.stdout]).to.deep.equal([1, '']);
  });

  it('should refuse a service that has no topic', async () => {
    const { code, stderr } = await run('1', '--service', 'kalc');
    expect(stderr).to.match(/^error: there is no topic kalc\.requests, or no right to see it/);
    expect(code).to.equal(2);
  });
});
