/** What the shell knows of services: their names, and their methods by discovery. Completion and `methods` read it. */
import { setTimeout } from 'node:timers/promises';
import { isRight } from 'fp-ts/lib/Either.js';
import type { OpenRpcMethod } from '../../index.js';
import { documentOf } from './openrpc.js';

export type Methods = ReadonlyMap<string, OpenRpcMethod>;

/** Services that are known at once; the one added first is forgotten. */
const MAX_SERVICES = 1_000;
/** Milliseconds for which an answer counts: a service may be deployed anew. */
const FRESH = 30_000;
/** The same of silence, so that not every Tab waits. */
const FRESH_SILENCE = 5_000;

/** The same of the list of topics, and how long whoever types waits for it. */
const FRESH_LIST = 3_000;
const LIST_TIMEOUT = 1_000;
/** Milliseconds for which the same wait for what a service offers. */
const DISCOVERY = 1_000;

interface Known {
  until: number;
  readonly methods: Promise<Methods | undefined>;
}

/** Where it learns of them. */
export interface Sources {
  /** What a service says it offers; rejects where nobody answers within so many milliseconds. */
  discover(service: string, timeout: number): Promise<unknown>;
  /** The topics of the cluster; rejects where they aren't told. */
  topicNames(): Promise<readonly string[]>;
}

const REQUESTS = '.requests';

export class Catalogue {
  /** Those that were used, called or served here. */
  readonly #names = new Set<string>();
  /** Those whose topic there is. */
  #listed: ReadonlySet<string> = new Set();
  #asked: Promise<void> = Promise.resolve();
  /** The same for whoever types: ends in time, whatever comes. */
  #listing: Promise<void> = Promise.resolve();
  #listedUntil = 0;
  readonly #known = new Map<string, Known>();
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** In the order of the alphabet. What the cluster doesn't tell in time, or at all, stays as it was. */
  async services(): Promise<readonly string[]> {
    this.#list();
    await this.#listing;
    return this.#all();
  }

  /** The same, however long the cluster takes; rejects where it doesn't tell. */
  async list(): Promise<readonly string[]> {
    this.#list();
    await this.#asked;
    return this.#all();
  }

  async has(service: string): Promise<boolean> {
    if (this.#names.has(service)) return true;
    this.#list();
    await this.#listing;
    return this.#listed.has(service);
  }

  add(service: string): void {
    this.#names.add(service);
    if (this.#names.size <= MAX_SERVICES) return;
    const [oldest = ''] = this.#names;
    this.#names.delete(oldest);
  }

  /** Its methods are asked for again. */
  forget(service: string): void {
    this.#known.delete(service);
  }

  /** Undefined where nobody answers within so many milliseconds. Never rejects. */
  describe(service: string, timeout = DISCOVERY): Promise<Methods | undefined> {
    const known = this.#known.get(service);
    if (known !== undefined && performance.now() < known.until) return known.methods;
    const methods = this.#sources
      .discover(service, timeout)
      .then(methodsOf)
      // A document that nobody can read, or too deep to be read, is none.
      .catch(() => undefined);
    const asked: Known = { until: Number.POSITIVE_INFINITY, methods };
    methods.then((found) => {
      asked.until = performance.now() + (found === undefined ? FRESH_SILENCE : FRESH);
      if (found !== undefined) this.add(service);
    });
    this.#known.delete(service);
    this.#known.set(service, asked);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_SERVICES && oldest !== undefined) this.#known.delete(oldest);
    return methods;
  }

  #all(): readonly string[] {
    return [...new Set([...this.#listed, ...this.#names])].sort();
  }

  #list(): void {
    if (performance.now() < this.#listedUntil) return;
    this.#listedUntil = performance.now() + FRESH_LIST;
    this.#asked = this.#sources.topicNames().then((names) => {
      const services = names.filter((name) => name.endsWith(REQUESTS));
      this.#listed = new Set(services.map((name) => name.slice(0, -REQUESTS.length)));
    });
    const inTime = setTimeout(LIST_TIMEOUT, undefined, { ref: false });
    this.#listing = Promise.race([this.#asked, inTime]).catch(() => {});
  }
}

function methodsOf(answer: unknown): Methods | undefined {
  const decoded = documentOf(answer);
  return isRight(decoded) ? new Map(decoded.right.methods.map((method) => [method.name, method])) : undefined;
}
