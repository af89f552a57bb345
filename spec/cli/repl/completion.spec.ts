import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { commands } from '../../../src/cli/repl/commands.js';
import { complete, type Known } from '../../../src/cli/repl/completion.js';
import type { OpenRpcMethod } from '../../../src/index.js';
import { temporaryFolder } from '../command.js';

const number = { type: 'number' };
const PRICES: readonly OpenRpcMethod[] = [
  {
    name: 'quote',
    paramStructure: 'by-position',
    params: [
      { name: 'param0', required: true, schema: { enum: ['AAPL', 'MSFT', 'Big Corp'] } },
      { name: 'param1', schema: { type: 'boolean' } },
      { name: 'param2', schema: { const: 5 } },
    ],
    result: { name: 'result', schema: number },
  },
  {
    name: 'ticks',
    paramStructure: 'by-name',
    params: [
      { name: 'symbol', required: true, schema: { type: 'string' } },
      { name: 'since', schema: number },
      { name: 'limit', schema: number },
    ],
    result: { name: 'items', schema: { type: 'array', items: number } },
    'x-callstream': { kind: 'stream' },
  },
];
const CALC: readonly OpenRpcMethod[] = ['add', 'and', 'stop', 'prices'].map((name) => ({ name, params: [] }));

const known = (service?: string): Known => ({
  commands,
  services: async () => ['calc', 'prices', 'silent'],
  served: ['calc'],
  service,
  describe: async (name) => {
    const methods = name === 'prices' ? PRICES : name === 'calc' ? CALC : undefined;
    return methods && new Map(methods.map((method) => [method.name, method]));
  },
});

const hits = async (line: string, service?: string) => (await complete(line, known(service))).hits;

/** The line that Tab makes of one, where it makes one. */
async function tab(line: string, service?: string): Promise<string> {
  const completion = await complete(line, known(service));
  const [only] = completion.hits;
  expect(completion.hits, line).to.have.length(1);
  expect(line.endsWith(completion.typed)).to.equal(true);
  return line.slice(0, line.length - completion.typed.length) + only;
}

describe("a shell's completion", () => {
  it('should offer commands and services first', async () => {
    expect(await hits('')).to.include.members(['help', 'use', 'call', 'calc', 'prices']);
    expect(await hits('ca')).to.deep.equal(['calc', 'call']);
    expect(await tab('me')).to.equal('methods ');
    expect(await tab('  pri')).to.equal('  prices ');
    expect(await hits('zzz')).to.deep.equal([]);
  });

  it('should offer the methods of the service in use, too', async () => {
    expect(await hits('a', 'calc')).to.deep.equal(['add', 'and']);
    expect(await hits('a')).to.deep.equal([]);
  });

  it("should offer a service's methods", async () => {
    expect(await hits('prices ')).to.deep.equal(['quote', 'ticks']);
    expect(await tab('prices q')).to.equal('prices quote ');
    expect(await tab('call prices q')).to.equal('call prices quote ');
    expect(await tab('notify prices t', 'silent')).to.equal('notify prices ticks ');
    expect(await hits('silent ')).to.deep.equal([]);
    expect(await hits('nowhere q')).to.deep.equal([]);
  });

  it('should prefer a method of the service in use to a service', async () => {
    expect(await hits('prices ', 'calc')).to.deep.equal([]);
    expect(await hits('prices ', 'silent')).to.deep.equal(['quote', 'ticks']);
  });

  it('should offer what a param can be, and tell of all', async () => {
    expect((await complete('prices quote ', known())).hint).to.equal(
      'quote(param0: "AAPL" | "MSFT" | "Big Corp", param1?: boolean, param2?: 5): number',
    );
    expect(await hits('prices quote ')).to.deep.equal(['AAPL', 'Big\\ Corp', 'MSFT']);
    expect(await tab('prices quote B')).to.equal('prices quote Big\\ Corp ');
    expect(await tab('prices quote Big\\ ')).to.equal('prices quote Big\\ Corp ');
    expect(await tab('prices quote "Big')).to.equal('prices quote "Big Corp" ');
    expect(await tab("quote 'M", 'prices')).to.equal("quote 'MSFT' ");
    expect(await hits('prices quote AAPL ')).to.deep.equal(['false', 'true']);
    expect(await tab('prices quote AAPL true ')).to.equal('prices quote AAPL true 5 ');
    expect(await hits('prices quote AAPL true 5 ')).to.deep.equal([]);
    expect(await complete('prices nope ', known())).to.deep.equal({ hits: [], typed: '' });
  });

  it('should offer params by their names', async () => {
    expect((await complete('prices ticks ', known())).hint).to.equal(
      'ticks({ symbol: string, since?: number, limit?: number }): stream of number',
    );
    expect(await hits('prices ticks ')).to.deep.equal(['{"symbol": ', '{"since": ', '{"limit": ']);
    expect(await hits('prices ticks {')).to.deep.equal(['"symbol": ', '"since": ', '"limit": ']);
    expect(await tab('prices ticks {"sy')).to.equal('prices ticks {"symbol": ');
    expect(await tab('prices ticks {"symbol": "A", "si')).to.equal('prices ticks {"symbol": "A", "since": ');
    expect(await hits('prices ticks {"symbol": "A", ')).to.deep.equal(['"since": ', '"limit": ']);
    for (const line of ['{"symbol": ', '{"symbol": "A', '{"symbol": {"', '{"a": [', '{"symbol": "A"} ']) {
      expect(await hits(`prices ticks ${line}`), line).to.deep.equal([]);
    }
  });

  it('should complete each call of a batch', async () => {
    expect(await tab('batch prices q')).to.equal('batch prices quote ');
    expect(await tab('batch prices quote MSFT ; ti')).to.equal('batch prices quote MSFT ; ticks ');
    expect(await tab('batch quote MSFT ; quote A', 'prices')).to.equal('batch quote MSFT ; quote AAPL ');
  });

  it("should complete commands' words", async () => {
    expect(await tab('use pr')).to.equal('use prices ');
    expect(await tab('methods pr')).to.equal('methods prices ');
    expect(await tab('stop ')).to.equal('stop calc ');
    expect(await tab('help no')).to.equal('help notify ');
    expect(await hits('use prices ')).to.deep.equal([]);
    expect(await hits('timeout ')).to.deep.equal([]);
  });

  it('should complete modules and folders', async () => {
    const folder = temporaryFolder();
    try {
      for (const name of ['calc.mjs', 'my calc.ts', 'notes.txt', '.hidden.js']) {
        writeFileSync(join(folder.path, name), '');
      }
      mkdirSync(join(folder.path, 'lib'));
      const at = (rest: string) => `serve ${folder.path}/${rest}`;
      expect(await hits(at(''))).to.deep.equal(
        ['calc.mjs', 'lib/', 'my\\ calc.ts'].map((name) => `${folder.path}/${name}`),
      );
      expect(await tab(at('l'))).to.equal(at('lib/'));
      expect(await tab(at('ca'))).to.equal(at('calc.mjs '));
      expect(await tab(at('.h'))).to.equal(at('.hidden.js '));
      expect(await hits(at('none/'))).to.deep.equal([]);
    } finally {
      folder.remove();
    }
  });

  it('should offer nothing in a comment, or behind a lone backslash', async () => {
    expect(await hits('prices # q')).to.deep.equal([]);
    expect(await hits('# ')).to.deep.equal([]);
    expect(await hits('prices \\')).to.deep.equal([]);
  });
});
