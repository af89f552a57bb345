/** `callstream notify`: a call that nobody answers. */
import type { Command } from 'commander';
import { type CallOptions, callOptions, withClient } from './client.js';
import { after } from './help.js';
import { unlessStopped } from './stop.js';

export function notifyCommand(program: Command): Command {
  return callOptions(program.command('notify'))
    .summary('call a method without an answer')
    .description('Call a method without waiting for an answer; done when Kafka has the call.')
    .addHelpText(
      'after',
      after(['notify audit login alice', `notify audit log --params '{"event": "login"}'`]),
    )
    .action(notify);
}

async function notify(
  service: string,
  method: string,
  words: readonly string[],
  options: CallOptions,
): Promise<void> {
  await withClient(service, words, options, (client, params, stop) =>
    unlessStopped(stop, client.notify(method, params)),
  );
}
