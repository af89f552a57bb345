/** The command line's grammar: the commands, their help, and a CommanderError for what doesn't fit. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { batchCommand } from './batch.js';
import { benchCommand } from './bench.js';
import { brokerCommand } from './broker.js';
import { callCommand } from './call.js';
import { discoverCommand } from './discover.js';
import { doctorCommand } from './doctor.js';
import { after } from './help.js';
import { notifyCommand } from './notify.js';
import { replCommand } from './repl.js';
import { serveCommand } from './serve.js';
import { tailCommand } from './tail.js';
import { traceCommand } from './trace.js';

/** The parser; `parseAsync` runs a command and rejects with what ended it. It never exits the process. */
export function program(): Command {
  const program = new Command('callstream')
    .description('Remote calls over Kafka: serve functions in one process, call them from another.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help on a command')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', after(['broker', 'serve ./calc.js --service calc', 'call calc add 1 2']));
  for (const add of [
    brokerCommand,
    serveCommand,
    callCommand,
    notifyCommand,
    batchCommand,
    benchCommand,
    doctorCommand,
    discoverCommand,
    replCommand,
    tailCommand,
    traceCommand,
  ]) {
    const command = add(program);
    command
      .helpOption('-h, --help', 'print help')
      .showHelpAfterError(`(callstream ${command.name()} --help tells more)`);
  }
  return program.showHelpAfterError('(callstream --help tells more)');
}

/** Two folders up from src/cli and from dist/cli alike. */
function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
