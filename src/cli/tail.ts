/** `callstream tail`: the records of a topic, as they come, a line each. */
import { type Command, Option } from 'commander';
import { filter, fromEvent, identity, mergeMap, take, takeUntil } from 'rxjs';
import type { KafkaError } from '../index.js';
import { ofStdout } from './columns.js';
import { type BrokerOptions, brokerOptions, open, positiveInteger, tell, wholeNumber } from './connection.js';
import { after } from './help.js';
import { moment } from './moment.js';
import { PATIENCE, tellOutages } from './outages.js';
import { flushed } from './output.js';
import { Stopped, stopOnSignals, stopWithStdout } from './stop.js';
import { entriesOf } from './tail/entry.js';
import { type Filters, filterOf } from './tail/filter.js';
import { Look } from './tail/look.js';
import { type RangeOptions, recordsOf } from './tail/range.js';
import { assertTopic } from './topic-name.js';

interface TailOptions extends BrokerOptions, Filters, RangeOptions {
  readonly count?: number;
  readonly json?: true;
  readonly showSecrets?: true;
}

const ABOUT = `

Values are read as JSON or MessagePack by their header content-type, else by their first byte; what is
neither is text, or bytes in hex. A record that holds a batch is a line a message. Lines are in the order
of each partition, and not of all by time. A line on a terminal is cut to its width.

Values of headers and members that are named like a credential (authorization, token, password, cookie,
api-key, ...), or look like one, are [hidden], and not searched, unless --show-secrets is given.`;

const CODES = `
Exit codes:
  0  done
     also where Ctrl-C or a closed pipe ends it
  2  usage: an option is not as it should be, or there is no such topic
  4  no broker: none given or found, unreachable, or it refuses; with --until, lost for 10 s`;

export function tailCommand(program: Command): Command {
  const command = program
    .command('tail')
    .summary('show the records of a topic')
    .description('Show the records of a topic as they come, decoded, a line each, until Ctrl-C.')
    .argument('<topic>', "the topic's name; a service's requests are in NAME.requests")
    .option('--since <when>', 'begin a duration ago (10m), at an ISO time, or at the earliest', moment)
    .addOption(
      new Option('--until <end>', 'end with what is there (from the earliest, without --since)').choices([
        'now',
      ]),
    )
    .option('-n, --count <n>', 'end after so many lines', positiveInteger)
    .option('--partition <n>', 'only this partition', wholeNumber)
    .option('--key <text>', 'only records with this key')
    .option('--method <name>', 'only calls of this method')
    .option('--id <id>', 'only messages of the calls with this id')
    .option('--header <name=value>', 'only records with this header; more than one may be given', collect)
    .option('--grep <text>', 'only lines with this text in the key or the value')
    .option('--json', 'print each as a line of JSON, with all headers')
    .option('--show-secrets', 'hide nothing');
  return brokerOptions(command)
    .addHelpText(
      'after',
      after(
        [
          'tail orders',
          'tail prices.requests --method quote --since 10m',
          'tail orders --since earliest --until now --json | jq .value',
          'tail callstream.inbox --id 7 --count 1',
        ],
        CODES,
      ).concat(ABOUT),
    )
    .action(tail);
}

async function tail(name: string, options: TailOptions): Promise<void> {
  const { json, showSecrets, count, since } = options;
  const { stdout } = process;
  const look = new Look(showSecrets ?? false, ofStdout);
  const matches = filterOf(options, look);
  const connection = await open(options, 'fail');
  const stop = stopOnSignals();
  stopWithStdout(stop);
  // Who follows a topic waits for its broker.
  const patience = { ms: PATIENCE, giveUp: (error: KafkaError) => stop.abort(error) };
  tellOutages(connection, tell, options.until === 'now' ? patience : undefined);
  try {
    await assertTopic(connection, name);
    const records$ = await recordsOf(connection, name, options);
    if (process.stderr.isTTY && options.until === undefined && count === undefined)
      tell(`following ${name}${since === undefined ? ' from its end' : ''}; Ctrl-C ends`);
    await records$
      .pipe(
        mergeMap(entriesOf),
        filter(matches),
        count === undefined ? identity : take(count),
        takeUntil(fromEvent(stop.signal, 'abort')),
      )
      .forEach((entry) => void stdout.write(json ? look.json(entry) : look.line(entry)));
    await flushed();
    stop.signal.throwIfAborted();
  } catch (error) {
    // Ctrl-C is how it ends.
    if (!(error instanceof Stopped) || error.code < 128) throw error;
  } finally {
    await connection.close();
  }
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
