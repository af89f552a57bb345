import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import * as t from 'io-ts';
import { connect, openrpc, request, service } from '../../src/index.js';
import { Command, temporaryFolder } from './command.js';

const calc = service('calc', { add: request({ params: t.tuple([t.number, t.number]), result: t.number }) });

describe('discover', () => {
  const temp = temporaryFolder();
  after(async () => {
    await Command.killAll();
    temp.remove();
  });

  it('should show methods and instances, print the document, and find what breaks callers', async () => {
    const connection = await connect({ librdkafka: {} });
    await connection.serve(calc, { add: ([a, b]) => a + b });
    const run = (...args: string[]) =>
      new Command(temp.path, ['discover', '--timeout', '20000', ...args, '--brokers', connection.brokers])
        .ended;
    try {
      const [page, printed, nobody] = await Promise.all([
        run('calc'),
        run('calc', '--json'),
        run('nobody', '--timeout', '3000'),
      ]);
      expect(page.code).to.equal(0);
      expect(page.stdout).to.match(
        /^calc: 1 method, 1 instance\n\n {2}request {2}add\(param0: number, param1: number\): number\n/,
      );
      expect(page.stdout).to.include(connection.instance);
      expect(JSON.parse(printed.stdout)).to.deep.equal(openrpc(calc));
      expect([nobody.code, nobody.stderr]).to.deep.equal([
        3,
        'error: no instance of nobody answered: is it served (callstream serve), and on these brokers (--brokers)?\n',
      ]);

      const old = `${temp.path}/old.json`;
      writeFileSync(old, printed.stdout);
      writeFileSync(`${old}.broken`, '{');
      const older = openrpc(
        service('calc', { add: request({ params: t.tuple([t.string]), result: t.number }) }),
      );
      writeFileSync(`${old}.other`, JSON.stringify(older));
      writeFileSync(`${old}.deep`, `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
      const [same, other, broken, missing, deep] = await Promise.all([
        run('calc', '--diff', old),
        run('calc', '--diff', `${old}.other`),
        run('calc', '--diff', `${old}.broken`),
        run('calc', '--diff', `${old}.missing`),
        run('calc', '--diff', `${old}.deep`),
      ]);
      expect([same.code, same.stdout]).to.deep.equal([0, 'no change\n']);
      expect([other.code, other.stderr]).to.deep.equal([1, '2 breaking changes\n']);
      expect(other.stdout).to.include('breaking    calc.add'.replace('calc.', ''));
      expect([broken.code, broken.stderr]).to.deep.equal([
        2,
        `error: --diff: ${old}.broken: it isn't JSON\n`,
      ]);
      expect(missing.code).to.equal(2);
      expect([deep.code, deep.stderr]).to.deep.equal([
        2,
        `error: --diff: ${old}.deep: expected an OpenRPC document nested at most 500 deep, as discover --json prints it\n`,
      ]);
    } finally {
      await connection.close();
    }
  });

  it('should compare with each instance, where they disagree', async () => {
    const connection = await connect({ librdkafka: {} });
    const other = await connect({ brokers: connection.brokers });
    const stricter = service('calc', {
      add: request({ params: t.tuple([t.Int, t.number]), result: t.number }),
    });
    const file = `${temp.path}/agreed.json`;
    writeFileSync(file, JSON.stringify(openrpc(calc)));
    const diff = (...args: string[]) =>
      new Command(temp.path, [
        'discover',
        'calc',
        '--timeout',
        '20000',
        '--diff',
        file,
        ...args,
        '--brokers',
        connection.brokers,
      ]).ended;
    try {
      await connection.serve(calc, { add: ([a, b]) => a + b });
      await other.serve(stricter, { add: ([a, b]) => a + b });
      const [text, json] = await Promise.all([diff(), diff('--json')]);
      const change = { breaking: true, where: 'add.params[0]', what: 'takes less: number, not Int' };
      expect(text.stdout).to.equal(`breaking    ${change.where}: ${change.what} (${other.instance})\n`);
      expect(text.stderr).to.match(
        /instances disagree: \S+ offers something else than \S+; each is compared\n/,
      );
      expect(text.stderr.endsWith('\n1 breaking change\n')).to.equal(true);
      expect(JSON.parse(json.stdout)).to.deep.equal({ ...change, instances: [other.instance] });
      expect([text.code, json.code]).to.deep.equal([1, 1]);
    } finally {
      await Promise.all([other.close(), connection.close()]);
    }
  });
});
