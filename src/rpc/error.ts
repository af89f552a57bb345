/**
 * How a call can end without an answer. Every local error says what is known of the call: it was
 * never sent, the broker refused it, or nobody can tell whether it ran. Answers of the other side
 * that are errors are RpcErrors (jsonrpc/error.ts).
 */

import type { RpcError } from '../jsonrpc/error.js';
import type { KafkaError } from '../kafka/port.js';

/** Why a call ended without an answer of the other side. */
export type LocalReason =
  | 'timeout' // the call's own time ran out
  | 'aborted' // its AbortSignal, or an unsubscribe
  | 'closed' // the connection was closed
  | 'invalid params' // they break the contract or can't be encoded; `data` lists the issues
  | 'unknown method' // the contract has no such method of that kind
  | 'no topic' // the service's request topic isn't there
  | 'no server' // nobody answers for the service (`absentAfter`)
  | 'refused' // a middleware of the client lets it through no further
  | 'too many pending' // the connection's bound on pending calls
  | 'too large' // over the broker's message size
  | 'silence' // a stream whose server sent nothing for a lease
  | 'gap' // a stream that lost an item
  | 'overflow' // a stream whose server sent more than was asked for
  | 'kafka'; // anything else that Kafka refused; the KafkaError is the `cause`

abstract class LocalError extends Error {
  readonly reason: LocalReason;
  /** What is wrong with the params, for `invalid params`. */
  readonly data: unknown;

  constructor(reason: LocalReason, message: string, details: { cause?: unknown; data?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.data = details.data;
  }
}

/** The call never left the process: calling again can't run it twice. */
export class NotSentError extends LocalError {
  override readonly name = 'NotSentError';
  readonly _tag = 'NotSent';
  /** JSON-RPC's Invalid params where that is the reason. */
  get code(): number | undefined {
    return this.reason === 'invalid params' ? -32602 : undefined;
  }
}

/** The broker refused the call's record: it did not run. */
export class FailedError extends LocalError {
  override readonly name = 'FailedError';
  readonly _tag = 'Failed';
}

/** The call was sent and no answer came: it may have run. */
export class UnknownError extends LocalError {
  override readonly name = 'UnknownError';
  readonly _tag = 'Unknown';
  /** Of the request, by which `callstream trace` finds it; undefined where none was made. */
  id: number | undefined;
}

/** Every way a call can fail; `switch` on `_tag` exhausts it. */
export type CallError = RpcError | NotSentError | FailedError | UnknownError;

/** What a failure to produce says about the call in the record. */
export function fromKafka(error: KafkaError): NotSentError | FailedError | UnknownError {
  const reason = error.reason === 'too large' || error.reason === 'no topic' ? error.reason : 'kafka';
  const details = { cause: error };
  if (error.notSent) return new NotSentError(reason, `not sent: ${error.message}`, details);
  const refused = error.reason === 'too large' || error.reason === 'no topic' || error.reason === 'denied';
  return refused
    ? new FailedError(reason, `refused by the broker: ${error.message}`, details)
    : new UnknownError(reason, `delivery unknown: ${error.message}`, details);
}
