import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Command, type Ended, fixture, temporaryFolder } from './command.js';

/** `callstream batch` as its users have it: a process, a broker, a service, files. */
describe('batch', () => {
  const temp = temporaryFolder();
  let broker: Command;
  let server: Command;

  const at = (name: string) => join(temp.path, name);
  const write = (name: string, text: string): string => {
    writeFileSync(at(name), text);
    return at(name);
  };
  const read = (name: string) => readFileSync(at(name), 'utf8');
  const rows = (name: string) =>
    read(name)
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const start = (...args: string[]) => new Command(temp.path, ['batch', 'calc', ...args]);
  const ends = async (code: number, ...args: string[]): Promise<Ended> => {
    const ended = await start(...args).ended;
    expect(ended.code, ended.stderr).to.equal(code);
    return ended;
  };
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const hasJournal = (name: string) => existsSync(at(name)) && read(name).split('\n').length >= 3;
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => `[${n},1]\n`).join('');

  before(async () => {
    broker = new Command(temp.path, ['broker']);
    await broker.until(/^127\.0\.0\.1:\d+$/m);
    server = new Command(temp.path, ['serve', fixture('calc.mjs'), '--service', 'calc']);
    await server.until(/^ready calc\n/);
  });

  after(async () => {
    await Command.killAll();
    temp.remove();
  });

  it('should write results in the order of the rows, and leave neither journal nor failures', async () => {
    const { stdout, stderr } = await ends(0, 'add', write('in', numbers(500)), '-o', at('out'));
    expect(rows('out')).to.deep.equal(
      Array.from({ length: 500 }, (_, index) => ({ index, result: index + 1 })),
    );
    expect(stdout).to.equal('');
    expect(stderr).to.match(/^callstream: 500 rows in .* s \(.*\/s\), 0 failed\n$/);
    expect([existsSync(at('out.journal')), existsSync(at('out.failures.ndjson'))]).to.deep.equal([
      false,
      false,
    ]);
  });

  it('should take CSV and a map, and print on stdout', async () => {
    const csv = write('in.csv', 'name,a,b\n"x, y",1,2\nz,3,-4\n');
    const { stdout } = await ends(0, 'add', csv, '--csv', '--map', '[a:number,b:number]');
    expect(stdout).to.equal('{"index":0,"result":3}\n{"index":1,"result":-1}\n');
  });

  it('should take stdin', async () => {
    const piped = new Command(temp.path, ['batch', 'calc', 'add'], {}, '[1,2]\n\n[3,4]');
    const ended = await piped.ended;
    expect(ended).to.deep.include({ code: 0, stdout: '{"index":0,"result":3}\n{"index":1,"result":7}\n' });
    expect(await start('add').ended).to.deep.include({ code: 0, stdout: '' });
  });

  it('should count a bad row as a failure with its line, go on, and exit 1', async () => {
    const input = write('bad', `${numbers(3)}\n\n\n{bad\n[1,1]\n`);
    await ends(1, 'add', input, '-o', at('bad.out'));
    expect(rows('bad.out').map(({ index }) => index)).to.deep.equal([0, 1, 2, 4]);
    const [failure, ...others] = rows('bad.failures.out');
    expect(others).to.deep.equal([]);
    expect(failure).to.deep.include({ index: 3, line: 7, input: '{bad' });
    expect(failure.error.reason).to.equal('invalid input');
    expect(existsSync(at('bad.out.journal'))).to.equal(false);
    const { stderr } = await ends(2, 'add', input, '--strict');
    expect(stderr).to.match(/^error: .*bad: line 7: not valid JSON/);
  });

  it('should write into pipes, and leave them where they were', async () => {
    spawnSync('mkfifo', [at('results'), at('none')]);
    const readers = [at('results'), at('none')].map((pipe) => createReadStream(pipe, 'utf8'));
    const text = Promise.all(readers.map((reader) => reader.toArray()));
    await ends(0, 'add', write('in', numbers(3)), '-o', at('results'), '--failures', at('none'));
    expect((await text).map((parts) => parts.join(''))).to.deep.equal([
      '{"index":0,"result":1}\n{"index":1,"result":2}\n{"index":2,"result":3}\n',
      '',
    ]);
    expect([existsSync(at('results')), existsSync(at('none'))]).to.deep.equal([true, true]);
  });

  it("should have the other side's errors on stderr where there is no output", async () => {
    const { stdout, stderr } = await ends(1, 'refuse', write('one', '[]\n'));
    expect(stdout).to.equal('');
    expect(JSON.parse(stderr.split('\n')[0] ?? '')).to.deep.include({ index: 0, line: 1, input: [] });
    expect(stderr).to.include('"code":1404');
  });

  it('should stop early where there is no such method, and leave no journal', async () => {
    const { stderr } = await ends(1, 'nope', write('many', numbers(5_000)), '-o', at('nope.out'));
    expect(stderr).to.match(/^error -32601 Method not found: calc has no method "nope"$/m);
    expect(existsSync(at('nope.out.journal'))).to.equal(false);
  });

  it('should exit 3 where the service is not there', async () => {
    const nobody = new Command(temp.path, [
      'batch',
      'nobody',
      'x',
      write('two', '1\n2\n'),
      '--timeout',
      '500',
    ]);
    const { code, stderr } = await nobody.ended;
    expect(code).to.equal(3);
    expect(stderr).to.match(/is the service running\?$/m);
  });

  it('should exit 3 where the service is not there, also with a bad row, and say how to go on', async () => {
    const input = write('three', '1\n{\n2\n');
    const args = ['batch', 'nobody', 'x', input, '--timeout', '500', '-o', at('three.out')];
    const { code, stderr } = await new Command(temp.path, args).ended;
    expect(code, stderr).to.equal(3);
    expect(stderr).to.match(/to go on: callstream batch nobody x .* --resume\n/);
    expect(existsSync(at('three.out.journal'))).to.equal(true);
  });

  it('should finish what is in flight at SIGINT, exit 130, and go on with --resume', async () => {
    const input = write('slow', Array.from({ length: 1_000 }, () => '100\n').join(''));
    const job = start('slowly', input, '-o', at('slow.out'), '--concurrency', '5');
    await until(() => existsSync(at('slow.out')) && rows('slow.out').length >= 5);
    job.kill('SIGINT');
    const { code, stderr } = await job.ended;
    expect(code, stderr).to.equal(130);
    expect(stderr).to.match(/to go on: callstream batch calc slowly .* --resume\n$/m);
    const done = rows('slow.out').length;
    expect(done).to.be.within(5, 995);
    await ends(0, 'slowly', input, '-o', at('slow.out'), '--concurrency', '500', '--resume');
    expect(rows('slow.out').map(({ index }) => index)).to.deep.equal(
      Array.from({ length: 1_000 }, (_, n) => n),
    );
  });

  it('should end with the same files after SIGKILL, and run nothing twice', async () => {
    const input = write('log', Array.from({ length: 1_000 }, (_, n) => `"row ${n}."\n`).join(''));
    const args = ['log', input, '-o', at('log.out'), '--rate', '200'];
    const job = start(...args);
    await server.until(/logged row 150\./);
    await until(() => hasJournal('log.out.journal'));
    job.kill('SIGKILL');
    await job.ended;
    const size = statSync(at('log.out')).size;
    expect(size).to.be.above(0);
    writeFileSync(at('log.out'), `${read('log.out')}{"index":torn`);
    await ends(0, ...args, '--resume');
    expect(rows('log.out')).to.deep.equal(
      Array.from({ length: 1_000 }, (_, index) => ({ index, result: null })),
    );
    const logged = () => server.stdout.match(/logged row \d+\./g) ?? [];
    await until(() => logged().length >= 1_000);
    const ran = logged();
    expect(ran.length).to.equal(1_000);
    expect(new Set(ran).size).to.equal(1_000);
  });

  it('should refuse to resume another job, or none, and to begin over one', async () => {
    const input = write('kill', numbers(2_000));
    const job = start('add', input, '-o', at('kill.out'), '--rate', '200');
    await until(() => hasJournal('kill.out.journal'));
    job.kill('SIGKILL');
    await job.ended;
    const refused = async (pattern: RegExp, ...args: string[]) =>
      expect((await ends(2, ...args, '-o', at('kill.out'))).stderr).to.match(pattern);
    await refused(/a job was left unfinished: --resume goes on/, 'add', input);
    await refused(/not the job that was left: method was "add"/, 'echo', input, '--resume');
    await refused(/the input is another one/, 'add', write('other', '[9,9]\n'), '--resume');
    utimesSync(input, 1, 1);
    await refused(/the input is another one, or has changed/, 'add', input, '--resume');
    const { stderr } = await ends(2, 'add', input, '-o', at('none.out'), '--resume');
    expect(stderr).to.match(/there is no journal .*none\.out\.journal/);
  });

  it('should tell how far it is, in lines', async () => {
    const job = start('add', write('rate', numbers(700)), '--rate', '100');
    await job.until(/^callstream: \d+ of 700 rows, \d+\/s, \d s left, 0 failed, \d+ in flight$/m, 'stderr');
    job.kill('SIGKILL');
    await job.ended;
  });

  it('should exit 4 when the broker has gone, and say how to go on', async () => {
    const job = start(
      'add',
      write('gone', numbers(5_000)),
      '-o',
      at('gone.out'),
      '--rate',
      '300',
      '--timeout',
      '1500',
    );
    await until(() => hasJournal('gone.out.journal'));
    broker.kill('SIGKILL');
    const { code, stderr } = await job.ended;
    expect(stderr).to.match(/the broker is lost, reconnecting/);
    expect(stderr).to.match(/the job isn't done; to go on: callstream batch .* --resume$/m);
    expect(code).to.equal(4);
  });
});
