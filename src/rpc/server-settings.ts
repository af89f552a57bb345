/** What a server is told: its bounds, its topics, and what of its connection it shares. */
import type { Kafka } from '../kafka/port.js';
import type { ServerLimits } from './call-host.js';
import type { Coalescer } from './coalesce.js';
import type { ServedDialects } from './dialects/served.js';
import type { OpenRpcDocument } from './discovery/openrpc.js';
import type { MethodLimits } from './gates.js';
import type { Inbox } from './inbox.js';
import type { RunningCalls } from './running.js';

/** Something that went wrong at a server and that no caller is told of. */
export interface ServerIssue {
  readonly kind: 'handler' | 'record' | 'kafka';
  readonly message: string;
  readonly cause?: unknown;
}

export interface ServerSettings extends ServerLimits {
  readonly concurrency: number;
  readonly maxQueued: number;
  /** Of the methods that have limits of their own, or an order. */
  readonly methods: ReadonlyMap<string, MethodLimits>;
  readonly clockTolerance: number;
  readonly atMostOnce: boolean;
  readonly maxRemembered: number;
  readonly sessionTimeout: number;
  readonly revokeTimeout: number;
  readonly requestsTopic: string;
  readonly repliesTopic: string;
  readonly replyTopics: ReadonlySet<string>;
  /** Other kinds of callers, and the topics of theirs that are read too. */
  readonly dialects: ServedDialects;
  /** Makes what `rpc.discover` answers; without it the reserved methods aren't there. */
  readonly document: (() => OpenRpcDocument) | undefined;
  readonly onIssue: (issue: ServerIssue) => void;
}

/** What a server needs of its connection. */
export interface ServerContext {
  readonly kafka: Kafka;
  readonly coalescer: Coalescer;
  readonly inbox: Inbox;
  readonly running: RunningCalls;
}
