/**
 * connect(): opens Kafka and the inbox, then hands out clients and servers that share them. The
 * defaults of all options are set here; everything below is told what to do.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Observable } from 'rxjs';
import { type ConnectionSettings, connectionSettings, HOUR, serverSettings } from './connection-settings.js';
import { checkServiceName, decode, encode, explain, type Methods, type Service } from './contract.js';
import { codecs } from './jsonrpc/codec.js';
import { brokerList } from './kafka/broker-list.js';
import { openKafka } from './kafka/librdkafka.js';
import { type Kafka, KafkaError, type KafkaStatus, type TopicPartition } from './kafka/port.js';
import { topicsOf } from './kafka/topic.js';
import type { Topics } from './kafka/topic-api.js';
import type { CloseOptions, ConnectOptions, ServeOptions } from './options.js';
import { Broadcast } from './rpc/broadcast.js';
import type { ServerStats } from './rpc/call-host.js';
import { ServiceClient } from './rpc/client.js';
import type { Client, ClientOptions, UntypedClient } from './rpc/client-api.js';
import { Coalescer } from './rpc/coalesce.js';
import { Correlation, type Link } from './rpc/correlation.js';
import { CalledDialects } from './rpc/dialects/called.js';
import { ServedDialects } from './rpc/dialects/served.js';
import { openrpcOf } from './rpc/discovery/openrpc.js';
import { contractEntries, type Handlers, type Target, targetEntries } from './rpc/dispatch.js';
import { Inbox } from './rpc/inbox.js';
import { checked } from './rpc/middleware/chain.js';
import type { ConnectionStats } from './rpc/middleware/metrics.js';
import { MiddlewareClient } from './rpc/middleware/middleware-client.js';
import { middlewareEntries } from './rpc/middleware/middleware-entries.js';
import { milliseconds } from './rpc/options.js';
import { OwnTopics } from './rpc/own-topics.js';
import { Route } from './rpc/route.js';
import { RunningCalls } from './rpc/running.js';
import { ServiceServer } from './rpc/server.js';
import { closeStore, storedEntries } from './rpc/store/stored-entries.js';

/** A service that is being served. */
export interface Server {
  readonly service: string;
  readonly stats: Readonly<ServerStats>;
  /** Handlers at work, calls that wait for their turn, open streams. */
  readonly load: { readonly running: number; readonly queued: number; readonly streams: number };
  /** Takes no more requests, lets the running ones finish, answers, commits, leaves the group. Idempotent. */
  close(options?: CloseOptions): Promise<void>;
}

/** A way to Kafka that clients and servers share. */
export interface Connection extends Topics {
  /** The brokers in use, as `host:port`. */
  readonly brokers: string;
  /** Its name on the wire: the correlation id of its requests. */
  readonly instance: string;
  /** The partition in which its answers arrive. */
  readonly inbox: TopicPartition;
  /** True on an embedded cluster, in this process or another. */
  readonly embedded: boolean;
  /** `connected`, `reconnecting`, `closed`, with reasons; replays the latest, completes after `closed`. */
  readonly status$: Observable<KafkaStatus>;
  /** What its calls and its inbox have come to, read when it is asked for. */
  readonly stats: ConnectionStats;
  /** The servers that it has open. */
  readonly servers: ReadonlySet<Server>;
  /** Calls a service by its contract, or by its name alone. */
  client<M extends Methods>(service: Service<M>, options?: ClientOptions): Client<M>;
  client(service: string, options?: ClientOptions): UntypedClient;
  /**
   * Serves a contract's methods, or by name: the functions of an object or module, the methods of a
   * class's instance. Resolves when it is in position: a call made from then on is handled.
   */
  serve<M extends Methods>(
    service: Service<M>,
    handlers: Handlers<M>,
    options?: ServeOptions<keyof M & string>,
  ): Promise<Server>;
  serve(service: string, target: Target, options?: ServeOptions): Promise<Server>;
  /** Closes its servers, ends every pending call, disconnects. Idempotent. */
  close(options?: CloseOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a connection. Rejects with a KafkaError where no broker answers in time, or where the inbox
 * topic is missing and may not be created.
 *
 * @example
 * const connection = await connect({ brokers: 'localhost:9092' });
 * await connection.serve('test', { echo: (text) => `RPC ${text}!` });
 * console.log(await connection.client('test').call('echo', ['hi'])); // RPC hi!
 * await connection.close();
 */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const settings = connectionSettings(options);
  const kafka = options.kafka ?? (await open(options));
  try {
    return await KafkaConnection.open(kafka, settings);
  } catch (error) {
    await kafka.close();
    throw error;
  }
}

async function open(options: ConnectOptions): Promise<Kafka> {
  const brokers = brokerList(options.brokers ?? process.env.KAFKA_BROKERS);
  const kafka = await openKafka({
    brokers,
    properties: options.librdkafka,
    connectTimeout: milliseconds('connectTimeout', options.connectTimeout ?? 10_000),
    clientId: options.clientId ?? 'callstream',
  });
  if (brokers === undefined) {
    process.stderr.write(
      `callstream: no brokers given and KAFKA_BROKERS not set: embedded cluster at ${kafka.brokers}, for as long as this process runs\n`,
    );
  }
  return kafka;
}

class KafkaConnection implements Connection {
  readonly topic: Topics['topic'];
  readonly topics: Topics['topics'];
  readonly topicNames: Topics['topicNames'];
  readonly #kafka: Kafka;
  readonly #settings: ConnectionSettings;
  readonly #own: OwnTopics;
  readonly #inbox: Inbox;
  readonly #correlation: Correlation;
  readonly #coalescer: Coalescer;
  readonly #running = new RunningCalls();
  readonly #links = new Map<string, Link & { readonly route: Route }>();
  readonly #dialects: CalledDialects;
  readonly servers = new Set<Server>();
  #closing: Promise<void> | undefined;

  static async open(kafka: Kafka, settings: ConnectionSettings): Promise<KafkaConnection> {
    const { topic, partitions, retention } = settings.inbox;
    const own = new OwnTopics(kafka, settings.onIssue);
    await own.create(topic, partitions, retention);
    const size = (await kafka.partitions(topic)) ?? partitions;
    const peer = { topic, partition: randomInt(size), instance: randomBytes(9).toString('base64url') };
    const inbox = await Inbox.open(kafka, peer, (cause) =>
      settings.onIssue({ kind: 'kafka', message: cause.message, cause }),
    );
    return new KafkaConnection(kafka, settings, own, inbox);
  }

  private constructor(kafka: Kafka, settings: ConnectionSettings, own: OwnTopics, inbox: Inbox) {
    this.#kafka = kafka;
    this.#settings = settings;
    this.#own = own;
    const topics = topicsOf(kafka, { codecs, decode, encode, explain }, settings.onIssue);
    this.topic = topics.topic;
    this.topics = topics.topics;
    this.topicNames = topics.topicNames;
    this.#inbox = inbox;
    this.#correlation = new Correlation(kafka.clock, settings.maxPending);
    this.#coalescer = new Coalescer(kafka, settings.coalesce);
    this.#dialects = new CalledDialects(
      this.#correlation,
      kafka,
      this.#coalescer,
      inbox.peer,
      settings.onIssue,
    );
    inbox.replies = this.#correlation;
    inbox.control = this.#running;
  }

  get brokers(): string {
    return this.#kafka.brokers;
  }

  get instance(): string {
    return this.#inbox.peer.instance;
  }

  get inbox(): TopicPartition {
    const { topic, partition } = this.#inbox.peer;
    return { topic, partition };
  }

  get embedded(): boolean {
    return this.#kafka.embedded;
  }

  get status$(): Observable<KafkaStatus> {
    return this.#kafka.status$;
  }

  get stats(): ConnectionStats {
    return { pending: this.#correlation.size, late: this.#correlation.late, ...this.#inbox.stats };
  }

  client<M extends Methods>(service: Service<M>, options?: ClientOptions): Client<M>;
  client(service: string, options?: ClientOptions): UntypedClient;
  client(service: string | Service, options: ClientOptions = {}): unknown {
    const name = checkServiceName(typeof service === 'string' ? service : service.name);
    const methods = typeof service === 'string' ? undefined : service.methods;
    const link =
      options.interop === undefined ? this.#link(name) : this.#dialects.link(name, options.interop);
    const { middleware } = options;
    return middleware === undefined
      ? new ServiceClient(name, methods, link, options)
      : new MiddlewareClient(name, methods, link, { ...options, middleware });
  }

  async serve(service: string | Service, target: object, options: ServeOptions = {}): Promise<Server> {
    if (this.#closing !== undefined) throw new KafkaError('closed', 'the connection is closed');
    const name = checkServiceName(typeof service === 'string' ? service : service.name);
    const handlers =
      typeof service === 'string' ? targetEntries(target) : contractEntries(service.methods, target);
    const { requests: { partitions = 4, retention = HOUR } = {}, replies = {} } = options;
    checked(options.middleware ?? []);
    const served = { name, methods: [...handlers.keys()] };
    const dialects = new ServedDialects(served, options.interop);
    const document = () => openrpcOf(service, handlers.keys());
    const settings = serverSettings(served, options, dialects, document, this.#settings);
    let opened: ServiceServer | undefined;
    const again = () => opened?.rejoin();
    await Promise.all([
      this.#own.create(settings.requestsTopic, partitions, retention, again),
      this.#own.create(settings.repliesTopic, replies.partitions ?? 4, replies.retention ?? HOUR),
      ...dialects.created.map((asked) =>
        this.#own.create(asked.topic, asked.partitions ?? partitions, retention, again),
      ),
    ]);
    const [kafka, { onIssue }] = [this.#kafka, settings];
    const store = await options.store?.open({ service: name, kafka, onIssue });
    try {
      const entries = middlewareEntries(name, storedEntries(handlers, store, onIssue), options.middleware);
      const context = { kafka, coalescer: this.#coalescer, inbox: this.#inbox, running: this.#running };
      opened = await ServiceServer.open(name, entries, settings, context);
    } catch (error) {
      await closeStore(store, onIssue);
      throw error;
    }
    const server: Server = {
      service: name,
      stats: opened.stats,
      get load() {
        return opened.load;
      },
      close: async (options) => {
        const drain = drainOf(options);
        try {
          await opened.close(drain);
        } finally {
          this.servers.delete(server);
          this.#own.disown(again);
          await closeStore(store, onIssue);
        }
      },
    };
    this.servers.add(server);
    return server;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    drainOf(options);
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Servers first: their handlers may still call others through this connection. */
  async #close(options: CloseOptions): Promise<void> {
    await Promise.all([...this.servers].map((server) => server.close(options)));
    this.#correlation.close();
    for (const { route } of this.#links.values()) route.close();
    this.#dialects.close();
    this.#coalescer.flush();
    await this.#inbox.close();
    await this.#kafka.close();
  }

  /** One a service: all its clients' calls share records. */
  #link(service: string): Link {
    let link = this.#links.get(service);
    if (link === undefined) {
      const { codec, lease } = this.#settings;
      const { peer } = this.#inbox;
      const [kafka, coalescer] = [this.#kafka, this.#coalescer];
      link = {
        correlation: this.#correlation,
        route: new Route(kafka, coalescer, `${service}.requests`, codec, peer),
        broadcast: new Broadcast(kafka, coalescer, service, codec, peer),
        lease,
      };
      this.#links.set(service, link);
    }
    return link;
  }
}

function drainOf({ drain = 5_000 }: CloseOptions = {}): number {
  return milliseconds('drain', drain, 0);
}
