/**
 * MessagePack from and to bytes. Above: codec.ts. Below: msgpack-structure.ts.
 *
 * Beyond JSON it carries bytes (Uint8Array), timestamps (Date), NaN and Infinity. Integers are exact up to
 * 2^53; larger 64-bit ones are read as doubles, rounded; -0 is written as 0, as in JSON. toJSON is not called;
 * members that are undefined are left out.
 */
import {
  Decoder,
  decodeTimestampExtension,
  Encoder,
  ExtData,
  encodeTimestampExtension,
} from '@msgpack/msgpack';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { RpcError } from './error.js';
import { unreadable, unwritable } from './failures.js';
import { malformed, maxDepth } from './msgpack-structure.js';

/** What this module refuses itself, told apart from what a getter throws. */
class Refusal extends Error {}

const toExtension = (value: unknown): ExtData | null => {
  if (typeof value === 'bigint') throw new Refusal('it holds a BigInt');
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new Refusal(`it holds a ${typeof value}`);
  }
  if (!(value instanceof Date)) return null;
  if (Number.isNaN(value.getTime())) throw new Refusal('it holds an invalid Date');
  return new ExtData(-1, encodeTimestampExtension(value) as Uint8Array);
};

const extensionCodec = { tryToEncode: toExtension, decode: decodeTimestampExtension };

const mapKeyConverter = (key: unknown): string => {
  if (typeof key === 'string') return key;
  throw new Refusal(`a map key is a ${typeof key}: keys must be strings`);
};

const decoder = new Decoder({ extensionCodec, mapKeyConverter });

/**
 * Reads one MessagePack value: well-formed, string keys, timestamps the only extension, no bytes after it.
 */
export const decodeMsgpack = (bytes: Uint8Array): Either<RpcError, unknown> => {
  const fault = malformed(bytes);
  if (fault !== undefined) return left(unreadable(`invalid MessagePack: ${fault}`));
  try {
    return right(decoder.decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return left(unreadable(`invalid MessagePack: ${reason}`, error));
  }
};

/**
 * The encoder keeps its buffer at the largest size it ever had: past this many bytes, and on errors, it is
 * replaced.
 */
const keptBuffer = 1 << 20;
const newEncoder = () => new Encoder({ extensionCodec, ignoreUndefined: true, maxDepth });
let encoder = newEncoder();

const whyNot = (error: unknown): string => {
  if (error instanceof Refusal) return error.message;
  if (error instanceof RangeError) return 'it is too large';
  if (error instanceof Error && error.message.startsWith('Too deep objects')) {
    return `it is circular or nested more than ${maxDepth} deep`;
  }
  return 'a getter threw';
};

/**
 * Whether the bytes hold a surrogate, as the encoder writes half of a pair in a short string. A float may
 * look alike.
 */
const mayHoldSurrogate = (bytes: Uint8Array): boolean => {
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    if ((bytes[at + 1] ?? 0) >= 0xa0) return true;
  }
  return false;
};

/**
 * Writes a value; `undefined` on top is nil. Functions, symbols, BigInts, invalid Dates, cycles and what the
 * other side would refuse to read (a `__proto__` key, half a surrogate pair) are Left; in strings of more than
 * 50 units the encoder itself writes U+FFFD for half a pair.
 */
export const encodeMsgpack = (value: unknown): Either<RpcError, Buffer> => {
  try {
    const bytes = Buffer.from(encoder.encodeSharedRef(value));
    if (bytes.length > keptBuffer) encoder = newEncoder();
    if (!mayHoldSurrogate(bytes) && !bytes.includes('__proto__')) return right(bytes);
    const read = decodeMsgpack(bytes);
    if (read._tag === 'Right') return right(bytes);
    return left(unwritable(`can't be encoded as MessagePack: no peer would read it: ${read.left.data}`));
  } catch (error) {
    encoder = newEncoder();
    return left(unwritable(`can't be encoded as MessagePack: ${whyNot(error)}`, error));
  }
};
