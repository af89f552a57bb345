#!/usr/bin/env node
/**
 * The `callstream` command. Below it: program.ts parses the command line, one file a command does
 * the work, exit.ts tells how it ended.
 */
import { explain } from './exit.js';
import { flushed, ignoreClosedPipes } from './output.js';
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
const code = await run(process.argv);
await flushed();
// A served module may hold timers or sockets of its own: the command ends all the same.
process.exit(code);
