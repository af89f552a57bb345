/** `callstream batch`: a call for every row of a file, its results in another; what crashes is resumed. */
import type { Command } from 'commander';
import { runBatch } from './batch/run.js';
import { connectionOptions, positiveInteger } from './connection.js';
import { after } from './help.js';
import { concurrency, timeoutOption } from './in-flight.js';

const ABOUT = `

Input is NDJSON, a row a line: an object is params by name, an array params by position, anything
else the only param. --csv reads CSV whose first line names the fields; its values are strings.
--map picks the params: '[sku,qty:number]' by position, 'id=order.id,qty' by name; a field is a
path with dots, or . for the whole row; :number, :boolean, :json or :string converts it.

Results are {"index", "result"}, in the order of the rows (index counts from 0). Failures are
{"index", "line", "input", "error"}: beside the output, those of quotes.ndjson in
quotes.failures.ndjson, or on stderr.

With --output there is a journal, OUTPUT.journal, until the job is done. After a crash, Ctrl-C or
a lost broker the same command with --resume goes on: no answer that it has is asked for again,
and what was in flight carries the same idempotency key as before. Ctrl-C lets calls in flight
finish; a second one ends at once. A server remembers keys for the timeout and 2 s. A job that is
done has no journal: there is nothing to resume, and without --resume the output is written anew.`;

export function batchCommand(program: Command): Command {
  const command = program
    .command('batch')
    .summary('call a method for every row of a file')
    .description('Call a method for every row of a file or of stdin; write what it answers as NDJSON.')
    .argument('<service>', "the service's name")
    .argument('<method>', 'the name of the method')
    .argument('[file]', 'the input; without one, or with -, stdin')
    .option('--csv', 'the input is CSV, not NDJSON')
    .option('--map <fields>', 'which fields are the params, as below')
    .option('-o, --output <file>', 'where results go, with a journal beside it (default: stdout)')
    .option('--failures <file>', 'where rows without a result go')
    .option('--resume', 'go on with the job whose journal is beside the output')
    .option('--no-journal', "without a journal and idempotency keys: can't be resumed")
    .option('--strict', 'check the whole file first; send nothing if a row is bad')
    .option('--concurrency <n>', 'calls in flight', concurrency, 2_000)
    .option('--rate <n>', 'calls a second, at most', positiveInteger)
    .option('--retry <n>', 'times that a call without an answer is made, at most', positiveInteger, 1)
    .addOption(timeoutOption());
  return connectionOptions(command)
    .addHelpText(
      'after',
      after([
        'batch prices quote symbols.ndjson --output quotes.ndjson',
        "batch stock reserve orders.csv --csv --map '[sku,qty:number]' -o reserved.ndjson",
        'batch stock reserve orders.csv --csv -o reserved.ndjson --resume',
        'batch prices quote - --rate 500 < symbols.ndjson | jq .result',
      ]).concat(ABOUT),
    )
    .action(runBatch);
}
