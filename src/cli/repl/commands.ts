/** All commands of the shell, their help, and a line's way to the one that it names. */
import { UsageError } from '../usage-error.js';
import { exit, methods, services, timeout, use } from './about.js';
import { batch, call, notify } from './calls.js';
import type { ShellCommand } from './command.js';
import { serve, stop } from './serving.js';
import type { Session } from './session.js';
import { wordsOf } from './words.js';

const help: ShellCommand = {
  name: 'help',
  words: '[COMMAND]',
  summary: 'tell about the commands, or about one',
  places: ['command'],
  run({ screen }, [name, ...rest]) {
    if (rest.length > 0) throw new UsageError('expected help [COMMAND]');
    screen.text(name === undefined ? overview() : about(named(name.text)));
  },
};

export const commands: ReadonlyMap<string, ShellCommand> = new Map(
  [call, notify, batch, use, services, methods, serve, stop, timeout, help, exit].map((command) => [
    command.name,
    command,
  ]),
);

/** Commands of callstream that the shell has not. */
const ELSEWHERE = ['broker', 'tail', 'trace', 'discover', 'bench', 'doctor'];

/** Runs a line; an empty one, or a comment, does nothing. Rejects with what went wrong. */
export async function run(session: Session, line: string, signal: AbortSignal): Promise<void> {
  const words = wordsOf(line);
  const [first] = words;
  if (first === undefined) return;
  const command = commands.get(first.raw);
  if (command !== undefined) return command.run(session, words.slice(1), signal);
  if (ELSEWHERE.includes(first.raw) && !(await isCalled(session, first.raw)))
    throw new UsageError(
      `${first.raw} is a command of callstream, and none of this shell: run \`callstream ${line.trim()}\``,
    );
  return call.run(session, words, signal);
}

/** Whether a service has the name, or a method of the one in use. */
async function isCalled({ service, catalogue }: Session, name: string): Promise<boolean> {
  if (service !== undefined && (await catalogue.describe(service))?.has(name)) return true;
  return catalogue.has(name);
}

function named(name: string): ShellCommand {
  const command = commands.get(name);
  if (command !== undefined) return command;
  throw new UsageError(`help: expected one of ${[...commands.keys()].join(', ')}, got ${name}`);
}

function overview(): string {
  const width = Math.max(...[...commands.keys()].map((name) => name.length));
  const list = [...commands.values()].map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'SERVICE METHOD [PARAM…] makes a call, as in `calc add 1 2`; after `use calc`, `add 1 2`.',
    ...list,
    'Tab completes; after a method it tells the params. A line that begins with a space is not kept.',
  ].join('\n');
}

function about({ name, words, summary, more }: ShellCommand): string {
  return [
    `${name} ${words}`.trimEnd(),
    `  ${summary}`,
    ...(more ?? '').split('\n').map((line) => `  ${line}`),
  ]
    .join('\n')
    .trimEnd();
}
