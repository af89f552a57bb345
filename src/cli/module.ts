/** From a file's name to what `callstream serve` serves: a module's functions, or its default export's methods. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { userFrames } from './stack.js';
import { UsageError } from './usage-error.js';

type Exports = Readonly<Record<string, unknown>>;

/** A module is loaded once; with another `version`, once more. */
export async function loadTarget(file: string, version?: number): Promise<object> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`${file}: there is no such file`);
  return targetOf(await load(file, version), file);
}

async function load(file: string, version: number | undefined): Promise<Exports> {
  const url = pathToFileURL(resolve(file)).href + (version === undefined ? '' : `?${version}`);
  switch (extname(file)) {
    case '.js':
    case '.mjs':
    case '.cjs':
      return loading(file, () => import(url));
    case '.ts':
    case '.mts':
    case '.cts': {
      const { tsImport } = await tsx(file);
      return loading(file, () => tsImport(url, import.meta.url));
    }
    default:
      throw new UsageError(`${file}: expected a .js, .mjs, .cjs or .ts file`);
  }
}

async function loading(file: string, work: () => Promise<Exports>): Promise<Exports> {
  try {
    return await work();
  } catch (error) {
    const why = error instanceof SyntaxError ? syntaxError(error, file) : blame(error);
    throw new UsageError(`${file} can't be loaded: ${why}`);
  }
}

/** Node tells the place of a syntax error only to the terminal. */
function syntaxError(error: SyntaxError, file: string): string {
  const { stderr = '' } = spawnSync(process.execPath, ['--check', file], {
    encoding: 'utf8',
    timeout: 5_000,
  });
  return `${error.message}\n${stderr.split('\n\n', 1)[0] ?? ''}`.trimEnd();
}

function blame(error: unknown): string {
  return [String(error), ...userFrames(error)].join('\n');
}

type Tsx = typeof import('tsx/esm/api');

/** The optional peer, as installed beside callstream or else beside the file. */
export async function tsx(
  file: string,
  find: (name: string) => Promise<Tsx> = (name) => import(name),
): Promise<Tsx> {
  const name = 'tsx/esm/api';
  try {
    return await find(name).catch(() => find(pathToFileURL(createRequire(resolve(file)).resolve(name)).href));
  } catch {
    throw new UsageError(
      `${file}: TypeScript needs tsx, which isn't installed: \`npm install tsx\`, or give compiled JavaScript`,
    );
  }
}

/** What is served of a module: its default export where that is an object or a class, else its functions. */
export function targetOf(exports: Exports, file: string): object {
  const main = exports.default;
  // A CommonJS module that was compiled from an ES module.
  if (isObject(main) && '__esModule' in main) return targetOf(main as Exports, file);
  if (isClass(main)) return instance(main, file);
  if (isObject(main)) return main;
  const functions = Object.entries(exports).filter(
    ([name, value]) =>
      name !== 'default' && name !== 'module.exports' && typeof value === 'function' && !isClass(value),
  );
  if (functions.length > 0) return Object.fromEntries(functions);
  const hint = typeof main === 'function' ? '; its default export is a function: export it by its name' : '';
  throw new UsageError(
    `${file}: nothing to serve: it exports no functions, and no default object or class${hint}`,
  );
}

type Class = new () => object;

function instance(Main: Class, file: string): object {
  if (Main.length > 0) {
    const name = Main.name === 'default' ? 'its class' : `class ${Main.name}`;
    throw new UsageError(`${file}: ${name} takes arguments: export an instance of it as the default`);
  }
  try {
    return new Main();
  } catch (error) {
    throw new UsageError(`${file}: new ${Main.name}() threw ${blame(error)}`);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The prototype of a class can't be replaced, that of a function can. */
function isClass(value: unknown): value is Class {
  return (
    typeof value === 'function' && Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false
  );
}
