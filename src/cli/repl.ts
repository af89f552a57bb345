/** `callstream repl`: a shell for calls, at a terminal or from a script. */
import type { Command } from 'commander';
import { connectionOptions, positiveInteger } from './connection.js';
import { after } from './help.js';
import { runRepl } from './repl/run.js';

const ABOUT = `

At a terminal Tab completes, history is kept in $CALLSTREAM_HISTORY (default:
~/.local/state/callstream/history; empty: none), Ctrl-C cancels a call. Otherwise lines are
read from stdin, and results are lines of JSON. Without any broker it runs an embedded one.`;

export function replCommand(program: Command): Command {
  const command = program
    .command('repl')
    .summary('call, and serve, from a shell')
    .description('A shell for calls: `SERVICE METHOD [PARAM…]`; `help` in it tells its commands.')
    .argument('[service]', 'the service whose name may be left out, as with `use`')
    .option(
      '--timeout <ms>',
      'milliseconds until a call ends without an answer (default: 10000)',
      positiveInteger,
    )
    .option('--keep-going', "don't stop a script at the first line that fails");
  return connectionOptions(command)
    .addHelpText(
      'after',
      after(['repl', 'repl calc --brokers localhost:9092', 'repl --keep-going < script']).concat(ABOUT),
    )
    .action(runRepl);
}
