/** `callstream discover`: what a service offers, who serves it, and what that changes for its callers. */
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import { Table } from 'console-table-printer';
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { lastValueFrom, toArray } from 'rxjs';
import { type Connection, discovery, type Gathered, NotSentError, type ServerStatistics } from '../index.js';
import { type ConnectionOptions, connectionOptions, open, positiveInteger, tell } from './connection.js';
import { type Change, changes } from './discover/changes.js';
import { Exit } from './exit.js';
import { after } from './help.js';
import { flushed, line, print, shown } from './output.js';
import { Document } from './repl/openrpc.js';
import { signature } from './repl/signature.js';
import { Stopped, stopOnSignals, stopWithStdout, unlessStopped } from './stop.js';
import { UsageError } from './usage-error.js';

interface DiscoverOptions extends ConnectionOptions {
  readonly json?: true;
  readonly diff?: string;
  readonly timeout: number;
}

/** Milliseconds after an answer in which another instance's may come. */
const STALL = 500;

export function discoverCommand(program: Command): Command {
  const command = program
    .command('discover')
    .summary('tell what a service offers, and who serves it')
    .description(
      "Ask every instance of a service for its methods, as an OpenRPC document tells them, and for\nwhat it is doing. With --diff compare the methods with an older document's: a change that\nbreaks callers ends with exit code 1.",
    )
    .argument('<service>', "the service's name")
    .option('--json', 'print the OpenRPC document, or with --diff a line of JSON a change')
    .option('--diff <file>', 'an older document, as --json has printed it')
    .option(
      '--timeout <ms>',
      'milliseconds until the first instance must have answered',
      positiveInteger,
      3_000,
    );
  return connectionOptions(command)
    .addHelpText(
      'after',
      after(['discover calc', 'discover calc --json > calc.json', 'discover calc --diff calc.json']),
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
    const document = await agreed(service, documents);
    if (before !== undefined) tellChanges(changes(before, document), options);
    else if (options.json) print(document);
    else process.stdout.write(page(service, document, documents, statistics));
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
  const how = { timeout, stall: STALL };
  return Promise.all([
    lastValueFrom(client.gather$('rpc.discover', undefined, how).pipe(toArray())),
    lastValueFrom(client.gather$('rpc.statistics', undefined, how).pipe(toArray())),
  ]);
}

/** The document of the first instance that has one; others that differ are told of on stderr. */
async function agreed(service: string, answers: Answers<unknown>): Promise<Document> {
  const good = answers.flatMap(({ instance, result }) => {
    const decoded = isRight(result) ? Document.decode(result.right) : result;
    return isRight(decoded)
      ? [{ instance, document: decoded.right, text: JSON.stringify(decoded.right) }]
      : [];
  });
  const [first, ...others] = good;
  if (first === undefined) {
    const failure = answers.map(({ result }) => result).find(isLeft);
    if (failure !== undefined) throw failure.left;
    const hint = 'is it served (callstream serve), and on these brokers (--brokers)?';
    throw new NotSentError('timeout', `no instance of ${service} answered: ${hint}`);
  }
  const apart = others.filter(({ text }) => text !== first.text).map(({ instance }) => instance);
  if (apart.length > 0) {
    tell(
      shown(
        `instances disagree: ${apart.join(', ')} offer something else than ${first.instance}, which is shown`,
      ),
    );
  }
  return first.document;
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
  const count = documents.length === 1 ? 'one instance' : `${documents.length} instances`;
  return `${service}: ${methods.length} methods, ${count}\n\n${offered}\n${instances(statistics)}\n`;
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

function tellChanges(found: readonly Change[], { json }: DiscoverOptions): void {
  for (const change of found) {
    const word = change.breaking ? 'breaking  ' : 'compatible';
    process.stdout.write(json ? line(change) : `${word}  ${shown(`${change.where}: ${change.what}`)}\n`);
  }
  const broken = found.filter(({ breaking }) => breaking).length;
  if (found.length === 0 && !json) process.stdout.write('no change\n');
  if (broken > 0) throw new Stopped(Exit.failed, `${broken} breaking ${broken === 1 ? 'change' : 'changes'}`);
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
  const decoded = Document.decode(parsed);
  if (isRight(decoded)) return decoded.right;
  throw new UsageError(`--diff: ${file}: expected an OpenRPC document, as discover --json prints it`);
}
