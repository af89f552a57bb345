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
  const failures =
    failed === undefined ? (output === undefined ? undefined : beside(output)) : resolve(failed);
  const all = [input === undefined || input === '-' ? undefined : resolve(input), output, failures];
  const files = all.filter((file) => file !== undefined);
  const twice = files.find((file, index) => files.indexOf(file) !== index);
  if (twice !== undefined)
    throw new UsageError(`${twice}: expected one file each for input, output and failures`);
  const journaled = output !== undefined && journal && isRegular(output);
  if (resume && !journaled)
    throw new UsageError('--resume: only a job with --output FILE, and its journal, can be resumed');
  return { output, failures, journal: journaled ? `${output}.journal` : undefined };
}

function beside(output: string): string {
  const { dir, name, ext } = parse(output);
  return format({ dir, name: `${name}.failures`, ext: ext === '' ? '.ndjson' : ext });
}

/** What is no file, as /dev/null or a pipe, can't be cut to what a journal says. */
function isRegular(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? true;
}
