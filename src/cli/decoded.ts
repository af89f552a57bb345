/** A record's value as a person can read it, whatever is in it; and the JSON-RPC messages in that. */
import { isUtf8 } from 'node:buffer';
import { decode, type Headers, header, type Decoded as Structured } from '../index.js';

export type Decoded =
  | Structured
  | { readonly as: 'text'; readonly value: string }
  | { readonly as: 'bytes'; readonly value: Buffer }
  | { readonly as: 'tombstone'; readonly value: null };

/** A JSON-RPC message, or what looks like one. */
export interface Message {
  readonly jsonrpc: '2.0';
  readonly method?: unknown;
  readonly params?: unknown;
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly meta?: unknown;
}

/** By the header `content-type`, else by the first byte; what is neither JSON nor MessagePack is text, or bytes. */
export function decoded(value: Buffer | null, headers: Headers): Decoded {
  if (value === null) return { as: 'tombstone', value };
  const found = decode(value, header(headers, 'content-type'));
  if (found._tag === 'Right') return found.right;
  const text = textOf(value);
  return typeof text === 'string' ? { as: 'text', value: text } : { as: 'bytes', value };
}

/** As text where it is that: control characters are no text's, but for those of a terminal. */
export function textOf(bytes: Buffer): string | Buffer {
  const text = isUtf8(bytes) ? bytes.toString() : undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text === undefined || /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? bytes : text;
}

/** The messages of a record, one or those of a batch; undefined where it holds anything else. */
export function messagesOf({ as, value }: Decoded): readonly Message[] | undefined {
  if (as !== 'json' && as !== 'msgpack') return undefined;
  const entries = Array.isArray(value) ? value : [value];
  return entries.length > 0 && entries.every(isMessage) ? entries : undefined;
}

/** JSON-RPC, or what looks like it. */
export function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null || (value as Message).jsonrpc !== '2.0') return false;
  return ['method', 'result', 'error'].some((member) => Object.hasOwn(value, member));
}

/** The call that it belongs to, as text: a control message has no id of its own, but that of the call in its params. */
export function idOf({ method, params, id }: Message): string | undefined {
  if (id !== undefined) return named(id);
  if (typeof method !== 'string' || !method.startsWith('$/')) return undefined;
  const other = (params as { readonly id?: unknown } | null | undefined)?.id;
  return other === undefined ? undefined : named(other);
}

/** A name as text, whatever stands in its place: an object needn't have a `toString` that can be called. */
export function named(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
