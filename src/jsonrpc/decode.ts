/** A value of unknown origin, read as a peer would read it. Below: codec.ts. Used by what shows topics to people. */
import { type Either, map } from 'fp-ts/lib/Either.js';
import { codecFor } from './codec.js';
import type { RpcError } from './error.js';

/** A value, and what it was written in. */
export interface Decoded {
  readonly as: 'json' | 'msgpack';
  readonly value: unknown;
}

/**
 * Reads JSON or MessagePack, by the content type where it names one of them, else by the first byte; a left (-32700) says why
 * they are neither. Never throws.
 *
 * @example decode(record.value, header(record.headers, 'content-type'));
 */
export function decode(bytes: Uint8Array, contentType?: string | Buffer): Either<RpcError, Decoded> {
  const codec = codecFor(contentType, bytes);
  return map((value: unknown): Decoded => ({ as: codec.name, value }))(codec.decode(bytes));
}
