/**
 * The lines typed so far, in a file of the user's own: $CALLSTREAM_HISTORY, else in XDG's folder for
 * state. A line that begins with a space is kept nowhere.
 */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** Lines that are kept; the file is cut down to them when it has twice as many. */
export const MAX_LINES = 1_000;
/** Characters of a line; a longer one isn't kept. */
export const MAX_LENGTH = 4_096;
const OWN = 0o600;

export class History {
  /** The newest first, as readline has them. */
  readonly lines: string[];
  readonly #file: string | undefined;

  /** An empty name keeps nothing. Throws where the file can't be read or made. */
  constructor(file = historyFile()) {
    this.#file = file === '' ? undefined : file;
    const all = this.#file === undefined ? [] : read(this.#file);
    const kept = all.slice(-MAX_LINES);
    if (this.#file !== undefined && all.length > 2 * MAX_LINES) rewrite(this.#file, kept);
    this.lines = kept.reverse();
  }

  /** Appends, so that two shells keep each other's lines. */
  add(line: string): void {
    if (!isKept(line) || line === this.lines[0]) return;
    this.lines.unshift(line);
    this.lines.splice(MAX_LINES);
    if (this.#file !== undefined) appendFileSync(this.#file, `${line}\n`, { mode: OWN });
  }
}

export const isKept = (line: string): boolean =>
  /^\S/.test(line) && line.length <= MAX_LENGTH && !/[\r\n]/.test(line);

export function historyFile(env: NodeJS.ProcessEnv = process.env): string {
  const { CALLSTREAM_HISTORY, XDG_STATE_HOME = '' } = env;
  // A relative path is to be ignored, says XDG.
  const state = isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(homedir(), '.local', 'state');
  return CALLSTREAM_HISTORY ?? join(state, 'callstream', 'history');
}

/** Makes the file where it's missing, and its owner's alone where it's anyone's. */
function read(file: string): string[] {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  appendFileSync(file, '', { mode: OWN });
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, OWN);
  return readFileSync(file, 'utf8').split('\n').filter(isKept);
}

function rewrite(file: string, lines: readonly string[]): void {
  const next = `${file}.${process.pid}`;
  writeFileSync(next, `${lines.join('\n')}\n`, { mode: OWN });
  renameSync(next, file);
}
