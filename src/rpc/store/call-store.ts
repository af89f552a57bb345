/**
 * Where the instances of a service tell each other which calls with an idempotency key have run: each is
 * claimed before its handler runs, and its answer is kept. Above: stored-entries.ts. topic-store.ts is one.
 */
import type { ErrorObject } from '../../jsonrpc/error.js';
import type { Kafka } from '../../kafka/port.js';
import type { ServerIssue } from '../server-settings.js';

/** What a store is told of the server that opens it. */
export interface StoreContext {
  readonly service: string;
  /** The connection's way to Kafka, for stores that are kept there; its clock is that of the server. */
  readonly kafka: Kafka;
  /** Told of what goes wrong and no caller hears of. */
  readonly onIssue: (issue: ServerIssue) => void;
}

/** A store of answers that servers share, as `serve(…, { store })` takes it. */
export interface CallStore {
  /** Called by each server before it takes calls; resolves when the store knows what has been claimed. */
  open(context: StoreContext): Promise<OpenStore>;
}

/** A call that is asked for by its idempotency key. */
export interface KeyedCall {
  readonly method: string;
  readonly key: string;
  /** Aborts when nobody waits for the call any more: a wait ends. */
  readonly signal: AbortSignal;
}

/** A store that a server has opened. */
export interface OpenStore {
  /**
   * Resolves with a claim, which no other server has: the call is this server's to run; or with the answer that the
   * call was given. Where another server has claimed it, it waits for that answer. Rejects where the store can't be
   * reached or has no room: then the call is refused with -32002, since it might have run.
   */
  claim(call: KeyedCall): Promise<Claim | StoredAnswer>;
  /** Claims that are held by then are nobody's. */
  close(): Promise<void>;
}

/** A call that one server may run, and no other. */
export interface Claim {
  readonly answer?: undefined;
  /** Keeps the answer for whoever asks again; the caller gets it once this has settled. */
  finish(answer: StoredAnswer['answer']): Promise<void>;
  /** The call has not run, or may run again. */
  release(): Promise<void>;
}

/** The answer of a call that has run, as it goes on the wire: an error, or else the result. */
export interface StoredAnswer {
  readonly answer: { readonly error?: ErrorObject; readonly result?: unknown };
}
