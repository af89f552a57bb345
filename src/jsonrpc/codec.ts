/**
 * Between messages and bytes: the codecs a record's value can be written in, and which one reads it.
 *
 * Above: the envelope, and topics with a codec. Below: json.ts, msgpack.ts.
 */
import type { Either } from 'fp-ts/lib/Either.js';
import type { RpcError } from './error.js';
import { decodeJson, encodeJson, encodeMessagesJson } from './json.js';
import type { Message } from './message.js';
import { decodeMsgpack, encodeMsgpack } from './msgpack.js';

/** One way to write values as bytes. Neither direction throws. */
export interface Codec {
  readonly name: 'json' | 'msgpack';
  readonly contentType: 'application/json' | 'application/msgpack';
  /**
   * Left is -32603 with, as its data, what can't be written: a batch is then written entry by entry to find
   * it.
   */
  encode(value: unknown): Either<RpcError, Buffer>;
  /** One message, or a batch where there are several: the same as `encode` of them. */
  encodeMessages(messages: readonly Message[]): Either<RpcError, Buffer>;
  /** Left is -32700 with, as its data, what is wrong and where. */
  decode(bytes: Uint8Array): Either<RpcError, unknown>;
}

/** The codecs by name. */
export const codecs: Readonly<Record<Codec['name'], Codec>> = {
  json: {
    name: 'json',
    contentType: 'application/json',
    encode: encodeJson,
    encodeMessages: encodeMessagesJson,
    decode: decodeJson,
  },
  msgpack: {
    name: 'msgpack',
    contentType: 'application/msgpack',
    encode: encodeMsgpack,
    encodeMessages: (messages) => encodeMsgpack(messages.length === 1 ? messages[0] : messages),
    decode: decodeMsgpack,
  },
};

const { json, msgpack } = codecs;
const jsonBytes = Buffer.from(json.contentType);
const msgpackBytes = Buffer.from(msgpack.contentType);

const byName = (contentType: string): Codec | undefined => {
  switch (contentType.split(';', 1)[0]?.trim().toLowerCase()) {
    case json.contentType:
      return json;
    case msgpack.contentType:
      return msgpack;
    default:
      return undefined;
  }
};

/** A MessagePack array or map begins with a byte that no UTF-8 text begins with, hence no JSON. */
const byFirstByte = (bytes: Uint8Array): Codec => {
  const first = bytes[0] ?? 0;
  return (first >= 0x80 && first <= 0x9f) || (first >= 0xdc && first <= 0xdf) ? msgpack : json;
};

/**
 * The codec to read `bytes` with: the one the content type names, its parameters and case ignored. Without
 * one, or with one that is neither, the first byte decides.
 */
export const codecFor = (contentType: string | Buffer | undefined, bytes: Uint8Array): Codec => {
  if (contentType === undefined) return byFirstByte(bytes);
  if (typeof contentType !== 'string') {
    if (jsonBytes.equals(contentType)) return json;
    if (msgpackBytes.equals(contentType)) return msgpack;
    return byName(contentType.toString('latin1')) ?? byFirstByte(bytes);
  }
  if (contentType === json.contentType) return json;
  if (contentType === msgpack.contentType) return msgpack;
  return byName(contentType) ?? byFirstByte(bytes);
};
