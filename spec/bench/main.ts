/**
 * The bench: `npm run bench`. It starts every contender in processes of its own, has them called in
 * interleaved rounds, and prints, writes and draws what came out.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { barChart } from './chart.js';
import { contenderOf, INSTALL_PEERS, peersInstalled } from './contenders.js';
import { idleTable, measureIdle, measurePending, pendingTable } from './footprint.js';
import { Growth } from './growth.js';
import { machine, machineUsage } from './machine.js';
import { freePort, type NatsServer, startNats } from './nats-server.js';
import { measureOperators, operatorsTable } from './operators.js';
import { type Options, readOptions } from './options.js';
import { type Pair, profiling, startPair, stopPair } from './processes.js';
import { callFigures, callTables, chartBars, type WireFigure, wireTable } from './report.js';
import { runRounds } from './rounds.js';
import { measureStreams, type StreamFigure, streamsTable } from './streams.js';
import { percent } from './table.js';
import { measureWire } from './wire.js';

const EXIT_USAGE = 64;
const CHART_LOAD = 1_000;

const say = (line: string) => process.stderr.write(`bench: ${line}\n`);

const options = optionsOrExit();
const brokers = process.env.KAFKA_BROKERS ?? '';
if (brokers === '') {
  say('KAFKA_BROKERS is not set; `npm run bench` starts a Kafka of its own');
  process.exit(EXIT_USAGE);
}
profiling.directory = options.profile;
if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });
let natsServer: NatsServer | undefined;
const pairs: { pair: Pair; address: string }[] = [];
await tellOfOthers();
try {
  const figures = options.growth ? await grow() : await compare();
  if (options.json !== undefined)
    write(options.json, JSON.stringify({ machine, options, ...figures }, null, 2));
} finally {
  await Promise.all(pairs.map(({ pair }) => stopPair(pair)));
  await natsServer?.stop();
}
process.exit();

async function compare(): Promise<object> {
  print(`${machine.text}; ${options.rounds} rounds of ${options.milliseconds} ms; 64 bytes echoed.`);
  print(
    'CPU is seconds of one core per million calls; brackets hold 95 % intervals of the median of ratios.',
  );
  for (const name of options.only) await start(name);
  if (options.streamsOnly) return { streams: await streams(pairs.map(({ pair }) => pair)) };
  const results = await runRounds(
    pairs.map(({ pair }) => pair),
    { ...options, say, restart },
  );
  const calls = callFigures(results);
  print(callTables(calls));
  if (options.svg !== undefined) {
    const title = 'Calls per second, 1,000 in flight, 64-byte echo (2 processes, one broker)';
    write(options.svg, barChart(title, chartBars(calls, CHART_LOAD)));
  }
  if (options.callsOnly) return { calls };
  const running = pairs.filter(({ pair }) => results.has(pair.name));
  return { calls, ...(await others(running)) };
}

async function restart(broken: Pair): Promise<Pair> {
  const started = pairs.find(({ pair }) => pair === broken);
  await stopPair(broken);
  const pair = await startPair(broken.name, started?.address ?? brokers);
  if (started !== undefined) started.pair = pair;
  return pair;
}

/** How the cost grows, instead of the comparison. */
async function grow(): Promise<object> {
  print(`${machine.text}; ${options.rounds} rounds of ${options.milliseconds} ms.`);
  const growth = new Growth(brokers, options, say);
  const payloads = await growth.payloads();
  print(payloads.text);
  const servers = await growth.servers();
  print(servers.text);
  const clients = await growth.clients();
  print(clients.text);
  return { payloads: payloads.figures, servers: servers.figures, clients: clients.figures };
}

/** What is measured besides calls. Each figure is a module of its own. */
async function others(running: readonly { pair: Pair; address: string }[]): Promise<object> {
  const all = running.map(({ pair }) => pair);
  say('bytes per call');
  const wire: WireFigure[] = [];
  for (const { pair, address } of running) {
    for (const figure of await measureWire(pair, brokers, address)) wire.push({ name: pair.name, ...figure });
  }
  print(wireTable(wire));
  const ofStreams = await streams(all);
  const contracted = all.find(({ name }) => name === 'contracted');
  const operators = contracted && (await measureOperators(contracted, options.rounds, options.milliseconds));
  if (operators !== undefined) print(operatorsTable(operators));
  say('idle');
  const idle = await measureIdle(all);
  print(idleTable(idle));
  say('calls that wait');
  const pending = await measurePending(brokers);
  print(pendingTable(pending));
  return { wire, streams: ofStreams, operators, idle, pending };
}

async function streams(all: readonly Pair[]): Promise<StreamFigure[]> {
  say('streams');
  const figures = await measureStreams(all, options.rounds, options.milliseconds);
  print(streamsTable(figures));
  return figures;
}

/** Starts a contender, or says why it takes no part. */
async function start(name: string): Promise<void> {
  const { at, peer, label } = contenderOf(name);
  if (peer && !peersInstalled()) {
    say(`${label} is skipped: install it with ${INSTALL_PEERS}`);
    return;
  }
  if (at === 'nats') natsServer ??= await startNats();
  const address =
    at === 'kafka' ? brokers : at === 'nats' ? natsServer?.address : `127.0.0.1:${await freePort()}`;
  if (address === undefined) {
    say(`${label} is skipped: there is no nats-server (Debian: apt-get install nats-server)`);
    return;
  }
  try {
    pairs.push({ pair: await startPair(name, address), address });
  } catch (error) {
    say(`${label} is skipped: ${String(error)}`);
  }
}

/** A bench that shares its machine is worth its ratios at most. */
async function tellOfOthers(): Promise<void> {
  const before = machineUsage();
  await sleep(2_000);
  const busy = machineUsage(before);
  if (busy > 0.1) say(`the machine is ${percent(busy)} busy before anything begins: read only the ratios`);
}

function optionsOrExit(): Options {
  try {
    const given = readOptions(process.argv.slice(2));
    if (!('help' in given)) return given;
    process.stdout.write(`${given.help}\n`);
    process.exit(0);
  } catch (error) {
    say(`${(error as Error).message}; see --help`);
    process.exit(EXIT_USAGE);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
