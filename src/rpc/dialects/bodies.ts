/**
 * What the dialects share in writing records: headers that node-rdkafka can send, the bodies of
 * answers, and lanes for one message each. Below: the codecs and the coalescer.
 */
import { type Either, isRight, right } from 'fp-ts/lib/Either.js';
import { type Codec, codecs } from '../../jsonrpc/codec.js';
import { RpcError } from '../../jsonrpc/error.js';
import type { ConsumerRecord, Headers } from '../../kafka/port.js';

const { json } = codecs;

/** A codec for one direction: how a dialect writes what callstream sends. */
export function writer(encode: (message: any) => Either<RpcError, Buffer>): Codec {
  return {
    ...json,
    encode,
    encodeMessages: (messages) => encode(messages.length === 1 ? messages[0] : messages),
  };
}

/** A string as it is, anything else as JSON. */
export function writeText(value: unknown): Either<RpcError, Buffer> {
  return typeof value === 'string' ? right(Buffer.from(value)) : json.encode(value);
}

/** What looks like an object or an array is JSON, if it is; anything else is a string. */
export function readText(bytes: Buffer): unknown {
  if (bytes[0] === 0x7b || bytes[0] === 0x5b) {
    const decoded = json.decode(bytes);
    if (isRight(decoded)) return decoded.right;
  }
  return bytes.toString();
}

/** JSON in ASCII: header values can be nothing else. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** An error as it fits in a header: without data that JSON can't hold. */
export function errorHeader(error: { code: number; message: string; data?: unknown }, more?: object): string {
  try {
    return asciiJson({ ...more, ...error });
  } catch {
    return asciiJson({ ...more, code: error.code, message: error.message });
  }
}

/** The error that a header's text tells of: a JSON error object, any JSON, or words. */
export function errorFrom(text: string): RpcError {
  let told: unknown = text;
  try {
    told = JSON.parse(text);
  } catch {
    // Words.
  }
  if (typeof told !== 'object' || told === null) return new RpcError(-32000, String(told));
  const { code, message, data } = told as Record<string, unknown>;
  const known = Number.isSafeInteger(code);
  return new RpcError(known ? (code as number) : -32000, typeof message === 'string' ? message : text, {
    data: known ? data : told,
  });
}

const ASCII = /^[\x20-\x7e]*$/;

/** A caller's own headers, for `context.headers`; what steers the transport isn't the handler's. */
export function ownHeaders(headers: Headers): Readonly<Record<string, string>> | undefined {
  let own: Record<string, string> | undefined;
  for (const header of headers) {
    for (const name in header) {
      if (name.startsWith('kafka_')) continue;
      const value = String(header[name]);
      if (!ASCII.test(value)) continue;
      own ??= {};
      own[name] = value;
    }
  }
  return own;
}

/** A call's `headers` as Kafka's: those that can't be sent are left out. */
export function sentHeaders(meta: unknown): Headers {
  const { headers = {} } = (meta ?? {}) as { headers?: Readonly<Record<string, string>> };
  return Object.entries(headers)
    .filter(([name, value]) => ASCII.test(name) && ASCII.test(value) && !name.startsWith('kafka_'))
    .map(([name, value]) => ({ [name]: value }));
}

/** The text of a record's last header of that name. */
export function textOf(record: ConsumerRecord, name: string): string | undefined {
  for (let i = record.headers.length - 1; i >= 0; i -= 1) {
    const value = record.headers[i]?.[name];
    if (value !== undefined) return String(value);
  }
  return undefined;
}

/** Params as others take them: one by position is the value itself. */
export function bodyOf(params: unknown): unknown {
  return Array.isArray(params) && params.length === 1 ? params[0] : params;
}
