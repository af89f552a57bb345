#!/usr/bin/env node
/**
 * The `callstream` command. Below it: program.ts parses the command line, one file a command does
 * the work, exit.ts tells how it ended.
 */
import { Exit, explain } from './exit.js';
import { flushed, ignoreClosedPipes, refusalOfStdout } from './output.js';
import { program } from './program.js';

async function run(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(argv);
    return 0;
  } catch (error) {
    const { code, text } = explain(error);
    if (text !== '') process.stderr.write(`${text}\n`);
    return code;
  }
}

ignoreClosedPipes();
let code: number = await run(process.argv);
await flushed();
const refusal = refusalOfStdout();
if (code === Exit.done && refusal !== undefined) {
  process.stderr.write(`error: stdout: ${refusal.message}\n`);
  code = Exit.failed;
}
// A served module may hold timers or sockets of its own: the command ends all the same.
process.exit(code);
