/** The broker itself under random schedules: whatever happens to its clients, a group recovers. */
import { expect } from 'chai';
import type { Kafka } from '../../src/kafka/port.js';
import { MemoryBroker, seeded, VirtualClock } from '../../src/testing/index.js';
import { send } from './support.js';

const PARTITIONS = 5;
const SESSION = 300;

class Server {
  readonly kafka: Kafka;
  readonly owned = new Set<number>();
  readonly next = new Map<number, number>();
  impaired = 0;
  gone = false;

  constructor(broker: MemoryBroker, fail: (why: string) => void, saw: (key: string) => void) {
    this.kafka = broker.connect();
    const commit = (partitions: readonly number[]) =>
      consumer.then((it) =>
        it.commit(partitions.map((p) => ({ topic: 't', partition: p, offset: this.next.get(p) ?? 0 }))),
      );
    const consumer = this.kafka.subscribe(
      { group: 'g', topics: ['t'], from: 'earliest', sessionTimeout: SESSION, revokeTimeout: 50 },
      {
        onError: () => {},
        onAssigned: (partitions) => {
          if (this.owned.size > 0) fail('assigned before it was revoked');
          this.next.clear();
          for (const { partition } of partitions) this.owned.add(partition);
        },
        onRevoked: async (partitions, lost) => {
          for (const { partition } of partitions) this.owned.delete(partition);
          if (!lost) await commit([...this.next.keys()]);
        },
        onRecord: ({ partition, offset }) => {
          if (this.gone) fail('a record for the dead');
          if (!this.owned.has(partition)) fail('a record of a partition that is not its own');
          const expected = this.next.get(partition);
          if (expected !== undefined && offset !== expected) fail(`${offset} after ${expected - 1}`);
          this.next.set(partition, offset + 1);
          saw(`${partition}/${offset}`);
          if (offset % 3 === 0) commit([partition]).catch(() => {});
        },
      },
    );
    consumer.catch(() => {});
  }
}

async function run(seed: number): Promise<string[]> {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const clock = new VirtualClock();
  const broker = new MemoryBroker({ clock, random, latency: () => below(4) });
  broker.createTopic('t', PARTITIONS);
  broker.inject({ chance: 0.1, delay: () => below(30), deliveryDelay: () => below(30) });
  broker.inject({ chance: 0.05, duplicates: 1, duplicateAfter: () => below(20) });
  broker.inject({ chance: 0.05, report: 'written' });
  const failures: string[] = [];
  const fail = (why: string) => failures.push(`seed ${seed}: ${why}`);
  const seen = new Set<string>();
  const producer = broker.connect();
  const servers: Server[] = [];
  const pick = () => servers[below(servers.length)];
  const checkOwners = (strict: boolean) => {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const owners = servers.filter((it) => !it.gone && it.impaired === 0 && it.owned.has(partition)).length;
      if (owners > 1 || (strict && owners !== 1)) fail(`${owners} owners of ${partition} at ${clock.now()}`);
    }
  };
  /** Frozen or cut off, and a while after that, a server may think that it owns what it has lost. */
  const impair = async (server: Server, begin: () => void, end: () => void) => {
    server.impaired += 1;
    begin();
    await new Promise<void>((resolve) => clock.after(below(2 * SESSION), resolve));
    end();
    await new Promise<void>((resolve) => clock.after(SESSION + 100, resolve));
    server.impaired -= 1;
  };
  const actions: (() => unknown)[] = [
    () => servers.length < 6 && servers.push(new Server(broker, fail, (key) => seen.add(key))),
    () => broker.rebalance('g'),
    () => {
      const server = pick();
      if (server && !server.gone) {
        broker.kill(server.kafka);
        server.gone = true;
        servers.splice(servers.indexOf(server), 1);
      }
    },
    () => {
      const server = pick();
      if (server) {
        void server.kafka.close();
        servers.splice(servers.indexOf(server), 1);
      }
    },
    () => {
      const server = pick();
      if (server && server.impaired === 0) {
        void impair(
          server,
          () => broker.freeze(server.kafka),
          () => broker.thaw(server.kafka),
        );
      }
    },
    () => {
      const server = pick();
      if (server && server.impaired === 0) {
        void impair(
          server,
          () => broker.disconnect(server.kafka),
          () => broker.reconnect(server.kafka),
        );
      }
    },
  ];
  for (let step = 0; step < 60; step += 1) {
    send(producer, 't', below(PARTITIONS), `${step}`).catch(() => {});
    if (random() < 0.4) actions[below(actions.length)]?.();
    await clock.advance(below(60));
    checkOwners(false);
  }
  servers.push(new Server(broker, fail, (key) => seen.add(key)));
  await clock.advance(20 * SESSION);
  checkOwners(true);
  for (const { partition, offset } of broker.records('t')) {
    if (!seen.has(`${partition}/${offset}`)) fail(`${partition}/${offset} was never delivered`);
  }
  await clock.until(
    Promise.all([producer, ...servers.map(({ kafka }) => kafka)].map((kafka) => kafka.close())),
  );
  await clock.advance(2 * SESSION);
  const left = [clock.pending, broker.pending, broker.members('g').length];
  if (left.some((count) => count !== 0)) fail(`left: ${left}`);
  return failures;
}

describe('MemoryBroker: random schedules', () => {
  it('should recover: each record delivered, each partition with one owner, nothing left', async () => {
    const failures: string[] = [];
    for (let seed = 1; seed <= Number(process.env.SCHEDULES ?? 200); seed += 1)
      failures.push(...(await run(seed)));
    expect(failures).to.deep.equal([]);
  }).timeout(600_000);

  it('should be the same schedule for the same seed', async () => {
    const trace = async () => {
      const random = seeded(3);
      const clock = new VirtualClock();
      const broker = new MemoryBroker({ clock, random, latency: () => Math.floor(random() * 5) });
      broker.createTopic('t', 3);
      const log: string[] = [];
      const kafka = broker.connect();
      const handlers = {
        onError: () => {},
        onRecord: (it: { partition: number; offset: number }) =>
          log.push(`${clock.now()} ${it.partition}/${it.offset}`),
      };
      const from = [0, 1, 2].map((partition) => ({ topic: 't', partition, offset: 0 }));
      await clock.until(kafka.assign(from, handlers));
      for (let i = 0; i < 100; i += 1) void kafka.send({ topic: 't', partition: null, value: null });
      await clock.advance(1_000);
      return log;
    };
    const first = await trace();
    expect(first).to.have.length(100);
    expect(await trace()).to.deep.equal(first);
  });
});
