// What a broker needs from the machine: a Java runtime, and Kafka's jars, which Maven copies into
// .kafka/libs once for every later run.
import { execFile, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const POM = fileURLToPath(new URL('pom.xml', import.meta.url));
const STORE = fileURLToPath(new URL('../../../.kafka', import.meta.url));
const LIBS = join(STORE, 'libs');
const LOCK = join(STORE, 'lock');
const LOCK_LIMIT = 600_000;

/** The machine lacks a program that a broker needs. */
export class MissingProgram extends Error {}

/** A Java runtime with Kafka on its class path. */
export interface Java {
  readonly program: string;
  readonly classPath: string;
  /** Runs one of Kafka's tools to its end and returns what it printed. */
  run(className: string, ...args: string[]): Promise<string>;
}

/** For tools, whose time goes into their start: no optimizing compiler. */
export const shortLived = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

export async function findJava(): Promise<Java> {
  const program = findProgram();
  const classPath = await findJars();
  // A tool's time goes into its start: no optimizing compiler.
  const flags = [
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  ];
  const run = async (className: string, ...args: string[]) =>
    (await promisify(execFile)(program, [...flags, '-cp', classPath, className, ...args])).stdout;
  return { program, classPath, run };
}

/** The path of a Java runtime, 17 or newer. */
function findProgram(): string {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  const answer = spawnSync(java, ['-version'], { encoding: 'utf8' });
  if (answer.error) throw new MissingProgram('Java 17 or newer is needed to run Kafka: no java was found.');
  const version = Number(/version "(?:1\.)?(\d+)/.exec(answer.stderr)?.[1] ?? 0);
  if (version < 17)
    throw new MissingProgram(`Java 17 or newer is needed to run Kafka: ${java} is ${version}.`);
  return java;
}

/** The class path of Kafka's jars; copies them first where they are missing or belong to another pom. */
async function findJars(): Promise<string> {
  const classPath = join(LIBS, '*');
  if (isCurrent()) return classPath;
  mkdirSync(STORE, { recursive: true });
  await lock();
  try {
    if (!isCurrent()) copyJars();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
  return classPath;
}

/** The jars carry the pom they came from. */
function isCurrent(): boolean {
  const stamp = join(LIBS, 'pom.xml');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === readFileSync(POM, 'utf8');
}

/** Whole or not at all: the jars gather in a folder of their own, which takes its name at the end. */
function copyJars(): void {
  const folder = join(STORE, `libs-${process.pid}`);
  process.stderr.write("copying Kafka's jars into .kafka/libs (once, about 54 MB)\n");
  try {
    const goal = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
    const maven = spawnSync('mvn', goal, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    if (maven.error) throw new MissingProgram("Maven is needed to fetch Kafka's jars: no mvn was found.");
    if (maven.status !== 0)
      throw new Error(`mvn could not copy Kafka's jars:\n${maven.stdout}${maven.stderr}`);
    cpSync(POM, join(folder, 'pom.xml'));
    rmSync(LIBS, { recursive: true, force: true });
    renameSync(folder, LIBS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits for the lock, a folder with its owner's pid in it; one whose owner is gone is taken away. */
async function lock(): Promise<void> {
  for (let waits = 0; ; waits++) {
    try {
      mkdirSync(LOCK);
      writeFileSync(join(LOCK, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await sleep(200);
    // A lock without a pid is one being made; after some seconds its maker must be gone too.
    if (waits % 25 === 24 && !ownerLives()) rmSync(LOCK, { recursive: true, force: true });
  }
}

function ownerLives(): boolean {
  try {
    if (Date.now() - statSync(LOCK).mtimeMs > LOCK_LIMIT) return false;
    process.kill(Number(readFileSync(join(LOCK, 'pid'), 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}
