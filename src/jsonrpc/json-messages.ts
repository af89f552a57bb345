/**
 * Writes messages of JSON-RPC as JSON: the text that JSON.stringify would make, in half its time, since what all
 * messages have in common is known, and what most of them hold is short and plain. Above: codec.ts.
 *
 * The functions take the text so far and return it with more at its end: no string is made to be joined later.
 */
import type { Id, Message } from './message.js';

type Members = Readonly<
  Partial<Record<'jsonrpc' | 'method' | 'params' | 'result' | 'error' | 'meta', unknown>>
> & { readonly id?: Id };

/** One message, or a batch of several. Throws what JSON.stringify throws. */
export function messagesJson(messages: readonly Message[]): string {
  if (messages.length === 1) return withMessage('', messages[0] as Members);
  let text = '[';
  for (let i = 0; i < messages.length; i += 1) {
    text = withMessage(i === 0 ? text : `${text},`, messages[i] as Members);
  }
  return `${text}]`;
}

function withMessage(before: string, message: Members): string {
  const { method, params, result, id, meta } = message;
  // Rare, or none of ours.
  if (message.jsonrpc !== '2.0' || message.error !== undefined) return before + JSON.stringify(message);
  let text = before + (typeof method === 'string' ? headOf(method) : START);
  if (params !== undefined) text = withMember(text, ',"params":', params);
  else if (result !== undefined) text = withMember(text, ',"result":', result);
  if (typeof id === 'number') text += `,"id":${id}`;
  else if (id !== undefined) text += `,"id":${JSON.stringify(id)}`;
  return text + (meta === undefined ? '}' : tailOf(meta));
}

const START = '{"jsonrpc":"2.0"';

/** What many messages in a row share is written once: the method, and a meta that can't change. */
let lastMethod: string | undefined;
let lastHead = '';
let lastMeta: unknown;
let lastTail = '';

function headOf(method: string): string {
  if (method !== lastMethod) {
    lastHead = `${START},"method":${JSON.stringify(method)}`;
    lastMethod = method;
  }
  return lastHead;
}

function tailOf(meta: unknown): string {
  if (meta === lastMeta) return lastTail;
  const tail = `${withMember('', ',"meta":', meta)}}`;
  if (Object.isFrozen(meta)) {
    lastMeta = meta;
    lastTail = tail;
  }
  return tail;
}

/** The member is left out where JSON has no text for its value. */
function withMember(before: string, head: string, value: unknown): string {
  const text = Array.isArray(value) ? withArray(before + head, value) : withScalar(before + head, value);
  if (text !== undefined) return text;
  const json = JSON.stringify(value);
  return json === undefined ? before : before + head + json;
}

/** Elements and characters that are looked at one by one; of more, JSON.stringify takes less time. */
const SHORT_ARRAY = 8;
const SHORT_STRING = 256;

/** Undefined for an array that is long or holds more than scalars. */
function withArray(before: string, values: readonly unknown[]): string | undefined {
  if (values.length > SHORT_ARRAY) return undefined;
  let text: string | undefined = `${before}[`;
  for (let i = 0; i < values.length; i += 1) {
    text = withScalar(i === 0 ? text : `${text},`, values[i]);
    if (text === undefined) return undefined;
  }
  return `${text}]`;
}

/** What needs an escape, or may. */
const ESCAPED = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

/** Undefined for what isn't a string, a number, a boolean or null. */
function withScalar(before: string, value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      if (value.length > SHORT_STRING || ESCAPED.test(value)) return before + JSON.stringify(value);
      return `${before}"${value}"`;
    case 'number':
      return before + (Number.isFinite(value) ? value : 'null');
    case 'boolean':
      return before + value;
    default:
      return value === null ? `${before}null` : undefined;
  }
}
