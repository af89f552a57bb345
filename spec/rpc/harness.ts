/**
 * Connections over one MemoryBroker on virtual time, and a raw peer: somebody who speaks to them in
 * records alone.
 */
import { expect } from 'chai';
import type { Observable, Subscription } from 'rxjs';
import { type Connection, connect } from '../../src/connection.js';
import type { Methods } from '../../src/contract.js';
import { codecs } from '../../src/jsonrpc/codec.js';
import { RpcError } from '../../src/jsonrpc/error.js';
import type { ConsumerRecord, Kafka } from '../../src/kafka/port.js';
import type { ConnectOptions } from '../../src/options.js';
import { ServiceClient } from '../../src/rpc/client.js';
import type { ClientOptions } from '../../src/rpc/client-api.js';
import { Coalescer, DEFAULT_LIMITS, type Limits } from '../../src/rpc/coalesce.js';
import { Correlation } from '../../src/rpc/correlation.js';
import { Inbox } from '../../src/rpc/inbox.js';
import { Route } from '../../src/rpc/route.js';
import type { ServerIssue } from '../../src/rpc/server-settings.js';
import { MemoryBroker, type MemoryBrokerOptions, VirtualClock } from '../../src/testing/index.js';

export const INBOX = 'callstream.inbox';

export class Bench {
  readonly clock = new VirtualClock();
  readonly broker: MemoryBroker;
  /** What no caller was told of. */
  readonly issues: ServerIssue[] = [];
  readonly #open = new Map<Connection, Kafka>();
  readonly #bare: (() => Promise<void>)[] = [];

  constructor(options: MemoryBrokerOptions = {}) {
    this.broker = new MemoryBroker({ clock: this.clock, ...options });
  }

  async connect(options: ConnectOptions = {}, skew = 0): Promise<Connection> {
    const kafka = this.broker.connect({ skew });
    const onIssue = (issue: ServerIssue) => this.issues.push(issue);
    const connection = await this.until(connect({ kafka, onIssue, ...options }));
    this.#open.set(connection, kafka);
    return connection;
  }

  kafkaOf(connection: Connection): Kafka {
    return this.#open.get(connection) as Kafka;
  }

  /** SIGKILL. */
  kill(connection: Connection): void {
    this.broker.kill(this.kafkaOf(connection));
    this.#open.delete(connection);
  }

  until<T>(promise: PromiseLike<T>): Promise<T> {
    return this.clock.until(promise);
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** A client put together by hand, so that its parts can be looked at. */
  async bareClient(
    service: string,
    options: {
      readonly methods?: Methods;
      readonly client?: ClientOptions;
      readonly maxPending?: number;
      readonly lease?: number;
      readonly limits?: Partial<Limits>;
      readonly codec?: 'json' | 'msgpack';
      readonly partition?: number;
    } = {},
  ) {
    const kafka = this.broker.connect();
    this.broker.createTopic(INBOX, 16);
    const peer = { topic: INBOX, partition: options.partition ?? 15, instance: `bare-${this.#bare.length}` };
    const inbox = await this.until(Inbox.open(kafka, peer, () => {}));
    const correlation = new Correlation(kafka.clock, options.maxPending ?? 1_000);
    inbox.replies = correlation;
    const coalescer = new Coalescer(kafka, { ...DEFAULT_LIMITS, ...options.limits });
    const route = new Route(kafka, coalescer, `${service}.requests`, codecs[options.codec ?? 'json'], peer);
    const link = { correlation, route, lease: options.lease ?? 15_000 };
    const client = new ServiceClient(service, options.methods, link, options.client);
    this.#bare.push(async () => {
      correlation.close();
      expect(correlation.size, 'calls left').to.equal(0);
      route.close();
      coalescer.flush();
      await inbox.close();
      await kafka.close();
    });
    return { client, correlation, route, coalescer, inbox, kafka, peer };
  }

  /** Closes everything; nothing may be left. */
  async close(): Promise<void> {
    const closing = [...this.#open.keys()].map((connection) => connection.close({ drain: 50 }));
    await this.until(Promise.all([...closing, ...this.#bare.map((close) => close())]));
    await this.clock.settle();
    expect([this.clock.pending, this.broker.pending], 'timers and records left').to.deep.equal([0, 0]);
  }
}

/** What a test reads of a record. */
export interface Seen {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  /** In order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
  /** Decoded, whatever the codec. */
  readonly value: any;
}

export function seen(record: ConsumerRecord): Seen {
  const headers = record.headers.flatMap((header) =>
    Object.entries(header).map(([name, value]) => [name, String(value)] as const),
  );
  const type = headers.find(([name]) => name === 'content-type')?.[1];
  const bytes = record.value ?? Buffer.from('null');
  const decoded = codecs[type === 'application/msgpack' ? 'msgpack' : 'json'].decode(bytes);
  return {
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    key: record.key === null ? null : String(record.key),
    headers,
    text: bytes.toString(),
    value: decoded._tag === 'Right' ? decoded.right : undefined,
  };
}

export const headerOf = (record: Seen, name: string) => record.headers.find(([it]) => it === name)?.[1];

export interface RawRecord {
  readonly topic: string;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string | Buffer>>;
  /** A string or Buffer as it is, anything else as JSON. */
  readonly value: unknown;
  readonly key?: string;
  readonly timestamp?: number;
}

/** Speaks Kafka and JSON-RPC, and is not callstream. */
export class RawPeer {
  readonly #bench: Bench;
  readonly id: string;
  readonly partition: number;

  constructor(bench: Bench, id = 'raw-peer', partition = 5) {
    this.#bench = bench;
    this.id = id;
    this.partition = partition;
  }

  /** Headers of its requests. */
  get address(): Record<string, string> {
    return {
      kafka_replyTopic: INBOX,
      kafka_replyPartition: String(this.partition),
      kafka_correlationId: this.id,
    };
  }

  /** The same, of one that knows callstream. */
  get callstream(): Record<string, string> {
    return { ...this.address, 'content-type': 'application/json', 'callstream-version': '1' };
  }

  append({ topic, partition = 0, headers = {}, value, key, timestamp }: RawRecord): number {
    const bytes =
      value === null || Buffer.isBuffer(value)
        ? value
        : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    return this.#bench.broker.append({
      topic,
      partition,
      value: bytes,
      key: key ?? null,
      headers: Object.entries(headers).map(([name, content]) => ({ [name]: content })),
      timestamp: timestamp ?? this.#bench.clock.now(),
    }).offset;
  }

  /** One message or batch to a service, with its own address. */
  request(service: string, value: unknown, headers: Record<string, string> = this.address): number {
    return this.append({ topic: `${service}.requests`, value, headers });
  }

  /** All records of a topic, those addressed to this peer where it is the inbox topic. */
  records(topic = INBOX): Seen[] {
    const all = this.#bench.broker.records(topic).map(seen);
    return topic === INBOX ? all.filter((it) => headerOf(it, 'kafka_correlationId') === this.id) : all;
  }

  /** The messages in these records, batches taken apart. */
  messages(topic = INBOX): any[] {
    return this.records(topic).flatMap(({ value }) => value);
  }

  /** Requests and control messages to a service, in order of partition and offset. */
  requests(service: string): any[] {
    return this.messages(`${service}.requests`);
  }

  /** As a server: a record for the inbox that a request's headers name. */
  reply(to: Seen, value: unknown, instance = 'server-1', headers: Record<string, string> = {}): void {
    this.append({
      topic: headerOf(to, 'kafka_replyTopic') ?? INBOX,
      partition: Number(headerOf(to, 'kafka_replyPartition')),
      value,
      headers: {
        kafka_correlationId: headerOf(to, 'kafka_correlationId') ?? '',
        'content-type': 'application/json',
        'callstream-inbox': `${INBOX}/${this.partition}/${instance}`,
        ...headers,
      },
    });
  }

  /** The control messages that this server, or another instance of it, got in its inbox. */
  control(instance = 'server-1'): any[] {
    return this.#bench.broker
      .records(INBOX)
      .map(seen)
      .filter((it) => headerOf(it, 'kafka_correlationId') === instance)
      .flatMap(({ value }) => value)
      .map(({ method, params }: any) => ({ method, ...params }));
  }
}

export const ok = (id: unknown, result: unknown) => ({ jsonrpc: '2.0', result, id });
export const call = (id: unknown, method: string, params?: unknown, meta?: unknown) => ({
  jsonrpc: '2.0',
  method,
  params,
  id,
  meta,
});
export const notice = (method: string, params?: unknown) => ({ jsonrpc: '2.0', method, params });

/** An error in a few words: `RpcError -32601`, `Unknown timeout`. */
export function told(error: unknown): string {
  if (error instanceof RpcError) return `RpcError ${error.code}`;
  const { _tag, reason, message } = error as { _tag?: string; reason?: string; message: string };
  return _tag === undefined ? `untagged: ${message}` : `${_tag} ${reason}`;
}

/** The result of a call, or its error in a few words. */
export const ending = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then((result) => result, told);

/** The error of a call that fails. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<any> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a failure, got ${JSON.stringify(result)}`);
}

/** Items, then `'completed'` or the error in a few words. */
export interface Watched {
  readonly events: unknown[];
  error: any;
  readonly subscription: Subscription;
}

export function watch(source: Observable<unknown>): Watched {
  const events: unknown[] = [];
  const watched: Partial<{ -readonly [K in keyof Watched]: Watched[K] }> = { events };
  watched.subscription = source.subscribe({
    next: (item) => events.push(item),
    error: (error) => {
      watched.error = error;
      events.push(told(error));
    },
    complete: () => events.push('completed'),
  });
  return watched as Watched;
}

/** A Promise that is settled from outside. */
export class Gate<T = unknown> {
  readonly promise: Promise<T>;
  open!: (value: T) => void;
  fail!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.open = resolve;
      this.fail = reject;
    });
  }
}
