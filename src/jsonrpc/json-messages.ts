/**
 * Writes messages of JSON-RPC as JSON: the text that JSON.stringify would make, in half its time, since what all
 * messages have in common is known, and what most of them hold is short and plain. Above: codec.ts.
 */
import type { Id, Message } from './message.js';

type Members = Readonly<
  Partial<Record<'jsonrpc' | 'method' | 'params' | 'result' | 'error' | 'meta', unknown>>
> & { readonly id?: Id };

/** One message, or a batch of several. Throws what JSON.stringify throws. */
export function messagesJson(messages: readonly Message[]): string {
  if (messages.length === 1) return messageJson(messages[0] as Members);
  let text = '[';
  for (let i = 0; i < messages.length; i += 1) {
    if (i > 0) text += ',';
    text += messageJson(messages[i] as Members);
  }
  return `${text}]`;
}

function messageJson(message: Members): string {
  const { method, params, result, id, meta } = message;
  // Rare, or none of ours.
  if (message.jsonrpc !== '2.0' || message.error !== undefined) return JSON.stringify(message) ?? 'null';
  let text = typeof method === 'string' ? headOf(method) : START;
  if (params !== undefined) text += memberJson(',"params":', params);
  else if (result !== undefined) text += memberJson(',"result":', result);
  if (id !== undefined) text += `,"id":${scalarJson(id)}`;
  return meta === undefined ? `${text}}` : `${text}${metaJson(meta)}}`;
}

const START = '{"jsonrpc":"2.0"';

/** What many messages in a row share is written once: the method, and a meta that can't change. */
let lastMethod: string | undefined;
let lastHead = '';
let lastMeta: unknown;
let lastMetaText = '';

function headOf(method: string): string {
  if (method !== lastMethod) {
    lastHead = `${START},"method":${JSON.stringify(method)}`;
    lastMethod = method;
  }
  return lastHead;
}

function metaJson(meta: unknown): string {
  if (meta === lastMeta) return lastMetaText;
  const text = memberJson(',"meta":', meta);
  if (Object.isFrozen(meta)) {
    lastMeta = meta;
    lastMetaText = text;
  }
  return text;
}

/** Nothing where JSON has no text for the value. */
function memberJson(head: string, value: unknown): string {
  const text =
    Array.isArray(value) && value.length <= SHORT_ARRAY
      ? arrayJson(value)
      : (scalarJson(value) ?? JSON.stringify(value));
  return text === undefined ? '' : head + text;
}

/** Elements and characters that are looked at one by one; of more, JSON.stringify takes less time. */
const SHORT_ARRAY = 8;
const SHORT_STRING = 256;

function arrayJson(values: readonly unknown[]): string | undefined {
  let text = '[';
  for (let i = 0; i < values.length; i += 1) {
    const element = scalarJson(values[i]);
    if (element === undefined) return JSON.stringify(values);
    text += i === 0 ? element : `,${element}`;
  }
  return `${text}]`;
}

/** What needs an escape, or may. */
const ESCAPED = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

/** Undefined for what isn't a string, a number, a boolean or null. */
function scalarJson(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.length <= SHORT_STRING && !ESCAPED.test(value) ? `"${value}"` : JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return value === null ? 'null' : undefined;
  }
}
