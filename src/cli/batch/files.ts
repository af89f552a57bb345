/** The files of a job, from its options. */
import { statSync } from 'node:fs';
import { format, parse, resolve } from 'node:path';
import { UsageError } from '../usage-error.js';

export interface JobFiles {
  /** Stdout where there is none. */
  readonly output: string | undefined;
  /** Stderr where there is none. */
  readonly failures: string | undefined;
  readonly journal: string | undefined;
}

interface Given {
  readonly output?: string;
  readonly failures?: string;
  readonly journal: boolean;
  readonly resume?: true;
}

export function filesOf(
  input: string | undefined,
  { output: out, failures: failed, journal, resume }: Given,
): JobFiles {
  const output = out === undefined ? undefined : resolve(out);
  const file = output !== undefined && isRegular(output) ? output : undefined;
  const failures = failed === undefined ? file && beside(file) : resolve(failed);
  const own = file !== undefined && journal ? `${file}.journal` : undefined;
  const all = [input === undefined || input === '-' ? undefined : resolve(input), output, failures, own];
  const files = all.filter((file) => file !== undefined);
  const known = files.map(identityOf);
  const twice = files.find((_, index) => known.indexOf(known[index] as string) !== index);
  if (twice !== undefined)
    throw new UsageError(`${twice}: expected one file each for input, output, failures and journal`);
  if (resume && own === undefined)
    throw new UsageError('--resume: only a job with --output FILE, and its journal, can be resumed');
  return { output, failures, journal: own };
}

function beside(output: string): string {
  const { dir, name, ext } = parse(output);
  return format({ dir, name: `${name}.failures`, ext: ext === '' ? '.ndjson' : ext });
}

/** A file is known by what it is: it may be called by several names. */
function identityOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stat?.isFile() ? `${stat.dev}/${stat.ino}` : file;
}

/** What is no file, as /dev/null or a pipe, can't be cut to what a journal says, and isn't the job's to remove. */
export function isRegular(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? true;
}
