/** What the calls of one server share: its counts, its limits, and who is told when a call is through. */
import type { Clock } from '../clock.js';
import type { RpcError } from '../jsonrpc/error.js';
import type { Coalescer } from './coalesce.js';
import type { Deadlines } from './deadlines.js';
import type { OpenStreams } from './open-streams.js';
import type { RunningCalls } from './running.js';
import type { Waiting } from './turns.js';

/** What has happened at a server since it began. */
export interface ServerStats {
  /** Calls and notifications whose handlers succeeded, and those answered with an error. */
  succeeded: number;
  failed: number;
  /** Answers that Kafka would not take, not even as an error. */
  lost: number;
  /** Requests dropped unhandled because their time had passed. */
  expired: number;
  /** Requests answered with -32002 at once. */
  overloaded: number;
  /** Records that could not be answered: reply topic not allowed, correlation id not ASCII. */
  refused: number;
  /** Records and batch entries that aren't JSON-RPC requests. */
  malformed: number;
  /** Repeats of a remembered call: joined to it, or given its answer. */
  repeated: number;
  /** Records without a value, skipped. */
  tombstones: number;
  /** Requests with a timestamp later than now by more than the clock tolerance. */
  fromFuture: number;
}

export const newStats = (): ServerStats => ({
  succeeded: 0,
  failed: 0,
  lost: 0,
  expired: 0,
  overloaded: 0,
  refused: 0,
  malformed: 0,
  repeated: 0,
  tombstones: 0,
  fromFuture: 0,
});

export interface ServerLimits {
  /** Items of a stream kept for a client that is slower than the handler's Observable. */
  readonly maxBuffered: number;
  /** Items of an Observable that are answered as one array. */
  readonly maxCollected: number;
  /** Streams open at once. */
  readonly maxStreams: number;
  /** Milliseconds without a word from a stream's client after which it counts as gone. */
  readonly lease: number;
}

/** A call that the end of its server reaches. */
export interface LiveCall {
  readonly streaming: boolean;
  stop(error: RpcError): void;
  abandon(): void;
}

/** What the calls of one server share. */
export interface CallHost {
  readonly service: string;
  readonly clock: Clock;
  readonly coalescer: Coalescer;
  readonly deadlines: Deadlines;
  readonly running: RunningCalls;
  readonly limits: ServerLimits;
  readonly stats: ServerStats;
  /** Calls that outlived the turn in which they came, but for the streams that are open. */
  readonly live: Set<LiveCall>;
  readonly streams: OpenStreams;
  /** A handler no longer takes a turn. */
  leave(): void;
  /** A call that is in line no longer wants its turn. */
  quit(call: Waiting): void;
  /** A handler threw, or gave, what no caller may see. */
  onHandlerError(method: string, error: unknown): void;
}
