// Starts a real Kafka from the command line:
//   node --import tsx spec/kafka/broker/main.ts [--brokers 1|3] [--port N]            until SIGINT or SIGTERM
//   node --import tsx spec/kafka/broker/main.ts [--brokers 1|3] [--port N] COMMAND…   while COMMAND runs,
// which finds the address in KAFKA_BROKERS.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { type KafkaCluster, type KafkaOptions, startKafka } from './broker.js';
import { MissingProgram } from './java.js';

const USAGE = 'usage: main.ts [--brokers 1|3] [--port N] [--] [COMMAND [ARGUMENT]…]';
const EXIT_USAGE = 64;
const EXIT_UNAVAILABLE = 69;

type Ending = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const ended = new Promise<Ending>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve);
});

const { options, command } = readArguments(process.argv.slice(2));
const cluster = await Promise.race([start(options), ended]);
if (typeof cluster === 'string') process.exit(code(cluster));
const [program, ...args] = command;
if (program === undefined) {
  console.log(`KAFKA_BROKERS=${cluster.bootstrap}`);
  const beat = setInterval(() => {}, 60_000);
  await ended;
  clearInterval(beat);
} else {
  process.exitCode = await run(program, args, cluster);
}
await cluster.stop();
process.exit();

async function start(options: KafkaOptions): Promise<KafkaCluster> {
  try {
    return await startKafka(options);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(error instanceof MissingProgram ? EXIT_UNAVAILABLE : 1);
  }
}

/** Runs the command in a process group of its own: a signal, and the end, reach all that it started. */
async function run(program: string, args: string[], cluster: KafkaCluster): Promise<number> {
  const env = { ...process.env, KAFKA_BROKERS: cluster.bootstrap };
  const child = spawn(program, args, { stdio: 'inherit', env, detached: true });
  const signalAll = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group has no process left.
    }
  };
  ended.then(signalAll);
  try {
    const [status, signal] = await once(child, 'exit');
    signalAll('SIGKILL');
    return status ?? code(signal);
  } catch (error) {
    console.error((error as Error).message);
    return 127;
  }
}

function code(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

function readArguments(given: readonly string[]): { options: KafkaOptions; command: string[] } {
  const rest = [...given];
  const options: { brokers?: 1 | 3; port?: number } = {};
  while (rest[0]?.startsWith('--')) {
    const name = rest.shift();
    if (name === '--') break;
    const value = Number(rest.shift());
    if (name === '--brokers' && (value === 1 || value === 3)) options.brokers = value;
    else if (name === '--port' && Number.isInteger(value) && value > 0 && value < 65_536)
      options.port = value;
    else {
      console.error(USAGE);
      process.exit(EXIT_USAGE);
    }
  }
  return { options, command: rest };
}
