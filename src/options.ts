/** The options of connect() and serve(), each with its default and, where it is a bound, what happens at it. */
import type { Kafka } from './kafka/port.js';
import type { ServeInterop } from './rpc/dialects/table.js';
import type { ServerMiddleware } from './rpc/middleware/server-middleware.js';
import type { ServerIssue } from './rpc/server-settings.js';
import type { CallStore } from './rpc/store/call-store.js';

/** How a connection is opened, and its bounds. */
export interface ConnectOptions {
  /**
   * Where Kafka is, as `host:port`, several with commas or in an array.
   * @default the environment's KAFKA_BROKERS, else an embedded cluster in this process
   */
  readonly brokers?: string | readonly string[];
  /** The name that brokers log. @default 'callstream' */
  readonly clientId?: string;
  /** How messages are written; both are always read. @default 'json' */
  readonly codec?: 'json' | 'msgpack';
  /** Any librdkafka property by its name, as `security.protocol`: checked, and never shown in an error or a log. */
  readonly librdkafka?: Readonly<Record<string, string | number | boolean>>;
  /** Milliseconds until a broker must have answered. @default 10000 */
  readonly connectTimeout?: number;
  /** The topic for replies and control messages, created where it is missing. */
  readonly inbox?: {
    /** @default 'callstream.inbox' */
    readonly topic?: string;
    /** For a new topic; connections share them. @default 16 */
    readonly partitions?: number;
    /** For a new topic, in milliseconds. @default 600000 */
    readonly retention?: number;
  };
  /** Calls without an answer yet; at the bound a call fails at once as not sent. @default 100000 */
  readonly maxPending?: number;
  /** How the messages of one turn of the event loop share a record. */
  readonly coalesce?: {
    /** Messages in one record, at most. @default 200 */
    readonly maxCount?: number;
    /** Bytes of one record that holds several messages, at most. @default 262144 */
    readonly maxBytes?: number;
  };
  /** Milliseconds of silence after which the other end of a stream counts as gone; the same at all peers. @default 15000 */
  readonly lease?: number;
  /** Told of what went wrong and no caller hears of; what it throws is dropped. @default a line on stderr */
  readonly onIssue?: (issue: ServerIssue) => void;
  /** A Kafka that is open already, as `callstream/testing` has; then the options above on how to reach one don't apply. */
  readonly kafka?: Kafka;
}

/** How one method is served. */
export interface MethodOptions {
  /** Calls of the method at work at once, open streams included; further ones wait in a line of their own, and hold up no other method. @default no limit of its own */
  readonly concurrency?: number;
  /** Calls in that line; at the bound as `maxQueued` of the service. @default that of the service */
  readonly maxQueued?: number;
  /** As that of the service. @default that of the service */
  readonly orderBy?: 'key' | 'none';
}

/** How a service is served, and its bounds; `N` are the names of its methods. */
export interface ServeOptions<N extends string = string> {
  /** Handlers at work at once; further calls wait in line. @default 256 */
  readonly concurrency?: number;
  /** Limits of single methods, beside those of the service. @default none */
  readonly methods?: { readonly [M in N]?: MethodOptions };
  /**
   * `key`: calls with the same `key` run one after the other, in the order in which they came; a stream's turn lasts
   * until it ends. Other keys, and calls without one, run beside them. At most `maxQueued` calls wait behind one of
   * their key. @default 'none'
   */
  readonly orderBy?: 'key' | 'none';
  /** Calls in line; beyond it callstream's clients are refused with -32002, and at twice this reading stops. @default 10000 */
  readonly maxQueued?: number;
  /** The topic of the requests, created where it is missing. */
  readonly requests?: TopicOptions;
  /** The topic for answers to requests that name no reply topic, created where it is missing. */
  readonly replies?: TopicOptions;
  /** Topics that requests may name for their answers; others are refused. @default the inbox topic and the replies topic */
  readonly replyTopics?: readonly string[];
  /** Other kinds of callers that are answered too, on their topics and by their conventions; their reply topics join `replyTopics`. @default none */
  readonly interop?: ServeInterop;
  /** What each call passes through in its turn, before its handler; outermost first. @default none */
  readonly middleware?: readonly ServerMiddleware[];
  /** Answers `rpc.discover` and `rpc.statistics`, which pass no middleware, to whoever may send requests. @default true */
  readonly discovery?: boolean;
  /**
   * Where all instances of the service keep which calls with an `idempotencyKey` have run, as `topicStore()`; such a
   * call is claimed there in its turn, before its handler runs. A store that can't be asked refuses it with -32002.
   * @default none: each instance remembers its own
   */
  readonly store?: CallStore;
  /**
   * Commits requests before their handlers run, so that none runs on two instances: a crash loses what had
   * begun or waited. Records that came together share a commit; beyond `maxQueued` that wait for theirs,
   * reading stops. @default false: commits them once they are answered, so that none is lost
   */
  readonly atMostOnce?: boolean;
  /** Milliseconds that clocks may differ: a request is dropped only when it expired that long ago. @default 2000 */
  readonly clockTolerance?: number;
  /** Calls with an attempt or an idempotency key that are remembered until their deadline; beyond it more are refused with -32002. @default 100000 */
  readonly maxRemembered?: number;
  /** Milliseconds after which the group gives the partitions of a silent server away. @default 6000 */
  readonly sessionTimeout?: number;
  /** Milliseconds that a rebalance waits for the calls of the partitions it takes away. @default 3000 */
  readonly revokeTimeout?: number;
  /** Items of an Observable kept for a slower client; beyond it the stream ends with an error. @default 10000 */
  readonly maxBuffered?: number;
  /** Items of a stream that a peer without credit gets as one array; beyond it the call fails. @default 10000 */
  readonly maxCollected?: number;
  /** Streams open at once; beyond it a stream is refused with -32002. @default 16384 */
  readonly maxStreams?: number;
}

/** A topic that a service owns. */
export interface TopicOptions {
  /** @default the service's name with `.requests` or `.replies` */
  readonly topic?: string;
  /** For a new topic. @default 4 */
  readonly partitions?: number;
  /** For a new topic, in milliseconds. @default 3600000 */
  readonly retention?: number;
}

/** How something is closed. */
export interface CloseOptions {
  /** Milliseconds that running handlers, and the streams of other connections, may take to finish. @default 5000 */
  readonly drain?: number;
}
