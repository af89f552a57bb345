/** What call and notify share, bench in part: their arguments, and a client for as long as the work takes. */
import type { Command } from 'commander';
import type { Params, UntypedClient } from '../index.js';
import { type ConnectionOptions, connectionOptions, open, positiveInteger, tell } from './connection.js';
import { explain } from './exit.js';
import { tellOutages } from './outages.js';
import { paramsOf } from './params.js';
import { Stopped, stopOnSignals, stopWithStdout } from './stop.js';
import { traceHint } from './trace-hint.js';
import { UsageError } from './usage-error.js';

export interface CallOptions extends ConnectionOptions {
  readonly params?: string;
  readonly timeout?: number;
}

/** A call: its service, its method and its params. */
export function callArguments(command: Command): Command {
  return command
    .argument('<service>', "the service's name")
    .argument('<method>', 'the name of the method')
    .argument('[params...]', 'each JSON, else a string; after -- they may begin with a dash')
    .option('--params <json>', 'all params as a JSON object (by name) or array');
}

export function callOptions(command: Command): Command {
  return connectionOptions(
    callArguments(command).option(
      '--timeout <ms>',
      'milliseconds until it ends without an answer (default: 10000)',
      positiveInteger,
    ),
  );
}

type Work = (client: UntypedClient, params: Params | undefined, stop: AbortSignal) => Promise<void>;

/** Connects, works, and closes the connection however that ended; `stop` aborts at a signal or a closed pipe. */
export async function withClient(
  service: string,
  words: readonly string[],
  options: CallOptions,
  work: Work,
): Promise<void> {
  const params = paramsOf(words, options.params);
  const { timeout, interop } = options;
  const connection = await open(options, 'fail');
  tellOutages(connection, tell);
  const stop = stopOnSignals();
  stopWithStdout(stop);
  try {
    const client = await UsageError.from(() => connection.client(service, { timeout, interop }));
    await work(client, params, stop.signal);
  } catch (error) {
    const hint = interop === undefined ? traceHint(error, service, connection) : undefined;
    if (hint === undefined) throw error;
    const { code, text } = explain(error);
    throw new Stopped(code, `${text}\n${hint}`);
  } finally {
    await connection.close();
  }
}
