import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { loadTarget, targetOf, tsx } from '../../src/cli/module.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { fixture, temporaryFolder } from './command.js';

describe('the target of a module', () => {
  const add = (a: number, b: number) => a + b;
  class Calculator {
    add = add;
  }

  it('should be the functions it exports', () => {
    expect(targetOf({ add, version: 1, Calculator, text: 'x' }, 'f')).to.deep.equal({ add });
  });

  it('should be its default object or instance', () => {
    const calculator = new Calculator();
    expect(targetOf({ default: calculator, other: add }, 'f')).to.equal(calculator);
    expect(targetOf({ default: { add } }, 'f')).to.deep.equal({ add });
  });

  it('should be an instance of its default class', () => {
    expect(targetOf({ default: Calculator }, 'f')).to.be.instanceOf(Calculator);
  });

  it('should be found in CommonJS', () => {
    expect(targetOf({ default: { add }, add, 'module.exports': { add } }, 'f')).to.deep.equal({ add });
    const compiled = { __esModule: true, default: Calculator, add };
    expect(targetOf({ default: compiled, __esModule: true, add }, 'f')).to.be.instanceOf(Calculator);
  });

  it('should not be a class whose constructor takes arguments or throws', () => {
    class Needy {
      constructor(readonly name: string) {}
    }
    class Broken {
      constructor() {
        throw new Error('no luck');
      }
    }
    expect(() => targetOf({ default: Needy }, 'f.js')).to.throw(
      UsageError,
      'f.js: class Needy takes arguments',
    );
    expect(() => targetOf({ default: Broken }, 'f.js')).to.throw(
      UsageError,
      'new Broken() threw Error: no luck',
    );
  });

  it('should be missed where there is none', () => {
    expect(() => targetOf({}, 'f.js')).to.throw(UsageError, 'f.js: nothing to serve');
    expect(() => targetOf({ default: 5, Calculator }, 'f.js')).to.throw(UsageError, 'nothing to serve');
    expect(() => targetOf({ default: add }, 'f.js')).to.throw(UsageError, 'export it by its name');
  });
});

describe('loading a module', () => {
  let folder: ReturnType<typeof temporaryFolder>;

  before(() => {
    folder = temporaryFolder();
  });

  after(() => folder.remove());

  const file = (name: string, content: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, content);
    return path;
  };

  const refusal = async (path: string): Promise<string> => {
    const error = await loadTarget(path).catch((reason) => reason);
    expect(error).to.be.instanceOf(UsageError);
    return error.message;
  };

  it('should take JavaScript and TypeScript', async () => {
    expect(await loadTarget(file('a.mjs', 'export const a = () => 1'))).to.have.keys('a');
    expect(await loadTarget(file('b.cjs', 'exports.b = () => 1'))).to.have.keys('b');
    expect(await loadTarget(file('c.mts', 'export const c = (n: number) => n'))).to.have.keys('c');
    expect(await loadTarget(fixture('counter.ts'))).to.respondTo('add');
  });

  it('should say what is wrong with the file', async () => {
    expect(await refusal('no/such.js')).to.equal('no/such.js: there is no such file');
    expect(await refusal(folder.path)).to.include('there is no such file');
    expect(await refusal(file('a.json', '{}'))).to.include('expected a .js, .mjs, .cjs or .ts file');
  });

  it('should show the place of a syntax error', async () => {
    const message = await refusal(file('syntax.mjs', 'export const a = 1;\nexport const b = ;\n'));
    expect(message).to.match(/syntax\.mjs:2\nexport const b = ;\n +\^/);
  });

  it('should show the place of an error at import, without frames of others', async () => {
    const message = await refusal(file('throws.mjs', 'throw new Error("not today")'));
    expect(message).to.match(/can't be loaded: Error: not today\n {4}at .*throws\.mjs:1:7/);
    expect(message).not.to.match(/node:|src\/cli/);
  });

  it('should find tsx beside the file where it is not beside callstream', async () => {
    mkdirSync(join(folder.path, 'node_modules'));
    symlinkSync(
      fileURLToPath(new URL('../../node_modules/tsx', import.meta.url)),
      join(folder.path, 'node_modules/tsx'),
    );
    const find = (name: string) =>
      name.startsWith('file:') ? import(name) : Promise.reject(new Error('none'));
    const { tsImport } = await tsx(join(folder.path, 'x.ts'), find);
    expect(tsImport).to.be.a('function');
  });

  it('should say in one sentence that tsx is missing', async () => {
    const error = await tsx('x.ts', () => Promise.reject(new Error('none'))).catch((reason) => reason);
    expect(error).to.be.instanceOf(UsageError);
    expect(error.message).to.include("x.ts: TypeScript needs tsx, which isn't installed");
  });
});
