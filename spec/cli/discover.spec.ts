import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import * as t from 'io-ts';
import { changes } from '../../src/cli/discover/changes.js';
import {
  connect,
  type Methods,
  notification,
  openrpc,
  request,
  service,
  stream,
  type Type,
} from '../../src/index.js';
import { Command, temporaryFolder } from './command.js';

const recursive = (value: Type): Type => {
  const Node: Type = t.recursion('Node', () => t.type({ value, next: t.array(Node) }));
  return Node;
};

const compared = (before: Methods, after: Methods) =>
  changes(openrpc(service('s', before)), openrpc(service('s', after))).map(
    ({ breaking, where, what }) => `${breaking ? '!' : ' '} ${where}: ${what}`,
  );
const taking = (...params: [Type, ...Type[]]) => ({
  m: request({ params: t.tuple(params as never), result: t.null }),
});
const named = (params: Type) => ({ m: request({ params, result: t.null }) });
const giving = (result: Type) => ({ m: request({ result }) });

describe('changes', () => {
  const cases: readonly [title: string, before: Methods, after: Methods, ...found: string[]][] = [
    ['nothing', taking(t.string), taking(t.string)],
    ['a method that is gone', { ...giving(t.string), n: notification() }, giving(t.string), '! n: removed'],
    ['a method that has come', giving(t.string), { ...giving(t.string), n: notification() }, '  n: added'],
    ['another kind', giving(t.string), { m: stream({ item: t.string }) }, '! m: was a request, is a stream'],
    ['one param more', taking(t.string), taking(t.string, t.number), '! m.params[1]: added: param1: number'],
    [
      'one optional param more',
      taking(t.string),
      taking(t.string, t.union([t.number, t.undefined])),
      '  m.params[1]: added: param1?: number',
    ],
    ['one param less', taking(t.string, t.number), taking(t.string), '! m.params[1]: removed'],
    [
      'a param of another type',
      taking(t.string),
      taking(t.number),
      '! m.params[0]: takes less: string, not number',
    ],
    [
      'a param that takes more',
      taking(t.string),
      taking(t.union([t.string, t.number])),
      '  m.params[0]: takes more: number, not string',
    ],
    [
      'an integer for a number',
      taking(t.number),
      taking(t.Int),
      '! m.params[0]: takes less: number, not Int',
    ],
    [
      'a value less',
      taking(t.keyof({ a: null, b: null })),
      taking(t.keyof({ a: null })),
      '! m.params[0]: takes less: "b"',
    ],
    [
      'a member that must be there',
      named(t.type({ a: t.string })),
      named(t.type({ a: t.string, b: t.number })),
      '! m.params.b: added: b: number',
    ],
    [
      'a member that may be there',
      named(t.type({ a: t.string })),
      named(t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })])),
      '  m.params.b: added: b?: number',
    ],
    [
      'a member that may no longer be absent',
      named(t.partial({ a: t.string })),
      named(t.type({ a: t.string })),
      '! m.params.a: was optional, is required',
    ],
    [
      'names instead of positions',
      taking(t.string),
      named(t.type({ a: t.string })),
      '! m.params: went by-position, go by-name',
    ],
    [
      'a result with a member less',
      giving(t.type({ a: t.string, b: t.number })),
      giving(t.type({ a: t.string })),
      '! m.result: may be what it never was: .b absent',
    ],
    [
      'a result with a member more',
      giving(t.type({ a: t.string })),
      giving(t.type({ a: t.string, b: t.number })),
      '  m.result: is less than it was: .b absent',
    ],
    [
      'a result that may be null',
      giving(t.string),
      giving(t.union([t.string, t.null])),
      '! m.result: may be what it never was: null, not string',
    ],
    ['a tree, the same', giving(recursive(t.number)), giving(recursive(t.number))],
    [
      'a tree of something else',
      giving(recursive(t.number)),
      giving(recursive(t.string)),
      '! m.result: may be what it never was: .value string, not number',
    ],
  ];
  for (const [title, before, after, ...found] of cases)
    it(`should tell of ${title}`, () => {
      expect(compared(before, after)).to.deep.equal(found);
    });
});

describe('discover', function () {
  this.timeout(60_000);
  const temp = temporaryFolder();
  after(() => {
    Command.killAll();
    temp.remove();
  });

  it('should show methods and instances, print the document, and find what breaks callers', async () => {
    const connection = await connect({ librdkafka: {} });
    const calc = service('calc', {
      add: request({ params: t.tuple([t.number, t.number]), result: t.number }),
    });
    await connection.serve(calc, { add: ([a, b]) => a + b });
    const run = (...args: string[]) =>
      new Command(temp.path, ['discover', ...args, '--brokers', connection.brokers]).ended;
    try {
      const [page, printed, nobody] = await Promise.all([
        run('calc'),
        run('calc', '--json'),
        run('nobody', '--timeout', '500'),
      ]);
      expect(page.code).to.equal(0);
      expect(page.stdout).to.match(
        /^calc: 1 methods, one instance\n\n {2}request {2}add\(param0: number, param1: number\): number\n/,
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
      const [same, other, broken, missing] = await Promise.all([
        run('calc', '--diff', old),
        run('calc', '--diff', `${old}.other`),
        run('calc', '--diff', `${old}.broken`),
        run('calc', '--diff', `${old}.missing`),
      ]);
      expect([same.code, same.stdout]).to.deep.equal([0, 'no change\n']);
      expect([other.code, other.stderr]).to.deep.equal([1, '2 breaking changes\n']);
      expect(other.stdout).to.include('breaking    calc.add'.replace('calc.', ''));
      expect([broken.code, broken.stderr]).to.deep.equal([
        2,
        `error: --diff: ${old}.broken: it isn't JSON\n`,
      ]);
      expect(missing.code).to.equal(2);
    } finally {
      await connection.close();
    }
  });
});
