// The commands that look at what is there, on a real Kafka: which looks up times, and knows groups and retention.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Connection, connect } from '../../src/index.js';
import { Command, type Ended, fixture, temporaryFolder } from '../cli/command.js';
import { brokers, describeOnKafka, unique } from './brokers.js';

describeOnKafka('the command line on a real Kafka', () => {
  const temp = temporaryFolder();
  const service = unique('calc');
  const start = (...args: string[]) => new Command(temp.path, args, { KAFKA_BROKERS: brokers });
  const ends = async (code: number, ...args: string[]): Promise<Ended> => {
    const ended = await start(...args).ended;
    expect(ended.code, ended.stderr).to.equal(code);
    return ended;
  };
  const objects = ({ stdout }: Ended) =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));

  let connection: Connection;

  before(async () => {
    connection = await connect({ brokers });
    const server = start('serve', fixture('calc.mjs'), '--service', service);
    await server.until(new RegExp(`^ready ${service}\n`));
    await ends(0, 'call', service, 'add', '1', '2');
  });

  after(async () => {
    await connection?.close();
    await Command.killAll();
    temp.remove();
  });

  it('should tail a topic since a time, and no further than now', async () => {
    const requests = `${service}.requests`;
    const all = objects(await ends(0, 'tail', requests, '--until', 'now', '--method', 'add', '--json'));
    expect(all[0]).to.deep.include({ topic: requests, as: 'json' });
    expect(all[0].value).to.deep.include({ method: 'add', params: [1, 2] });
    expect(all[0].headers).to.include({ 'callstream-version': '1' });

    const topic = connection.topic(unique('orders'), { codec: 'string' });
    await topic.create({ partitions: 2 });
    const old = Date.now() - 3_600_000;
    for (const [value, timestamp] of [
      ['old', old],
      ['new', Date.now()],
    ] as const)
      for (const partition of [0, 1]) await topic.publish(value, { partition, timestamp });
    const found = objects(await ends(0, 'tail', topic.name, '--since', '10m', '--until', 'now', '--json'));
    expect(found.map(({ value, offset }) => [value, offset])).to.deep.equal([
      ['new', 1],
      ['new', 1],
    ]);
  });

  it('should follow a topic from its end until Ctrl-C', async () => {
    const topic = connection.topic(unique('orders'), { codec: 'string' });
    await topic.create({ partitions: 1 });
    await topic.publish('before');
    const live = start('tail', topic.name);
    const sending = setInterval(() => void topic.publish('after'), 200);
    await live.until(/ after\n/).finally(() => clearInterval(sending));
    live.kill('SIGINT');
    const { code, stdout } = await live.ended;
    expect([code, stdout.includes('before')]).to.deep.equal([0, false]);
  });

  it('should measure calls', async () => {
    const [figures] = objects(
      await ends(0, 'bench', service, 'add', '1', '2', '--count', '500', '--warmup', '0.1', '--json'),
    );
    expect(figures).to.deep.include({ service, method: 'add', answered: 500, failed: 0, failures: {} });
    expect(figures.latency.p50).to.be.above(0);
    expect(figures.callsPerSecond).to.be.above(0);
  });

  it('should find a served service in order, and say what is wrong with one that is not', async () => {
    const [{ healthy, checks }] = objects(await ends(0, 'doctor', service, '--timeout', '20000', '--json'));
    expect(healthy).to.equal(true);
    const states = Object.fromEntries(checks.map(({ name, state }: any) => [name, state]));
    for (const name of ['broker', 'requests', 'replies', 'instances', 'lag', 'round trip', 'clock'])
      expect(states[name], name).to.equal('ok');

    const { stdout } = await ends(1, 'doctor', unique('nobody'));
    expect(stdout).to.match(/^✖ requests: there is no topic nobody-\w+\.requests$/m);
  });

  it('should discover what is offered, and what a change breaks', async () => {
    const { stdout } = await ends(0, 'discover', service, '--timeout', '20000');
    expect(stdout).to.match(new RegExp(`^${service}: 10 methods, 1 instance\n`));
    expect(stdout).to.match(/^ {2}method {2}add\(/m);

    const file = join(temp.path, 'calc.json');
    writeFileSync(file, (await ends(0, 'discover', service, '--timeout', '20000', '--json')).stdout);
    expect((await ends(0, 'discover', service, '--timeout', '20000', '--diff', file)).stdout).to.equal(
      'no change\n',
    );

    const document = JSON.parse(readFileSync(file, 'utf8'));
    document.methods.push({ ...document.methods[0], name: 'gone' });
    writeFileSync(file, JSON.stringify(document));
    const broken = await ends(1, 'discover', service, '--timeout', '20000', '--diff', file);
    expect(broken.stdout).to.match(/^breaking {4}.*gone/m);
    expect(broken.stderr).to.equal('1 breaking change\n');
  });

  it('should trace a call by what the error at its timeout says', async () => {
    const { stderr } = await ends(3, 'call', service, 'hang', '--timeout', '3000');
    const [, words = ''] = /^`callstream (trace .*)` tells/m.exec(stderr) ?? [];
    const [traced] = objects(await ends(0, ...words.split(' '), '--json'));
    expect(traced).to.deep.include({ service, method: 'hang', outcome: 'unanswered' });
    const events = traced.events.map(({ event }: { event: string }) => event);
    expect(events.filter((event: string) => event !== 'error')).to.deep.equal(['sent', 'cancel']);
    expect(traced.taken[0]).to.include({ group: service });
  });

  it('should trace a stream that ended, since a time', async () => {
    const { stdout } = await ends(0, 'call', service, 'count', '20');
    expect(stdout.split('\n')).to.have.lengthOf(21);
    const [traced] = objects(
      await ends(0, 'trace', '1', '--service', service, '--since', '1m', '--json'),
    ).filter(({ method }) => method === 'count');
    expect(traced).to.deep.include({ outcome: 'answered', stream: true });
    expect(traced.events.map(({ event }: any) => event)).to.include.members(['sent', 'open', 'items', 'end']);
    // A pause of its server parts them.
    const items = traced.events.map(({ event, items }: any) => (event === 'items' ? items : 0));
    expect(items.reduce((sum: number, some: number) => sum + some)).to.equal(20);
    expect(traced.taken[0]).to.include({ taken: true });
    await ends(1, 'trace', 'none', '--service', service);
  });
});
