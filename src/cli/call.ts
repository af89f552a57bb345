/** `callstream call`: one call, its result or its stream's items on stdout. */
import type { Command } from 'commander';
import { fromEvent, takeUntil } from 'rxjs';
import { type CallOptions, callOptions, withClient } from './client.js';
import { after } from './help.js';
import { flushed, print } from './output.js';

export function callCommand(program: Command): Command {
  return callOptions(program.command('call'))
    .summary('call a method, print what it answers')
    .description('Call a method; print its result, or the items of its stream, as lines of JSON.')
    .addHelpText(
      'after',
      after([
        'call calc add 1 -2',
        'call prices quote AAPL --timeout 500',
        `call prices ticks --params '{"symbol": "AAPL"}' | head -3`,
        'call calc negate -- -x',
      ]).concat('\n\nCtrl-C, or a closed pipe, cancels the handler.'),
    )
    .action(call);
}

async function call(
  service: string,
  method: string,
  words: readonly string[],
  options: CallOptions,
): Promise<void> {
  await withClient(service, words, options, async (client, params, stop) => {
    await client
      .call$(method, params)
      .pipe(takeUntil(fromEvent(stop, 'abort')))
      .forEach(print);
    await flushed();
    stop.throwIfAborted();
  });
}
