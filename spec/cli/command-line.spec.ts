import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Command, type Ended, fixture, temporaryFolder } from './command.js';

/** The whole command line as its users have it: processes, signals, exit codes, a broker and services between them. */
describe('the command line', () => {
  const temp = temporaryFolder();
  const elsewhere = temporaryFolder();
  const file = join(temp.path, `callstream-broker-${process.getuid?.()}.json`);
  let broker: Command;
  let calc: Command;
  let counter: Command;
  let stubborn: Command;
  let alone: Command;
  let unreachable: Promise<Ended>;
  let address: string;

  const start = (...args: string[]) => new Command(temp.path, args);
  const run = (...args: string[]) => start(...args).ended;
  const ends = async (args: string[], code: number, stderr: RegExp | string = /^$/): Promise<string> => {
    const ended = await run(...args);
    expect(ended.stderr, args.join(' ')).to.match(stderr instanceof RegExp ? stderr : new RegExp(stderr));
    expect(ended.code, args.join(' ')).to.equal(code);
    return ended.stdout;
  };

  before(async () => {
    unreachable = run('call', 'calc', 'add', '1', '2', '--brokers', '127.0.0.1:1');
    alone = new Command(elsewhere.path, ['serve', fixture('calc.mjs'), '--service', 'calc']);
    broker = start('broker');
    [address] = await broker.until(/^127\.0\.0\.1:\d+$/m);
    calc = start('serve', fixture('calc.mjs'), '--service', 'calc', '--concurrency', '8');
    counter = start('serve', fixture('counter.ts'), '--service', 'counter');
    stubborn = start('serve', fixture('calc.mjs'), '--service', 'stubborn');
    await Promise.all([
      calc.until(/^ready calc\n/),
      counter.until(/^ready counter\n/),
      stubborn.until(/^ready stubborn\n/),
      alone.until(/^ready calc\n/),
    ]);
  });

  after(async () => {
    await Command.killAll();
    temp.remove();
    elsewhere.remove();
  });

  describe('broker', () => {
    it('should print its address as one line', () => {
      expect(broker.stdout).to.equal(`${address}\n`);
      expect(broker.stderr).to.equal('');
    });

    it('should leave its address in a file for its user only', () => {
      expect(statSync(file).mode & 0o777).to.equal(0o600);
      expect(JSON.parse(readFileSync(file, 'utf8'))).to.deep.equal({
        brokers: address,
        pid: broker.child.pid,
      });
    });

    it('should refuse to run beside another, and name it', async () => {
      await ends(['broker'], 2, `^error: a broker is running already: ${address} .*\n$`);
      expect(existsSync(file)).to.equal(true);
    });

    it('should replace the file of one that was killed, and remove its own at SIGTERM', async () => {
      const folder = temporaryFolder();
      try {
        const killed = new Command(folder.path, ['broker']);
        const [first] = await killed.until(/^127.*$/m);
        killed.kill('SIGKILL');
        await killed.ended;
        const next = new Command(folder.path, ['broker']);
        const [second] = await next.until(/^127.*$/m);
        expect(second).not.to.equal(first);
        const own = join(folder.path, `callstream-broker-${process.getuid?.()}.json`);
        expect(JSON.parse(readFileSync(own, 'utf8')).brokers).to.equal(second);
        next.kill('SIGTERM');
        expect(await next.ended).to.deep.include({ code: 0, signal: null });
        expect(existsSync(own)).to.equal(false);
      } finally {
        folder.remove();
      }
    });
  });

  describe('call', () => {
    it('should print a result as one line of JSON', async () => {
      const [echo, nothing] = await Promise.all([
        ends(['call', 'calc', 'echo', 'text', '{"a":[1]}', '"1"', 'null'], 0),
        ends(['call', 'calc', 'nothing'], 0),
      ]);
      expect([echo, nothing]).to.deep.equal(['["text",{"a":[1]},"1",null]\n', 'null\n']);
    });

    it('should take negative numbers as they are, and any word after --', async () => {
      const printed = await ends(
        ['call', 'calc', 'echo', '-1', '-2.5', '--timeout', '5000', '--', '-3', '--codec'],
        0,
      );
      expect(printed).to.equal('[-1,-2.5,-3,"--codec"]\n');
    });

    it('should take params as JSON, and speak MessagePack', async () => {
      const [named, listed] = await Promise.all([
        ends(['call', 'calc', 'echo', '--params', '{"symbol":"AAPL"}'], 0),
        ends(['call', 'calc', 'add', '--params', '[1,2]', '--codec', 'msgpack'], 0),
      ]);
      expect([named, listed]).to.deep.equal(['[{"symbol":"AAPL"}]\n', '3\n']);
    });

    it("should print a stream's items, one a line", async () => {
      expect(await ends(['call', 'calc', 'count', '5'], 0)).to.equal(
        '{"i":0}\n{"i":1}\n{"i":2}\n{"i":3}\n{"i":4}\n',
      );
    });

    it('should reach a class, and TypeScript', async () => {
      expect(await ends(['call', 'counter', 'add', '3'], 0)).to.equal('3\n');
    });

    it('should cancel the handler at SIGINT, and exit 130', async () => {
      const call = start('call', 'calc', 'endless');
      await call.until(/^3$/m);
      call.kill('SIGINT');
      expect(await call.ended).to.deep.include({ code: 130, stderr: '' });
      await calc.until(/endless has ended/);
    });

    it('should cancel the handler and exit 0 when its reader has gone', async () => {
      const seen = calc.stdout.length;
      const call = start('call', 'calc', 'endless');
      await call.until(/^3$/m);
      call.child.stdout?.destroy();
      expect(await call.ended).to.deep.include({ code: 0, stderr: '' });
      await calc.until(/endless has ended/, 'stdout', seen);
    });

    it('should print all of a large result into a pipe', async () => {
      const text = 'x'.repeat(100_000);
      expect(await ends(['call', 'calc', 'echo', text], 0)).to.equal(`["${text}"]\n`);
    });
  });

  describe('notify', () => {
    it('should end with the delivery, and print nothing', async () => {
      expect(await ends(['notify', 'calc', 'log', 'hello'], 0)).to.equal('');
      await calc.until(/^logged hello$/m);
    });
  });

  describe('exit codes', () => {
    it('should be 1 for an error of the other side', async () => {
      await Promise.all([
        ends(
          ['call', 'calc', 'refuse'],
          1,
          /^error 1404 No such \\u001b\[31msymbol\n\{\n {2}"symbol": "X",[\s\S]*\}\n$/,
        ),
        ends(['call', 'calc', 'fail'], 1, /^error -32603 Internal error\n$/),
      ]);
      await calc.until(
        /calc\.fail threw Error: a secret of the server\n {4}at .*calc\.mjs:8:\d+\)\n/,
        'stderr',
      );
    });

    it('should be 2 for wrong usage', async () => {
      const config = join(temp.path, 'kafka.properties');
      writeFileSync(config, '# no such property\nsasl.password=hunter2\nno.such.property=hunter2\n');
      const expected =
        /^error: \S*kafka\.properties:3: There is no librdkafka property no\.such\.property\.\n$/;
      await Promise.all([
        ends(['call', 'calc', 'add', '--config', config], 2, expected),
        ends(['call', 'no/name', 'add'], 2, /^error: service name: expected/),
      ]);
    });

    it('should be 3 when the time is over', async () => {
      await Promise.all([
        ends(
          ['call', 'calc', 'hang', '--timeout', '3000'],
          3,
          /^error: calc\.hang: no answer within 3000 ms \(it may have run\)\n`callstream trace 1 --service calc --caller \S{12}` tells what became of it\n$/,
        ),
        ends(
          ['call', 'nobody', 'x', '--timeout', '300'],
          3,
          /^error: nobody\.x: not sent within 300 ms: .*is the service running\?\n$/,
        ),
      ]);
    });

    it('should be 4 when no broker is given or found', async () => {
      const folder = temporaryFolder();
      const ended = await new Command(folder.path, ['call', 'calc', 'add']).ended;
      folder.remove();
      expect(ended.code).to.equal(4);
      expect(ended.stderr).to.match(
        /^error: no broker: .*start one with `callstream broker`, or give --brokers\n$/,
      );
    });

    it('should be 4 within 10 s when no broker answers', async () => {
      const { code, stderr } = await unreachable;
      expect(code).to.equal(4);
      expect(stderr).to.match(/^error: No broker answers at 127\.0\.0\.1:1 .*\n$/);
    });
  });

  describe('the broker', () => {
    it('should be an embedded one of the server itself where there is no other', async () => {
      const [, own = ''] = await alone.until(/embedded cluster at (127\.0\.0\.1:\d+)/, 'stderr');
      expect(await ends(['call', 'calc', 'add', '1', '2', '--brokers', own], 0)).to.equal('3\n');
    });

    it('should be taken from --brokers, else the config file, else KAFKA_BROKERS', async () => {
      const config = join(elsewhere.path, 'kafka.json');
      writeFileSync(config, JSON.stringify({ 'bootstrap.servers': address }));
      const env = { KAFKA_BROKERS: '127.0.0.1:1' };
      const [flag, file, variable] = await Promise.all([
        new Command(elsewhere.path, ['call', 'counter', 'add', '0', '--brokers', address], env).ended,
        new Command(elsewhere.path, ['call', 'counter', 'add', '0', '--config', config], env).ended,
        new Command(elsewhere.path, ['call', 'counter', 'add', '0'], { KAFKA_BROKERS: address }).ended,
      ]);
      expect([flag.stderr, file.stderr, variable.stderr]).to.deep.equal(['', '', '']);
      expect([flag.code, file.code, variable.code]).to.deep.equal([0, 0, 0]);
    });
  });

  describe('help', () => {
    it('should survive a reader that has gone', (done) => {
      const help = start('--help');
      help.child.stdout?.destroy();
      help.ended.then(({ code, stderr }) => {
        expect([code, stderr]).to.deep.equal([0, '']);
        done();
      }, done);
    });
  });

  describe('signals', () => {
    it('should let running calls finish, then exit 0', async () => {
      counter.kill('SIGINT');
      expect(await counter.ended).to.deep.include({ code: 0, stderr: '', stdout: 'ready counter\n' });
      const call = start('call', 'calc', 'slowly', '400');
      await calc.until(/at work/);
      calc.kill('SIGTERM');
      expect(await call.ended).to.deep.include({ code: 0, stdout: '"slow but done"\n' });
      expect(await calc.ended).to.deep.include({ code: 0, signal: null });
    });

    it('should end a server at once at the second', async () => {
      const call = start('call', 'stubborn', 'hang', '--timeout', '8000');
      await stubborn.until(/hanging/);
      stubborn.kill('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(stubborn.child.exitCode).to.equal(null);
      // Of two that come before it takes the first, it takes one.
      const again = setInterval(() => stubborn.kill('SIGINT'), 500);
      stubborn.kill('SIGINT');
      const ended = await stubborn.ended.finally(() => clearInterval(again));
      expect(ended).to.deep.include({ code: null, signal: 'SIGINT' });
      expect((await call.ended).code).to.equal(3);
    });

    it('should end the broker with 0 and remove its file', async () => {
      broker.kill('SIGINT');
      expect(await broker.ended).to.deep.include({ code: 0, stderr: '' });
      expect(existsSync(file)).to.equal(false);
    });
  });
});
