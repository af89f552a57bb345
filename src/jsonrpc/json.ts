/**
 * JSON (RFC 8259) from and to bytes. Above: codec.ts.
 *
 * Numbers are doubles: beyond 2^53 they are rounded, NaN and Infinity become null.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { RpcError } from './error.js';
import { unreadable, unwritable } from './failures.js';
import { messagesJson } from './json-messages.js';
import type { Message } from './message.js';

const startsWithBom = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

/** Reads one JSON text: valid UTF-8, no bytes after it; a leading byte order mark is skipped. */
export const decodeJson = (bytes: Uint8Array): Either<RpcError, unknown> => {
  const ascii = isAscii(bytes);
  if (!ascii && !isUtf8(bytes)) return left(unreadable('invalid UTF-8: JSON must be UTF-8'));
  const start = startsWithBom(bytes) ? 3 : 0;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  try {
    return right(JSON.parse(buffer.toString(ascii ? 'latin1' : 'utf8')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return left(unreadable(`invalid JSON in ${bytes.byteLength} bytes: ${reason}`, error));
  }
};

/** What V8 says about its own refusals; anything else was thrown by the value itself. */
const whyNot = (error: unknown): string => {
  const message = error instanceof Error ? error.message : '';
  if (error instanceof RangeError) {
    return message.includes('string length') ? 'it is too long for a string' : 'it is nested too deeply';
  }
  if (message.startsWith('Converting circular structure')) return 'it is circular';
  if (message.includes('serialize a BigInt')) return 'it holds a BigInt';
  return 'a getter or toJSON threw';
};

/**
 * Writes a value as JSON.stringify does: `undefined` on top is `null`, in a member it is left out. A value
 * that JSON has no text for, on top, and what JSON.stringify throws on are Left.
 */
export const encodeJson = (value: unknown): Either<RpcError, Buffer> => {
  try {
    const text = JSON.stringify(value);
    if (text !== undefined) return right(Buffer.from(text, 'utf8'));
    if (value === undefined) return right(Buffer.from('null', 'utf8'));
    return left(unwritable(`can't be encoded as JSON: a ${typeof value} has no JSON`));
  } catch (error) {
    return refused(error);
  }
};

/** Writes one message, or a batch of several: the same bytes, and the same Left, as encodeJson. */
export const encodeMessagesJson = (messages: readonly Message[]): Either<RpcError, Buffer> => {
  try {
    return right(Buffer.from(messagesJson(messages), 'utf8'));
  } catch (error) {
    return refused(error);
  }
};

const refused = (error: unknown): Either<RpcError, never> =>
  left(unwritable(`can't be encoded as JSON: ${whyNot(error)}`, error));
