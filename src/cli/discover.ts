/** `callstream discover`: what a service offers, who serves it, and what that changes for its callers. */
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import { Table } from 'console-table-printer';
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { lastValueFrom, toArray } from 'rxjs';
import { type Connection, discovery, type Gathered, NotSentError, type ServerStatistics } from '../index.js';
import { type ConnectionOptions, connectionOptions, open, positiveInteger, tell } from './connection.js';
import { type Failure, type Offer, type OfferChange, offerChanges, offersOf } from './discover/offers.js';
import { Exit } from './exit.js';
import { counted } from './figures.js';
import { after } from './help.js';
import { flushed, line, print, shown } from './output.js';
import { type Document, documentOf } from './repl/openrpc.js';
import { signature } from './repl/signature.js';
import { Stopped, stopOnSignals, stopWithStdout, unlessStopped } from './stop.js';
import { UsageError } from './usage-error.js';

interface DiscoverOptions extends ConnectionOptions {
  readonly json?: true;
  readonly diff?: string;
  readonly timeout: number;
}

/** The part of the timeout after an answer in which another instance's may come. */
const STALL = 1 / 6;

const CODES = `
Exit codes:
  0  done
     with --diff: no change breaks callers
  1  with --diff a change breaks callers; an instance has no document, or answers with an error
  2  usage: an option, the older document or a config file is not as it should be
  3  no instance has answered in time
  4  no broker: none given or found, unreachable, or it refuses`;

export function discoverCommand(program: Command): Command {
  const command = program
    .command('discover')
    .summary('tell what a service offers, and who serves it')
    .description(
      "Ask every instance of a service for its methods, as an OpenRPC document tells them, and for what it is doing. With --diff compare the methods with an older document's: a change that breaks callers, or may (as of a check by code), ends with exit code 1.",
    )
    .argument('<service>', "the service's name")
    .option('--json', 'print the OpenRPC document, or with --diff a line of JSON a change')
    .option('--diff <file>', 'an older document, as --json has printed it')
    .option(
      '--timeout <ms>',
      'milliseconds until the first instance must have answered; a sixth of it for another',
      positiveInteger,
      3_000,
    );
  return connectionOptions(command)
    .addHelpText(
      'after',
      after(['discover calc', 'discover calc --json > calc.json', 'discover calc --diff calc.json'], CODES),
    )
    .action(discover);
}

async function discover(service: string, options: DiscoverOptions): Promise<void> {
  const before = options.diff === undefined ? undefined : readDocument(options.diff);
  const connection = await open(options, 'fail');
  const stop = stopOnSignals();
  stopWithStdout(stop);
  try {
    const [documents, statistics] = await unlessStopped(
      stop.signal,
      ask(connection, service, options.timeout),
    );
    const [offers, failures] = offersOf(documents);
    const [first] = offers;
    if (first === undefined) throw nobody(service, failures);
    tellOdd(offers, failures, before === undefined ? `, which is shown` : '; each is compared');
    if (before !== undefined) tellChanges(offerChanges(before, offers), failures.length, options);
    else if (options.json) print(first.document);
    else process.stdout.write(page(service, first.document, documents, statistics));
    await flushed();
    stop.signal.throwIfAborted();
  } finally {
    await connection.close();
  }
}

type Answers<T> = readonly Gathered<T>[];

async function ask(
  connection: Connection,
  service: string,
  timeout: number,
): Promise<[Answers<unknown>, Answers<ServerStatistics>]> {
  const client = await UsageError.from(() => connection.client(discovery(service)));
  const how = { timeout, stall: Math.ceil(STALL * timeout) };
  return Promise.all([
    lastValueFrom(client.gather$('rpc.discover', undefined, how).pipe(toArray())),
    lastValueFrom(client.gather$('rpc.statistics', undefined, how).pipe(toArray())),
  ]);
}

function nobody(service: string, [failure]: readonly Failure[]): Error {
  if (failure === undefined) {
    const hint = 'is it served (callstream serve), and on these brokers (--brokers)?';
    return new NotSentError('timeout', `no instance of ${service} answered: ${hint}`);
  }
  return failure.error ?? new Stopped(Exit.failed, `error: ${shown(`${failure.instance}: ${failure.why}`)}`);
}

/** On stderr: instances that offer something else than the first, or that don't say what. */
function tellOdd([first, ...others]: readonly Offer[], failures: readonly Failure[], so: string): void {
  const apart = others.flatMap(({ instances }) => instances);
  if (apart.length > 0) {
    const what = apart.length === 1 ? 'offers' : 'offer';
    tell(
      shown(
        `instances disagree: ${apart.join(', ')} ${what} something else than ${first?.instances[0]}${so}`,
      ),
    );
  }
  for (const { instance, why } of failures) tell(shown(`${instance} can't say what it offers: ${why}`));
}

function page(
  service: string,
  { methods }: Document,
  documents: Answers<unknown>,
  statistics: Answers<ServerStatistics>,
): string {
  const rows = methods.map((method) => ({
    kind: method['x-callstream']?.kind ?? 'method',
    signature: signature(method),
  }));
  const wide = Math.max(0, ...rows.map(({ kind }) => kind.length));
  const offered = rows.map(({ kind, signature }) => `  ${kind.padEnd(wide)}  ${signature}\n`).join('');
  const [total, by] = [counted(methods.length, 'method'), counted(documents.length, 'instance')];
  return `${service}: ${total}, ${by}\n\n${offered}\n${instances(statistics)}\n`;
}

const TITLES = {
  instance: 'Instance',
  up: 'Up',
  running: 'Running',
  queued: 'Waiting',
  streams: 'Streams',
  done: 'Done',
  failed: 'Failed',
} as const;

/** A table, or on a terminal that is too narrow for one a line a figure. */
function instances(statistics: Answers<ServerStatistics>): string {
  const rows = statistics.map(({ instance, result }) => {
    const name = { instance: shown(instance) };
    if (isLeft(result)) return name;
    const { uptime, load, stats } = result.right;
    return { ...name, up: duration(uptime), ...load, done: stats.succeeded, failed: stats.failed };
  });
  const columns = Object.entries(TITLES).map(([name, title]) => ({
    name,
    title,
    alignment: name === 'instance' ? ('left' as const) : ('right' as const),
  }));
  const table = new Table({ columns, rows }).render();
  const bare = stripVTControlCharacters(table);
  const { isTTY, columns: width } = process.stdout;
  if (!isTTY) return bare;
  if (bare.indexOf('\n') <= width) return table;
  return rows
    .map(({ instance, ...row }) =>
      [
        instance,
        ...Object.entries(row).map(([name, value]) => `  ${TITLES[name as keyof typeof TITLES]} ${value}`),
      ].join('\n'),
    )
    .join('\n');
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function tellChanges(found: readonly OfferChange[], unknown: number, { json }: DiscoverOptions): void {
  for (const change of found) {
    const word = change.breaking ? 'breaking  ' : 'compatible';
    const by = change.instances === undefined ? '' : ` (${change.instances.join(', ')})`;
    process.stdout.write(json ? line(change) : `${word}  ${shown(`${change.where}: ${change.what}${by}`)}\n`);
  }
  if (found.length === 0 && !json) process.stdout.write('no change\n');
  const broken = found.filter(({ breaking }) => breaking).length;
  const why = [
    ...(broken > 0 ? [counted(broken, 'breaking change')] : []),
    ...(unknown > 0 ? [`${counted(unknown, 'instance')} that can't be compared`] : []),
  ];
  if (why.length > 0) throw new Stopped(Exit.failed, why.join(', '));
}

function readDocument(file: string): Document {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--diff: ${file}: can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new UsageError(`--diff: ${file}: it isn't JSON`);
  }
  const read = documentOf(parsed);
  if (isRight(read)) return read.right;
  throw new UsageError(`--diff: ${file}: ${read.left}, as discover --json prints it`);
}
