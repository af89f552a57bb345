import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { explain } from '../../src/cli/exit.js';
import { program } from '../../src/cli/program.js';

/** What a command line prints and exits with, in this process: for those that end before they connect. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const parser = program();
  for (const command of [parser, ...parser.commands]) {
    command.configureOutput({
      writeOut: (text) => {
        out += text;
      },
      writeErr: (text) => {
        err += text;
      },
    });
  }
  try {
    await parser.parseAsync(['node', 'callstream', ...args]);
    return { code: 0, out, err };
  } catch (error) {
    const { code, text } = explain(error);
    return { code, out, err: err + text };
  }
}

describe('the grammar', () => {
  const wrong = (args: string, expected: RegExp) =>
    it(`should refuse \`callstream${args}\``, async () => {
      const { code, out, err } = await run(...args.split(' ').filter((word) => word !== ''));
      expect(err).to.match(expected);
      expect(code).to.equal(2);
      expect(out).to.equal('');
    });

  wrong('', /^Usage: callstream/);
  wrong(' frobnicate', /unknown command 'frobnicate'/);
  wrong(' broker extra', /too many arguments/);
  wrong(' call calc', /missing required argument 'method'\n\(callstream call --help tells more\)/);
  wrong(' call calc add --frob', /unknown option '--frob'/);
  wrong(' call calc add -x', /unknown option '-x'/);
  wrong(' call calc add --codec xml', /Allowed choices are json, msgpack/);
  for (const value of ['0', '-1', '1.5', 'soon', '1e3', '2147483648']) {
    wrong(` call calc add --timeout ${value}`, /Expected an integer from 1/);
  }
  wrong(' serve x.js --service x --concurrency 0', /Expected an integer from 1/);
  wrong(' serve x.js --service x --order-by name', /Allowed choices are key, none/);
  wrong(' serve x.js --service x --orphans lose', /Allowed choices are fail, run/);
  wrong(' serve x.js --service x --method slow', /Expected a method and its limits, as slow:concurrency=2/);
  wrong(' serve x.js --service x --method slow:', /Expected concurrency=, maxQueued=, orderBy=, got ""/);
  wrong(' serve x.js --service x --method slow:at=1', /Expected concurrency=, .*, got "at=1"/);
  wrong(' serve x.js --service x --method slow:maxQueued=0', /Expected an integer from 1/);
  wrong(' serve x.js --service x --method slow:orderBy=name', /Expected orderBy=key or orderBy=none/);
  wrong(' serve x.js --service x --method a:maxQueued=1 --method a:maxQueued=2', /a has been given before/);
  wrong(' serve x.js', /required option '--service <name>' not specified/);
  wrong(' serve no/such.js --service x', /^error: no\/such\.js: there is no such file$/);
  wrong(' call calc add --params {', /^error: --params: expected JSON/);
  wrong(' call calc add 1 --params [1]', /^error: params: .* got both$/);
  wrong(' notify calc add 9007199254740993', /^error: param 9007199254740993: numbers are exact/);
  wrong(' call calc add --config no/such.file', /^error: no\/such\.file: can't be read \(ENOENT\)$/);
  wrong(' batch calc add no/such.file', /^error: no\/such\.file: there is no such file$/);
  wrong(' batch calc add src', /^error: src: it is a folder$/);
  wrong(' batch calc add --map [a,,b] package.json', /^error: --map: "": expected/);
  wrong(' batch calc add package.json --resume', /^error: --resume: only a job with --output FILE/);
  wrong(' batch calc add package.json -o package.json', /^error: .*package\.json: expected one file each/);
  wrong(' batch calc add package.json --strict', /^error: package\.json: line 1: not valid JSON/);
  wrong(' batch calc add --concurrency 50001', /Expected 50000 at most/);
  wrong(' bench calc add --concurrency 50001', /Expected 50000 at most/);
  wrong(' bench calc add --warmup soon', /Expected seconds, 86400 at most/);
  wrong(' bench calc add --duration 0', /^error: --duration: expected more than 0 seconds$/);
  wrong(' bench calc add --duration 1 --count 1', /^error: expected --duration or --count, got both$/);
  wrong(' doctor calc extra', /too many arguments/);
  wrong(' doctor a/b', /^error: service name: expected/);
  wrong(' repl calc extra', /too many arguments/);
  wrong(' repl --timeout 0', /Expected an integer from 1/);
  wrong(' tail', /missing required argument 'topic'/);
  wrong(' tail orders --since yesterday', /Expected a duration as 10m, an ISO time/);
  wrong(' tail orders --until tomorrow', /Allowed choices are now/);
  wrong(' tail orders --partition -1', /Expected an integer from 0/);
  wrong(' tail orders --header =x', /^error: --header =x: expected NAME or NAME=VALUE/);
  wrong(' trace', /missing required argument 'id'/);
  wrong(' trace 7 --since yesterday', /Expected a duration as 10m, an ISO time/);
  wrong(' call calc add --brokers=', /^error: --brokers: expected host:port/);
  wrong(' call calc add --brokers http://localhost:9092', /^error: brokers: expected host:port/);
});

describe('the version', () => {
  it('should be that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await run('--version')).to.deep.equal({ code: 0, out: `${version}\n`, err: '' });
  });
});

describe('help', () => {
  const commands = [
    'broker',
    'serve',
    'call',
    'notify',
    'batch',
    'bench',
    'discover',
    'doctor',
    'repl',
    'tail',
    'trace',
  ];

  it('should list the commands', async () => {
    const { code, out } = await run('--help');
    expect(code).to.equal(0);
    for (const name of commands) expect(out).to.match(new RegExp(`^ {2}${name} `, 'm'));
  });

  for (const command of ['', ...commands]) {
    it(`should give examples and exit codes for \`callstream ${command}\``, async () => {
      const { code, out, err } = await run(...(command === '' ? [] : [command]), '--help');
      expect([code, err]).to.deep.equal([0, '']);
      expect(out).to.match(/^Examples:\n {2}\$ callstream /m);
      expect(out).to.match(/^Exit codes:\n {2}0 {2}done\n/m);
    });
  }

  it('should leave the breaking of lines in descriptions to the width of the terminal', () => {
    for (const command of program().commands)
      expect(command.description(), command.name()).not.to.include('\n');
  });

  it('should have the way to Kafka with every command that takes one', async () => {
    for (const command of ['serve', 'call', 'notify', 'batch', 'bench', 'discover', 'doctor', 'repl']) {
      const { out } = await run('help', command);
      for (const option of ['--brokers', '--codec', '--config']) expect(out).to.include(option);
    }
  });
});
