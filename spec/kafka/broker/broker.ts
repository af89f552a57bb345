// A real Apache Kafka for specs and benchmarks: one or three nodes on 127.0.0.1, gone without a trace at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findJava, type Java } from './java.js';
import { KafkaNode } from './node.js';

export interface KafkaOptions {
  readonly brokers?: 1 | 3;
  /** The first node's port; a free one by default. */
  readonly port?: number;
  /** Keeps the data here for a later start; by default a temporary folder that goes at the end. */
  readonly directory?: string;
  /** Broker settings over the defaults below. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}

/** Starts a cluster and resolves when every broker answers. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const { brokers = 1, port, directory, properties } = options;
  const java = await findJava();
  const ports = await freePorts(2 * brokers, port);
  const clients = ports.slice(0, brokers).map(local);
  const controllers = ports.slice(brokers).map(local);
  const folder =
    directory === undefined ? mkdtempSync(join(tmpdir(), 'callstream-kafka-')) : resolve(directory);
  mkdirSync(folder, { recursive: true });
  const clusterId = randomBytes(16).toString('base64url');
  const nodes = clients.map(
    (address, index) =>
      new KafkaNode({
        java,
        clusterId,
        address,
        heap: brokers === 1 ? '512m' : '400m',
        folder: join(folder, `node-${index + 1}`),
        properties: { ...settings(index, address, controllers), ...properties },
      }),
  );
  const cluster = new KafkaCluster(nodes, java, folder, directory === undefined);
  try {
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

export class KafkaCluster {
  /** The bootstrap list that clients connect to. */
  readonly bootstrap: string;
  readonly nodes: readonly KafkaNode[];
  readonly #java: Java;
  readonly #guard: ChildProcess;
  readonly #temporary: boolean;

  constructor(nodes: readonly KafkaNode[], java: Java, folder: string, temporary: boolean) {
    this.nodes = nodes;
    this.bootstrap = nodes.map((node) => node.address).join();
    this.#java = java;
    this.#temporary = temporary;
    this.#guard = startGuard(folder, temporary);
  }

  /** Runs one of Kafka's command line tools, `org.apache.kafka.tools.TopicCommand` say, on this cluster. */
  tool(className: string, ...args: string[]): Promise<string> {
    return this.#java.run(className, '--bootstrap-server', this.bootstrap, ...args);
  }

  /** Ends every node. Data that is kept is closed with care; data that goes needs none. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => (this.#temporary ? node.kill() : node.stop())));
    if (this.#guard.exitCode !== null || this.#guard.signalCode !== null) return;
    this.#guard.ref();
    const gone = once(this.#guard, 'exit');
    this.#guard.stdin?.end();
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function settings(index: number, address: string, controllers: readonly string[]) {
  const replicas = controllers.length;
  return {
    'process.roles': 'broker,controller',
    'node.id': index + 1,
    'controller.quorum.voters': controllers.map((controller, i) => `${i + 1}@${controller}`).join(),
    listeners: `PLAINTEXT://${address},CONTROLLER://${controllers[index]}`,
    'advertised.listeners': `PLAINTEXT://${address}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    'default.replication.factor': replicas,
    'min.insync.replicas': replicas === 1 ? 1 : 2,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': replicas === 1 ? 1 : 2,
    'transaction.state.log.num.partitions': 5,
  };
}

/**
 * A shell that waits for the end of its input, which comes at stop() and however this process ends,
 * then kills what runs and clears the folder.
 */
function startGuard(folder: string, temporary: boolean): ChildProcess {
  const script = `cat >/dev/null
    for file in "$1"/node-*/pid; do [ -f "$file" ] && kill -KILL "$(cat "$file")"; done 2>/dev/null
    for try in 1 2 3 4 5 6 7 8 9; do
      [ "$2" = true ] && ! rm -rf -- "$1" 2>/dev/null || break
      sleep 0.1
    done`;
  const guard = spawn('sh', ['-c', script, 'guard', folder, String(temporary)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  (guard.stdin as Socket).unref();
  return guard;
}

/**
 * Ports below the range that outgoing connections take theirs from: there, a client that tries again and
 * again to reach a stopped broker could end up connected to itself, on the broker's port.
 */
async function freePorts(count: number, first?: number): Promise<number[]> {
  const ports = new Set(first === undefined ? [] : [first]);
  while (ports.size < count) {
    const port = randomInt(15_000, 32_000);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer().once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

const local = (port: number) => `127.0.0.1:${port}`;
