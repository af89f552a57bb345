// One Kafka node: a Java process that is both broker and controller, its settings and its log.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Java, shortLived } from './java.js';

const STARTED = 'Kafka Server started';
const START_TIMEOUT = 90_000;
const STOP_TIMEOUT = 20_000;

export interface NodeOptions {
  readonly java: Java;
  readonly heap: string;
  readonly folder: string;
  readonly address: string;
  readonly clusterId: string;
  readonly properties: Readonly<Record<string, string | number | boolean>>;
}

export class KafkaNode {
  readonly address: string;
  readonly logFile: string;
  readonly #options: NodeOptions;
  #process: ChildProcess | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.address = options.address;
    this.logFile = join(options.folder, 'server.log');
  }

  /** The process id while the node runs. */
  get pid(): number | undefined {
    return isRunning(this.#process) ? this.#process.pid : undefined;
  }

  /** Starts the node and resolves when the cluster takes it as a broker that answers. */
  async start(): Promise<void> {
    if (this.pid !== undefined) throw new Error(`the Kafka node at ${this.address} runs already`);
    const { heap, folder, clusterId, properties } = this.#options;
    const data = join(folder, 'data');
    const settings = join(folder, 'server.properties');
    const lines = Object.entries({ ...properties, 'log.dirs': data }).map(
      ([name, value]) => `${name}=${value}\n`,
    );
    mkdirSync(folder, { recursive: true });
    writeFileSync(settings, lines.join(''));
    const from = existsSync(this.logFile) ? statSync(this.logFile).size : 0;
    if (!existsSync(join(data, 'meta.properties'))) {
      // In one argument: an id may begin with a dash.
      const format = ['format', `--cluster-id=${clusterId}`, '--config', settings];
      const child = this.#spawn([...shortLived, ...logging], 'kafka.tools.StorageTool', ...format);
      if (isRunning(child)) await once(child, 'exit');
      if (child.exitCode !== 0) throw this.#failure('its folder could not be formatted', from);
    }
    const child = this.#spawn([...logging, `-Xmx${heap}`], 'kafka.Kafka', settings);
    await this.#answers(child, from);
    // A cluster that nobody stopped holds up no process: it ends with it.
    child.unref();
  }

  /**
   * Sends a signal. SIGKILL resolves when the process is gone; SIGSTOP makes a broker that holds its
   * connections and says nothing, until SIGCONT.
   */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (!isRunning(child)) return;
    if (signal !== 'SIGKILL') {
      child.kill(signal);
      return;
    }
    child.ref();
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Lets the broker hand over and close; kills it when that takes too long. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (!isRunning(child)) return;
    child.ref();
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
    await gone;
    clearTimeout(timer);
  }

  /** Stops the node where it still runs, and starts it again on the same address and data. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /**
   * Runs a class of Kafka, its output in the log, its process id in a file for as long as it lives. It leads
   * a process group of its own, so that Ctrl-C in a terminal leaves the order of the end to the cluster.
   */
  #spawn(flags: string[], className: string, ...args: string[]): ChildProcess {
    const { java, folder } = this.#options;
    const log = openSync(this.logFile, 'a');
    const child = spawn(java.program, [...flags, '-cp', java.classPath, className, ...args], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#process = child;
    child.on('error', () => {}); // A process that could not be made has no pid, and so isn't running.
    const pidFile = join(folder, 'pid');
    writeFileSync(pidFile, String(child.pid ?? ''));
    child.once('exit', () => rmSync(pidFile, { force: true }));
    return child;
  }

  /** Waits for the line that Kafka writes when the broker is registered, unfenced and listening. */
  async #answers(child: ChildProcess, from: number): Promise<void> {
    for (const end = Date.now() + START_TIMEOUT; Date.now() < end && isRunning(child); await sleep(50)) {
      if (this.#log(from).includes(STARTED)) return;
    }
    const why = isRunning(child) ? `no answer in ${START_TIMEOUT / 1000} s` : 'it ended';
    await this.kill();
    throw this.#failure(why, from);
  }

  #log(from: number): string {
    return readFileSync(this.logFile).subarray(from).toString();
  }

  #failure(why: string, from: number): Error {
    const lines = this.#log(from)
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('\tat '));
    const tail = lines.slice(-20).join('\n');
    return new Error(`the Kafka node at ${this.address} did not start: ${why}. Its log ends:\n${tail}`);
  }
}

/** Warnings and errors on stderr, and the one line that tells that the broker is up. */
const logging = Object.entries({
  defaultLogLevel: 'warn',
  'log.kafka.server.KafkaRaftServer': 'info',
  showDateTime: 'true',
  dateTimeFormat: 'HH:mm:ss.SSS',
}).map(([name, value]) => `-Dorg.slf4j.simpleLogger.${name}=${value}`);

function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return (
    child !== undefined && child.pid !== undefined && child.exitCode === null && child.signalCode === null
  );
}
