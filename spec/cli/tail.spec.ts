import { expect } from 'chai';
import { type Connection, connect } from '../../src/index.js';
import { Command, type Ended, temporaryFolder } from './command.js';

/** The command as its users have it, on an embedded cluster: which can't look times up. */
describe('callstream tail', () => {
  const temp = temporaryFolder();
  let connection: Connection;

  const start = (...args: string[]) => new Command(temp.path, ['tail', ...args]);
  const run = (...args: string[]) => start(...args).ended;
  const lines = ({ stdout }: Ended) => stdout.split('\n').slice(0, -1);
  const now = (topic: string, ...args: string[]) => run(topic, '--until', 'now', ...args);

  before(async () => {
    const broker = new Command(temp.path, ['broker']);
    const [brokers] = await broker.until(/^127\.0\.0\.1:\d+$/m);
    connection = await connect({ brokers });
    const orders = connection.topic('orders', { codec: 'raw' });
    await orders.create();
    const day = 86_400_000;
    await orders.publish(Buffer.from('{"sku":"tea"}'), {
      partition: 0,
      key: 'a',
      timestamp: Date.now() - day,
    });
    await orders.publish(Buffer.from('not JSON\n\x1b[2J'), { partition: 0, headers: [{ kind: 'note' }] });
    await orders.publish(Buffer.from([0x00, 0xff]), { partition: 0, headers: [{ kind: 'picture' }] });
    await connection
      .topic('orders', { codec: 'msgpack' })
      .publish({ sku: 'coffee' }, { partition: 0, key: 'b' });
    const call = { jsonrpc: '2.0', id: 7, method: 'add', params: [1, 2] };
    const secret = { ...call, id: 8, meta: { headers: { authorization: 'Bearer 123', trace: 'x1' } } };
    const requests = connection.topic('calc.requests', { codec: 'json' });
    await requests.create();
    await requests.publish([call, secret]);
  });

  after(async () => {
    await connection.close();
    await Command.killAll();
    temp.remove();
  });

  it('should show each record in a line, whatever is in it', async () => {
    const ended = await now('orders');
    expect([ended.code, ended.stderr]).to.deep.equal([0, '']);
    const [json, text, bytes, msgpack, ...more] = lines(ended);
    expect(json).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} 0@0 key=a \{"sku":"tea"\}$/);
    expect(text).to.match(/^\d\d:\d\d:\d\d\.\d{3} 0@1 not JSON\\n\\u001b\[2J$/);
    expect(bytes).to.match(/ 0@2 0x00ff$/);
    expect(msgpack).to.match(/ 0@3 key=b \{"sku":"coffee"\}$/);
    expect(more).to.deep.equal([]);
  });

  it('should show the messages of a batch, and no secret unless it is asked for', async () => {
    const ended = await now('calc.requests', '--json');
    const found = lines(ended).map((line) => JSON.parse(line));
    expect(found.map(({ index, value }) => [index, value.id])).to.deep.equal([
      [0, 7],
      [1, 8],
    ]);
    expect(found[1].value.meta.headers).to.deep.equal({ authorization: '[hidden]', trace: 'x1' });
  });

  it('should read since a while ago, on a cluster that looks no times up too', async () => {
    const found = lines(await now('orders', '--since', '1h', '--count', '2'));
    expect(found.map((line) => line.split(' ')[1])).to.deep.equal(['0@1', '0@2']);
  });

  it('should follow the topic until Ctrl-C, and end well', async () => {
    const live = start('orders', '--since', 'earliest', '--partition', '0');
    await live.until(/0@3/);
    await connection.topic('orders', { codec: 'raw' }).publish(Buffer.from('"later"'), { partition: 0 });
    await live.until(/0@4 "later"\n/);
    live.kill('SIGINT');
    expect(await live.ended).to.include({ code: 0, stderr: '' });
  });

  const refuses = (args: string, expected: RegExp) =>
    it(`should refuse \`${args}\``, async () => {
      const { code, stdout, stderr } = await run(...args.split(' '));
      expect(stderr).to.match(expected);
      expect([code, stdout]).to.deep.equal([2, '']);
    });
  refuses(
    'calc',
    /^error: there is no topic calc, or no right to see it; the service calc has calc\.requests/,
  );
});
