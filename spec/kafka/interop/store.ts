/**
 * Where the peers' packages are kept: .kafka/interop, a folder a peer, fetched once for every later
 * run and again when what names them has changed. Who lacks a program has its peer skipped.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeOnKafka } from '../brokers.js';

const STORE = fileURLToPath(new URL('../../../.kafka/interop', import.meta.url));

/** A file of a peer's own folder. */
export const fileOf = (...path: string[]): string => fileURLToPath(new URL(path.join('/'), import.meta.url));

/**
 * The peer's folder, in which `make` has fetched what the `manifests` name. One run at a time makes
 * it: the specs of a run follow each other.
 */
export async function prepared(
  name: string,
  manifests: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(STORE, name);
  const stamp = join(folder, 'made-from');
  const content = manifests.map((file) => readFileSync(file, 'utf8')).join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === content) return folder;
  process.stderr.write(`fetching the packages of ${name} into .kafka/interop (once)\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await make(folder);
  writeFileSync(stamp, content);
  return folder;
}

/** Runs a program to its end; its output is in the error where it fails. */
export async function run(program: string, args: readonly string[], cwd?: string): Promise<void> {
  await promisify(execFile)(program, args, { cwd, maxBuffer: 1 << 26 });
}

/** As `describeOnKafka`, but pending with a visible line where one of the programs isn't there. */
export function describeWith(
  programs: Readonly<Record<string, readonly string[]>>,
  title: string,
  body: (this: Mocha.Suite) => void,
): void {
  const missing = Object.entries(programs).find(([program, args]) => spawnSync(program, args).status !== 0);
  if (missing === undefined) describeOnKafka(title, body);
  else describe.skip(`${title} (${missing[0]} is missing)`, body);
}
