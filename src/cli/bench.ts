/** `callstream bench`: bounded load on a running service, and how fast it answers. */
import { type Command, InvalidArgumentError } from 'commander';
import { runBench } from './bench/run.js';
import { callArguments } from './client.js';
import { connectionOptions, positiveInteger } from './connection.js';
import { after } from './help.js';
import { concurrency, timeoutOption } from './in-flight.js';

const ABOUT = `

Calls are made for the warm-up and the duration (or --count of them after the warm-up), each with
the same params; so many are in flight at any time. Those begun after the warm-up are measured,
from the call to its answer. The calls are real: what the method does is done each time.
Ctrl-C ends at once and prints what was measured. Exits 1 if a call failed.`;

export function benchCommand(program: Command): Command {
  const command = callArguments(program.command('bench'))
    .summary('put load on a method, measure its answers')
    .description('Call a method over and over; print calls a second, failures and latencies.')
    .option('--concurrency <n>', 'calls in flight', concurrency, 64)
    .option('--duration <s>', 'seconds that are measured (default: 5)', seconds)
    .option('--count <n>', 'calls that are measured, instead of a duration', positiveInteger)
    .option('--rate <n>', 'calls a second, at most', positiveInteger)
    .option('--warmup <s>', 'seconds before that', seconds, 1)
    .addOption(timeoutOption())
    .option('--json', 'print the figures as one line of JSON');
  return connectionOptions(command)
    .addHelpText(
      'after',
      after([
        'bench calc add 1 2',
        'bench prices quote AAPL --concurrency 500 --duration 30',
        `bench stock find --params '{"sku": "A-1"}' --rate 200 --count 1000`,
        'bench calc add 1 2 --json | jq .latency.p99',
      ]).concat(ABOUT),
    )
    .action(runBench);
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value <= 86_400) return value;
  throw new InvalidArgumentError('Expected seconds, 86400 at most.');
}
