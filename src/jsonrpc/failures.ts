/**
 * The two ways a codec fails, as the errors that go on the wire. Above: json.ts, msgpack.ts, encodable.ts.
 */
import { errors, RpcError } from './error.js';

/** Bytes that are not what they claim to be: "Parse error", with where and what as its data (section 5.1). */
export const unreadable = (reason: string, cause?: unknown): RpcError =>
  new RpcError(errors.parseError.code, undefined, { data: reason, cause });

/**
 * A value that can't be written: "Internal error", with what was in the way as its data. What a getter or a
 * toJSON threw is kept as the cause and never sent.
 */
export const unwritable = (reason: string, cause?: unknown): RpcError =>
  new RpcError(errors.internalError.code, undefined, { data: reason, cause });
