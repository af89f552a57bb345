import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { Command, type Ended, fixture, temporaryFolder } from '../command.js';

/** The shell as its users have it: fed by a pipe, and at a terminal. One broker and one server for all. */
describe('callstream repl', () => {
  const temp = temporaryFolder();
  const elsewhere = temporaryFolder();
  const calc = fixture('calc.mjs');

  let server: Command;

  const script = (lines: readonly string[], ...args: string[]): Promise<Ended> =>
    new Command(temp.path, ['repl', ...args], {}, lines.join('\n')).ended;

  before(async () => {
    const broker = new Command(temp.path, ['broker']);
    await broker.until(/^127\.0\.0\.1:\d+$/m);
    server = new Command(temp.path, ['serve', calc, '--service', 'calc']);
    await server.until(/^ready calc\n/);
  });

  after(async () => {
    await Command.killAll();
    temp.remove();
    elsewhere.remove();
  });

  describe('from a pipe', () => {
    it('should print what its calls answer as lines of JSON, and nothing else', async () => {
      const ended = await script([
        '# calls, in every way',
        'calc add 1 2',
        '  calc echo "hello world" {"a": [1, 2]} \'"1"\'',
        '',
        'use calc',
        'echo {"symbol": "AAPL"}',
        'calc echo [1,"two"]',
        'call add 2 3',
        'count 3',
        'nothing',
        'notify log hi',
        'batch add 1 1 ; add 2 2 ; echo a',
      ]);
      expect(ended).to.deep.equal({
        code: 0,
        signal: null,
        stdout: [
          '3',
          '["hello world",{"a":[1,2]},"1"]',
          '[{"symbol":"AAPL"}]',
          '[1,"two"]',
          '5',
          '{"i":0}',
          '{"i":1}',
          '{"i":2}',
          'null',
          '2',
          '4',
          '["a"]',
          '',
        ].join('\n'),
        stderr: '',
      });
    });

    it('should stop at the first failure, and name its line', async () => {
      const { code, stdout, stderr } = await script(['calc add 1 2', 'calc nope', 'calc add 3 4']);
      expect(stdout).to.equal('3\n');
      expect(stderr).to.match(/^line 2: error -32601 Method not found\n/);
      expect(code).to.equal(1);
    });

    it('should keep going where it is told to, and still fail', async () => {
      const lines = ['calc refuse', 'calc add {', 'batch calc nope ; add 1 1', 'stop calc', 'calc add 3 4'];
      const { code, stdout, stderr } = await script(lines, '--keep-going');
      expect(stdout).to.equal('2\n7\n');
      expect(stderr).to.match(/^line 1: error 1404 No such \\u001b\[31msymbol\n/);
      expect(stderr).to.match(/^line 2: error: \{ is never closed/m);
      expect(stderr).to.match(/^line 3: error -32601 Method not found$/m);
      expect(stderr).to.match(/^line 4: error: calc isn't served here$/m);
      expect(code).to.equal(1);
    });

    it('should have the exit codes of the other commands', async () => {
      const [slow, wrong, command, service, alone] = await Promise.all([
        script(['timeout 5000', 'timeout', 'calc hang', 'calc add 1 2']),
        script(['calc add 9007199254740993']),
        script(['frobnicate']),
        script(['use no/such']),
        script(['calc add 1 2'], '--brokers', '127.0.0.1:1'),
      ]);
      expect([slow.code, slow.stdout]).to.deep.equal([3, '5000\n']);
      expect(slow.stderr).to.match(/^line 3: error: calc\.hang: .*5000 ms.*\(it may have run\)\n$/);
      expect([wrong.code, wrong.stderr]).to.deep.equal([
        2,
        `line 1: error: param 9007199254740993: numbers are exact up to 2^53; as a string it is '"9007199254740993"'\n`,
      ]);
      expect(command.stderr).to.match(/^line 1: error: frobnicate is no command/);
      expect(service.stderr).to.match(/^line 1: error: service name: expected/);
      expect([command.code, service.code, alone.code]).to.deep.equal([2, 2, 4]);
    });

    it('should know the other commands of callstream, and call services of their names', async () => {
      const elsewhere = await script(['trace 7 --since 10m']);
      expect([elsewhere.code, elsewhere.stderr]).to.deep.equal([
        2,
        'line 1: error: trace is a command of callstream, and none of this shell: run `callstream trace 7 --since 10m`\n',
      ]);
      const called = await script([`serve ${calc} as tail`, 'tail add 1 2', 'use tail', 'add 2 3']);
      expect([called.code, called.stdout]).to.deep.equal([0, '3\n5\n']);
    });

    it('should list the services of the cluster, and tell of its commands', async () => {
      const { stdout, code } = await script(['services', 'help', 'help batch', 'exit', 'frobnicate']);
      expect(stdout).to.match(/^calc$/m);
      expect(stdout).to.match(/^ {2}notify +call a method without an answer$/m);
      expect(stdout).to.match(/^batch \[SERVICE\] METHOD/m);
      expect(code).to.equal(0);
    });

    it('should end at a signal, with the call that runs', async () => {
      const command = new Command(temp.path, ['repl'], {}, 'calc add 1 2\ncalc endless\ncalc add 1 2\n');
      await command.until(/^3\n0\n1\n/);
      command.kill('SIGINT');
      const { code, stdout, stderr } = await command.ended;
      expect([code, stderr]).to.deep.equal([130, '']);
      expect(stdout).to.match(/^3\n(\d+\n)+$/);
    });

    it('should be enough alone: an embedded cluster, and a module served from inside', async () => {
      const lines = [`serve ${calc} as mine`, 'use mine', 'add 1 2', 'log inside', 'stop mine', 'stop mine'];
      const { code, stdout, stderr } = await new Command(elsewhere.path, ['repl'], {}, lines.join('\n'))
        .ended;
      expect(stdout).to.equal('3\nnull\n');
      expect(stderr).to.match(/embedded cluster at/);
      expect(stderr).to.match(/^logged inside$/m);
      expect(stderr).to.match(/^line 6: error: mine isn't served here$/m);
      expect(code).to.equal(2);
    });
  });

  describe('at a terminal', () => {
    /** The shell in a pty of its own, as terminal.py makes it. */
    class Shell {
      static count = 0;
      readonly child: ChildProcess;
      readonly history = join(elsewhere.path, `history-${Shell.count++}`);
      readonly ended: Promise<number | null>;
      screen = '';
      static readonly running = new Set<ChildProcess>();

      constructor(args: readonly string[] = [], columns = 100) {
        const root = fileURLToPath(new URL('../../..', import.meta.url));
        const command = [process.execPath, '--import', 'tsx', join(root, 'src/cli/main.ts'), 'repl', ...args];
        const env = { ...process.env, TMPDIR: temp.path, CALLSTREAM_HISTORY: this.history, TERM: 'xterm' };
        this.child = spawn('python3', [fixture('terminal.py'), String(columns), ...command], {
          cwd: root,
          env,
        });
        Shell.running.add(this.child);
        this.child.stdout?.on('data', (data) => {
          this.screen += data;
        });
        this.ended = new Promise((resolve) => {
          this.child.once('close', (code) => resolve(code));
        });
      }

      type(keys: string): void {
        this.child.stdin?.write(keys);
      }

      /**
       * A Tab that comes with other keys is one that was pasted, and completes nothing; nor does one whose
       * answer is late: it's pressed again.
       */
      async complete(keys: string, completion: string): Promise<void> {
        this.type(keys);
        await this.until(new RegExp(`${keys}$`));
        this.type('\t');
        const again = setInterval(() => this.type('\t'), 3_000);
        await this.until(new RegExp(`${completion}$`)).finally(() => clearInterval(again));
      }

      /** Resolves when the screen shows it behind what was shown before. */
      async until(pattern: RegExp): Promise<void> {
        const giveUp = Date.now() + 40_000;
        for (;;) {
          const plain = stripVTControlCharacters(this.screen);
          const match = pattern.exec(plain);
          if (match !== null) {
            this.screen = plain.slice(match.index + match[0].length);
            return;
          }
          if (this.child.exitCode !== null || Date.now() > giveUp)
            throw new Error(`never showed ${pattern}: ${plain}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    }

    after(() => {
      for (const child of Shell.running) child.kill('SIGKILL');
    });

    it('should show values, times and errors, and leave at Ctrl-D', async () => {
      const shell = new Shell();
      await shell.until(/`help` tells what there is\r\n.*callstream> $/);
      shell.type('calc echo {"symbol": "AAPL"}\r');
      await shell.until(/\[ \{ symbol: 'AAPL' \} \]\r\n[\d.]+ m?s\r\n/);
      shell.type('calc count 3\r');
      await shell.until(/\{ i: 2 \}\r\n3 items in [\d.]+ m?s, [\d,]+\/s, the first after [\d.]+ m?s/);
      shell.type('calc refuse\r');
      await shell.until(/error 1404 No such \\u001b\[31msymbol\r\n\{ symbol: 'X', known: \[ 'A', 'B' \] \}/);
      shell.type('timeout 2000\rcalc hang\r');
      await shell.until(/unknown: calc\.hang: .* \(it may have run\)/);
      await shell.until(/`callstream trace \d+ --service calc --caller \S+` tells what became of it/);
      shell.type('frobnicate\r');
      await shell.until(/error: frobnicate is no command.*\r\n.*callstream> $/);
      shell.type('\x04');
      expect(await shell.ended).to.equal(0);
    });

    it("should complete a method's name by what its server answers", async () => {
      const shell = new Shell();
      await shell.until(/callstream> $/);
      await shell.complete('calc ech', 'o ');
      shell.type('5\r');
      await shell.until(/\[ 5 \]\r\n/);
      shell.type('exit\r');
      expect(await shell.ended).to.equal(0);
    });

    it('should complete commands, services and paths', async () => {
      const shell = new Shell();
      await shell.until(/callstream> $/);
      await shell.complete('met', 'hods ');
      await shell.complete('ca', 'lc ');
      shell.type('\x03');
      await shell.until(/callstream> $/);
      await shell.complete('serve spec/cli/fixtures/ca', 'lc\\.mjs ');
      shell.type('as shelf\r');
      await shell.until(/ready shelf, [\d.]+ m?s/);
      await shell.complete('use she', 'lf ');
      shell.type('\r');
      await shell.until(/shelf> $/);
      shell.type('log above\r');
      await shell.until(/logged above/);
      shell.type('exit\r');
      expect(await shell.ended).to.equal(0);
    });

    it('should cancel a call at Ctrl-C, then the line that is typed, then leave', async () => {
      const shell = new Shell(['calc']);
      await shell.until(/calc> $/);
      shell.type('endless\r');
      await shell.until(/\n1\r\n2\r\n/);
      shell.type('\x03');
      await shell.until(/cancelled after \d+ items in .*\r\n.*calc> $/);
      const before = server.stdout.length;
      shell.type('hang\r');
      await server.until(/hanging/, 'stdout', before);
      shell.type('\x03');
      await shell.until(/cancelled after .*\r\n.*calc> $/);
      shell.type('add 1');
      await shell.until(/add 1$/);
      shell.type('\x03');
      await shell.until(/calc> $/);
      shell.type('add 20 3\r');
      await shell.until(/\n23\r\n/);
      await shell.until(/calc> $/);
      shell.type('\x03');
      expect(await shell.ended).to.equal(0);
    });

    it('should keep its history, but not a line that begins with a space', async () => {
      const shell = new Shell();
      await shell.until(/callstream> $/);
      shell.type('calc add 1 2\r');
      await shell.until(/\n3\r\n/);
      shell.type(' calc add 5 6\r');
      await shell.until(/\n11\r\n/);
      await shell.until(/callstream> $/);
      shell.type('\x1b[A');
      await shell.until(/calc add 1 2$/);
      shell.type('\r');
      await shell.until(/\n3\r\n/);
      shell.type('exit\r');
      expect(await shell.ended).to.equal(0);
      expect(readFileSync(shell.history, 'utf8')).to.equal('calc add 1 2\nexit\n');
      expect(statSync(shell.history).mode & 0o777).to.equal(0o600);
    });

    it('should load a module anew that has changed', async () => {
      const module = join(elsewhere.path, 'changing.mjs');
      writeFileSync(module, 'export const version = () => "first";');
      const shell = new Shell();
      await shell.until(/callstream> $/);
      shell.type(`serve ${module}\r`);
      await shell.until(/ready changing/);
      shell.type('changing version\r');
      await shell.until(/'first'/);
      writeFileSync(module, 'export const version = () => "second";');
      utimesSync(module, new Date(), new Date(Date.now() + 5_000));
      shell.type(`stop changing\rserve ${module}\r`);
      await shell.until(/ready changing/);
      shell.type('changing version\r');
      await shell.until(/'second'/);
      shell.type('\x04');
      expect(await shell.ended).to.equal(0);
    });
  });
});
