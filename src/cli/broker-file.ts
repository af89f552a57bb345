/**
 * How a running `callstream broker` is found: its address is in a file under the temp folder, one a
 * user. That folder is everyone's, so a file counts only when its owner alone could have written it.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { UsageError } from './usage-error.js';

export interface RunningBroker {
  /** As `127.0.0.1:40123`. */
  readonly brokers: string;
  readonly pid: number;
}

/**
 * Milliseconds in which a local broker takes a connection, or isn't there: one whose queue of them is full, on a
 * busy machine, takes it when the kernel asks again, after 1 s or 3 s. A port that has gone refuses at once.
 */
const PROBE = 5_000;

export function brokerFile(): string {
  return join(tmpdir(), `callstream-broker-${process.getuid?.() ?? userInfo().username}.json`);
}

/** The broker that the file tells of, if its process lives and takes connections. */
export async function findBroker(file = brokerFile()): Promise<RunningBroker | undefined> {
  const broker = readBrokerFile(file);
  return broker !== undefined && lives(broker.pid) && (await answers(broker.brokers)) ? broker : undefined;
}

/** What the file says; undefined where there is none, or none to be trusted. */
export function readBrokerFile(file = brokerFile()): RunningBroker | undefined {
  let descriptor: number;
  try {
    // No symbolic link, and no wait for the writer of a pipe.
    descriptor = openSync(
      file,
      constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    );
  } catch {
    return undefined;
  }
  try {
    const { uid, mode, size } = fstatSync(descriptor);
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    const own = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0);
    return isFile && own && size < 1_000 ? parse(readFileSync(descriptor, 'utf8')) : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function parse(text: string): RunningBroker | undefined {
  try {
    const { brokers, pid } = JSON.parse(text);
    const valid = /^[\w.-]+:\d{1,5}(,[\w.-]+:\d{1,5})*$/.test(brokers) && Number.isInteger(pid) && pid > 0;
    return valid ? { brokers, pid } : undefined;
  } catch {
    return undefined;
  }
}

/** Leaves the address of this process's broker; one left by a process that has gone is replaced. */
export async function writeBrokerFile(brokers: string, file = brokerFile()): Promise<void> {
  const create = () =>
    writeFileSync(file, JSON.stringify({ brokers, pid: process.pid }), { flag: 'wx', mode: 0o600 });
  try {
    create();
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannot(file, error);
  }
  await assertNoBroker(file);
  try {
    rmSync(file);
    create();
  } catch (error) {
    throw cannot(file, error);
  }
}

/** Refuses to go on beside another broker of this user. */
export async function assertNoBroker(file = brokerFile()): Promise<void> {
  const other = await findBroker(file);
  if (other === undefined) return;
  throw new UsageError(`a broker is running already: ${other.brokers} (process ${other.pid})`);
}

/** Removes the file, unless it tells of another process by now. */
export function removeBrokerFile(file = brokerFile()): void {
  if (readBrokerFile(file)?.pid === process.pid) rmSync(file, { force: true });
}

function cannot(file: string, error: unknown): UsageError {
  const { code = 'failed' } = error as NodeJS.ErrnoException;
  return new UsageError(`${file}: can't be written (${code}); remove it, or set TMPDIR to a folder of yours`);
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The number of a process that has gone may be another's by now: only a port that opens is a broker. */
function answers(brokers: string): Promise<boolean> {
  const [host, port] = brokers.split(',', 1).join().split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: PROBE });
    const end = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}
