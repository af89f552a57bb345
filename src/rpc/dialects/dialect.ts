/**
 * What another kind of peer needs to be talked to: how its requests are recognised and answered, and
 * how its servers are called. The envelope speaks callstream's own records; whatever isn't one is
 * asked of these. Above: served.ts for servers, route.ts for clients. One file a dialect, one line in table.ts.
 */
import type { Either } from 'fp-ts/lib/Either.js';
import type { RpcError } from '../../jsonrpc/error.js';
import type { Notification, Request } from '../../jsonrpc/message.js';
import type { ConsumerRecord } from '../../kafka/port.js';
import type { Caller } from '../caller.js';
import type { Lane } from '../coalesce.js';
import type { Envelope, Peer } from '../envelope.js';

/** One kind of peer; `S` and `C` are the options for serving and for calling it. */
export interface Dialect<S, C> {
  /** Throws a TypeError that names the option which makes no sense. */
  serve(service: ServedService, options: S): ServerDialect;
  call(service: string, options: C, connection: Peer): ClientDialect;
}

/** The service as a dialect sees it. */
export interface ServedService {
  readonly name: string;
  /** The names of its methods. */
  readonly methods: readonly string[];
}

/** A topic, and how it is made where it is missing. */
export interface DialectTopic {
  readonly topic: string;
  /** @default as many as the service's own topic for requests */
  readonly partitions?: number;
  /** Topics for requests are always made, those for replies where this says so: else they are their readers' own. */
  readonly create?: boolean;
}

/** A server's side of a dialect. */
export interface ServerDialect {
  /** Read in the service's group, besides its own topic for requests. */
  readonly requests: readonly DialectTopic[];
  /** Topics that its callers may have their answers on. */
  readonly replies: readonly DialectTopic[];
  /** What a record asks for; undefined where it isn't of this dialect. */
  read(record: ConsumerRecord, envelope: Envelope): Asked | undefined;
}

/** A record of another dialect, as JSON-RPC. */
export interface Asked {
  /** A message or a batch; Left where the record's value can't be read. */
  readonly message: Either<RpcError, unknown>;
  readonly caller: Caller;
}

/** A client's side of a dialect. */
export interface ClientDialect {
  /** Where answers arrive; read from its end, all partitions where none is named. Created where it is missing. */
  readonly replies: { readonly topic: string; readonly partition?: number; readonly partitions: number };
  /** The topic of a method's requests. */
  topicOf(method: string): string;
  /** The way of a message: `id` is on the wire what its answer is known by, absent where none is wanted. */
  lane(message: Request | Notification, id: string | undefined, key: string | undefined): Lane;
  /** The id of the call that a record answers, cheaply: most records are somebody else's. */
  idOf(record: ConsumerRecord): string | undefined;
  read(record: ConsumerRecord): Reply;
}

/** What a record says about the call that it answers. */
export type Reply =
  /** The end of the call: a result, or an error object, which counts where there are both. */
  | { readonly kind: 'answer'; readonly result?: unknown; readonly error?: unknown }
  /** One of several results. */
  | { readonly kind: 'item'; readonly item: unknown }
  /** The last of several results; `null` where it ends without one. */
  | { readonly kind: 'last'; readonly item: unknown };
