import { expect } from 'chai';
import { Latencies } from '../../src/cli/bench/latencies.js';
import { drawn } from '../../src/cli/bench/report.js';
import { Command, type Ended, fixture, temporaryFolder } from './command.js';

describe('bench', () => {
  const temp = temporaryFolder();
  let server: Command;

  const start = (...args: string[]) => new Command(temp.path, ['bench', ...args]);
  const ends = async (code: number, ...args: string[]): Promise<Ended> => {
    const ended = await start(...args).ended;
    expect(ended.code, ended.stderr).to.equal(code);
    return ended;
  };

  before(async () => {
    const broker = new Command(temp.path, ['broker']);
    await broker.until(/^127\.0\.0\.1:\d+$/m);
    server = new Command(temp.path, ['serve', fixture('calc.mjs'), '--service', 'calc']);
    await server.until(/^ready calc\n/);
  });

  after(async () => {
    await Command.killAll();
    temp.remove();
  });

  it('should measure so many calls, as JSON', async () => {
    const { stdout } = await ends(0, 'calc', 'add', '1', '2', '--count', '500', '--warmup', '0.2', '--json');
    const { seconds, callsPerSecond, latency, histogram, ...others } = JSON.parse(stdout);
    expect(others).to.deep.equal({
      service: 'calc',
      method: 'add',
      concurrency: 64,
      answered: 500,
      failed: 0,
      failures: {},
    });
    expect(callsPerSecond).to.be.closeTo(500 / seconds, 500);
    expect([latency.p50, latency.p90, latency.p99, latency.p999, latency.max]).to.deep.equal(
      [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].sort((a, b) => a - b),
    );
    expect(latency.p50).to.be.above(0);
    expect(histogram.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).to.equal(500);
  });

  it('should print figures and a drawing, and how it goes on stderr', async () => {
    const { stdout, stderr } = await ends(0, 'calc', 'slowly', '20', '--duration', '4', '--warmup', '0');
    const [, seconds] =
      /^calc\.slowly: [\d,]+ calls\/s, 64 in flight, ([\d.]+) s\n[\d,]+ answered, 0 failed\n/.exec(stdout) ??
      [];
    expect(Number(seconds)).to.be.within(4, 25);
    expect(stdout).to.match(/^p50 .*max [\d.,]+ ms$/m);
    expect(stdout).to.match(/^ *≤ [\d.,]+ ms █/m);
    expect(stderr).to.match(/^callstream: [\d,]+\/s, p99 /m);
  });

  it('should keep to a rate and to the calls in flight', async () => {
    const args = ['calc', 'add', '1', '2', '--rate', '50', '--count', '40', '--warmup', '0', '--json'];
    const { callsPerSecond } = JSON.parse((await ends(0, ...args)).stdout);
    expect(callsPerSecond).to.be.below(75);
    const slow = [
      'calc',
      'slowly',
      '100',
      '--rate',
      '500',
      '--count',
      '10',
      '--concurrency',
      '2',
      '--warmup',
      '0',
    ];
    expect((await ends(0, ...slow)).stdout).to.match(/^--rate 500 was not reached/m);
  });

  it('should count failures by their reasons, and exit 1', async () => {
    const { stdout } = await ends(1, 'calc', 'refuse', '--count', '20', '--warmup', '0');
    expect(stdout).to.match(/^0 answered, 20 failed\n {2}20 × error 1404 No such \\u001b/m);
  });

  it('should stop at once where nothing can answer', async () => {
    const { stdout, stderr } = await ends(1, 'calc', 'nope');
    // How it goes is told once a second, also where the first answer takes longer.
    expect([stdout, stderr.replace(/^callstream: .*\n/gm, '')]).to.deep.equal([
      '',
      'error -32601 Method not found\ncalc has no method "nope"\n',
    ]);
    expect((await ends(3, 'nobody', 'x', '--timeout', '500')).stderr).to.match(/is the service running\?$/m);
    expect((await ends(3, 'calc', 'hang', '--timeout', '3000')).stderr).to.match(/no answer within 3000 ms/);
  });

  it('should print what was measured at SIGINT, and exit 130', async () => {
    const bench = start('calc', 'add', '1', '2', '--duration', '60', '--warmup', '0');
    await bench.until(/\/s, p99/, 'stderr');
    bench.kill('SIGINT');
    const { code, stdout } = await bench.ended;
    expect(code).to.equal(130);
    expect(stdout).to.match(/answered, 0 failed/);
  });
});

describe('the histogram of latencies', () => {
  it('should tell percentiles to three digits, and each call in a bar', () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 1_000; ms += 1) latencies.add(ms);
    expect(latencies.percentile(50)).to.be.closeTo(500, 1);
    expect(latencies.percentile(99.9)).to.be.closeTo(999, 2);
    expect(latencies.max).to.be.closeTo(1_000, 1);
    const bars = latencies.bars(16);
    expect(bars.length).to.be.within(8, 16);
    expect(bars.reduce((sum, { count }) => sum + count, 0)).to.equal(1_000);
    expect(bars.at(-1)?.to).to.be.at.least(1_000);
  });

  it('should be empty without calls, and take the fastest and the slowest', () => {
    const latencies = new Latencies();
    expect([latencies.bars(16), latencies.max, latencies.percentile(50)]).to.deep.equal([[], 0, 0]);
    latencies.add(0);
    latencies.add(1e10);
    expect(latencies.bars(16).length).to.be.at.most(16);
  });

  it('should fit into the columns', () => {
    const bars = [
      { to: 1, count: 1 },
      { to: 10, count: 0 },
      { to: 1_000, count: 999 },
    ];
    for (const columns of [40, 60, 80]) {
      const lines = drawn(bars, 1_000, columns);
      expect(Math.max(...lines.map(({ length }) => length))).to.be.within(columns - 4, columns);
      expect(lines[0]).to.match(/▏ 0\.10 %$/);
    }
  });
});
