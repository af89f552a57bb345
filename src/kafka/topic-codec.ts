/**
 * Between a topic's values and bytes: raw bytes, text, JSON or MessagePack, and any io-ts type on top. The codecs
 * and the checks of types are the connection's, handed in; topic.ts and reading stand on this.
 */
import { isUtf8 } from 'node:buffer';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type * as t from 'io-ts';

/** Writes values as bytes; neither direction throws, and an error says in its `data` what is wrong. */
interface ByteCodec {
  encode(value: unknown): Either<Error & { readonly data?: unknown }, Buffer>;
  decode(bytes: Uint8Array): Either<Error & { readonly data?: unknown }, unknown>;
}

/** What stands above the Kafka rooms and is needed here. */
export interface Toolkit<I = any> {
  readonly codecs: Readonly<Record<'json' | 'msgpack', ByteCodec>>;
  decode<A>(type: t.Type<A, any, unknown>, value: unknown, root: string): Either<readonly I[], A>;
  encode<A>(type: t.Type<A, any, unknown>, value: A, root: string): Either<readonly I[], unknown>;
  explain(issues: readonly I[]): string;
}

/** How values are written. */
export type CodecName = 'raw' | 'string' | 'json' | 'msgpack';

/** Left is what is wrong, in words. */
export interface ValueCodec<V> {
  write(value: V): Either<string, Buffer>;
  read(bytes: Buffer): Either<string, V>;
}

const bytesCodec: ValueCodec<any> = {
  write: (value) =>
    Buffer.isBuffer(value)
      ? right(value)
      : value instanceof Uint8Array
        ? right(Buffer.from(value.buffer, value.byteOffset, value.byteLength))
        : left(`value: expected a Buffer or a Uint8Array, got ${typeof value}`),
  read: right,
};

const textCodec: ValueCodec<any> = {
  write: (value) =>
    typeof value === 'string'
      ? right(Buffer.from(value))
      : left(`value: expected a string, got ${typeof value}`),
  read: (bytes) => (isUtf8(bytes) ? right(bytes.toString('utf8')) : left('value: invalid UTF-8')),
};

/** The codec of that name, with `type` on top where there is one. */
export function valueCodec<V>(
  { codecs, decode, encode, explain }: Toolkit,
  name: CodecName,
  type?: t.Type<V, any, unknown>,
): ValueCodec<V> {
  const plain = name === 'raw' ? bytesCodec : name === 'string' ? textCodec : structured(codecs[name]);
  if (type === undefined) return plain;
  return {
    write: (value) => {
      const encoded = encode(type, value, 'value');
      return isLeft(encoded) ? left(explain(encoded.left)) : plain.write(encoded.right);
    },
    read: (bytes) => {
      const found = plain.read(bytes);
      if (isLeft(found)) return found;
      const decoded = decode(type, found.right, 'value');
      return isLeft(decoded) ? left(explain(decoded.left)) : decoded;
    },
  };
}

const why = (error: Error & { readonly data?: unknown }): string =>
  `value: ${typeof error.data === 'string' ? error.data : error.message}`;

function structured(codec: ByteCodec): ValueCodec<any> {
  return {
    write: (value) => {
      const encoded = codec.encode(value);
      return isLeft(encoded) ? left(why(encoded.left)) : encoded;
    },
    read: (bytes) => {
      const decoded = codec.decode(bytes);
      return isLeft(decoded) ? left(why(decoded.left)) : decoded;
    },
  };
}
