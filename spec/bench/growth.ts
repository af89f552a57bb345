/**
 * How the cost of a call grows: with the payload, with servers in a group, with clients that share an
 * inbox topic. Each is a table; its last column names what was used up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { labelOf } from './contenders.js';
import { bytes, COMMON, common, type Figure } from './growth-table.js';
import type { CallLoad } from './load.js';
import { measureGroup, PAYLOAD } from './measure.js';
import { Worker } from './processes.js';
import { median } from './statistics.js';
import { table, whole } from './table.js';

const PAYLOADS = [64, 1_024, 16_384, 262_144];
const SERVERS = [1, 2, 4];
const CLIENTS = [1, 8, 64];
const IN_FLIGHT = 1_000;
/** Bytes of payload in flight, at most. */
const MOST_BYTES = 16 * 2 ** 20;
/** Client processes, at most; connections share them. */
const PROCESSES = 4;
/** Milliseconds for a group to settle after a server joined. */
const SETTLE = 4_000;
export interface GrowthOptions {
  readonly rounds: number;
  readonly milliseconds: number;
}

export class Growth {
  readonly #brokers: string;
  readonly #options: GrowthOptions;
  readonly #say: (line: string) => void;
  readonly #workers = new Set<Worker>();

  constructor(brokers: string, options: GrowthOptions, say: (line: string) => void) {
    this.#brokers = brokers;
    this.#options = options;
    this.#say = say;
  }

  async payloads(): Promise<{ text: string; figures: object[] }> {
    const names = ['bare', 'contracted'];
    const pairs = [];
    for (const name of names)
      pairs.push({ name, servers: [await this.#serve(name)], clients: [await this.#call(name)] });
    const figures = [];
    for (const payload of PAYLOADS) {
      const inFlight = Math.min(IN_FLIGHT, MOST_BYTES / payload);
      for (const { name, clients, servers } of pairs) {
        this.#say(`${labelOf(name)}, ${payload} bytes`);
        const figure = await this.#measure(clients, servers, inFlight, payload);
        figures.push({ payload, name, inFlight, ...figure });
      }
    }
    await this.#stopAll();
    const head = ['payload', 'contender', 'in flight', 'calls/s', 'MB/s', ...COMMON];
    const rows = figures.map((it) => [
      bytes(it.payload),
      labelOf(it.name),
      whole(it.inFlight),
      whole(it.callsPerSecond),
      whole((it.callsPerSecond * it.payload * 2) / 1e6),
      ...common(it),
    ]);
    return { text: table(head, rows, 2), figures };
  }

  async servers(): Promise<{ text: string; figures: object[] }> {
    const figures = [];
    for (const name of ['contracted', 'busy']) {
      const servers: Worker[] = [];
      const clients: Worker[] = [];
      for (const count of SERVERS) {
        this.#say(`${labelOf(name)}, ${count} servers`);
        while (servers.length < count) servers.push(await this.#serve(name));
        if (clients.length === 0) clients.push(await this.#call(name));
        await sleep(SETTLE);
        const figure = await this.#measure(clients, servers, IN_FLIGHT, PAYLOAD);
        figures.push({ count, name, ...figure });
      }
      await this.#stopAll();
    }
    const head = ['servers', 'contender', 'calls/s', ...COMMON];
    const rows = figures.map((it) => [
      String(it.count),
      labelOf(it.name),
      whole(it.callsPerSecond),
      ...common(it),
    ]);
    return { text: table(head, rows, 2), figures };
  }

  async clients(): Promise<{ text: string; figures: object[] }> {
    const servers = [await this.#serve('contracted')];
    const figures = [];
    for (const count of CLIENTS) {
      this.#say(`${count} clients`);
      const clients: Worker[] = [];
      const processes = Math.min(count, PROCESSES);
      for (let i = 0; i < processes; i += 1) clients.push(await this.#call('contracted', count / processes));
      const figure = await this.#measure(clients, servers, IN_FLIGHT, PAYLOAD);
      figures.push({ count, processes, ...figure });
      for (const client of clients) await this.#stop(client);
    }
    await this.#stopAll();
    const head = ['clients', 'processes', 'calls/s', ...COMMON];
    const rows = figures.map((it) => [
      String(it.count),
      String(it.processes),
      whole(it.callsPerSecond),
      ...common(it),
    ]);
    return { text: table(head, rows), figures };
  }

  #serve(name: string): Promise<Worker> {
    return this.#keep(Worker.start('serve', name, this.#brokers));
  }

  #call(name: string, connections = 1): Promise<Worker> {
    return this.#keep(Worker.start('call', name, this.#brokers, { connections }));
  }

  async #keep(starting: Promise<Worker>): Promise<Worker> {
    const worker = await starting;
    this.#workers.add(worker);
    return worker;
  }

  async #stop(worker: Worker): Promise<void> {
    this.#workers.delete(worker);
    await worker.stop();
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => this.#stop(worker)));
  }

  /** Medians over the rounds, after one that warms up. */
  async #measure(
    clients: readonly Worker[],
    servers: readonly Worker[],
    inFlight: number,
    payload: number,
  ): Promise<Figure> {
    const load: CallLoad = { kind: 'calls', inFlight, milliseconds: this.#options.milliseconds, payload };
    const rounds: Figure[] = [];
    for (let round = 0; round <= this.#options.rounds; round += 1) {
      const { total, machine } = await measureGroup(clients, servers, load);
      if (round > 0) rounds.push({ ...total, machine });
    }
    const [first] = rounds;
    const keys = Object.keys(first ?? {}) as (keyof Figure)[];
    return Object.fromEntries(
      keys.map((key) => [key, median(rounds.map((round) => Number(round[key])))]),
    ) as unknown as Figure;
  }
}
