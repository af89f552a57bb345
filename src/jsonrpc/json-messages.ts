/**
 * Writes messages of JSON-RPC as JSON: the text that JSON.stringify would make, in half its time, since what all
 * messages have in common is known, and what most of them hold is short and plain. Above: codec.ts.
 *
 * A batch's text grows at its end, message by message: no string is made to be joined later.
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
  const value = method === undefined ? result : params;
  const marks = marksOf(value);
  const content = contentOf(value, marks);
  // Rare, or none of ours. A member is left out where JSON has no text for its value.
  if (message.jsonrpc !== '2.0' || message.error !== undefined || content === undefined) {
    return before + JSON.stringify(message);
  }
  const text = before + (method === undefined ? ANSWERS : headsOf(method))[marks] + content;
  const end = meta === undefined ? '}' : tailOf(meta);
  if (id === undefined) return text + CLOSE[marks] + end;
  return text + BEFORE_ID[marks] + (typeof id === 'number' ? id : JSON.stringify(id)) + end;
}

/**
 * What stands around a value's content. The fewer pieces a text is made of, the less time it takes: so that what many
 * values are, a plain string or an array of one, has its marks in one piece with the members before and after it.
 */
const ANY = 0;
const STRING = 1;
const ARRAY_OF_STRING = 2;
type Marks = typeof ANY | typeof STRING | typeof ARRAY_OF_STRING;

const OPEN = ['', '"', '["'] as const;
const CLOSE = ['', '"', '"]'] as const;
const BEFORE_ID = CLOSE.map((close) => `${close},"id":`);
const ANSWERS = OPEN.map((open) => `{"jsonrpc":"2.0","result":${open}`);

/** What many messages in a row share is written once: the method, and a meta that can't change. */
let lastMethod: unknown;
let lastHeads: readonly string[] = [];
let lastMeta: unknown;
let lastTail = '';

function headsOf(method: unknown): readonly string[] {
  if (method !== lastMethod) {
    lastHeads = OPEN.map((open) => `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${open}`);
    lastMethod = method;
  }
  return lastHeads;
}

function tailOf(meta: unknown): string {
  if (meta === lastMeta) return lastTail;
  const json = JSON.stringify(meta);
  const tail = json === undefined ? '}' : `,"meta":${json}}`;
  if (Object.isFrozen(meta)) {
    lastMeta = meta;
    lastTail = tail;
  }
  return tail;
}

/** Elements and characters that are looked at one by one; of more, JSON.stringify takes less time. */
const SHORT_ARRAY = 8;
const SHORT_STRING = 256;

/** What needs an escape, or may. */
const ESCAPED = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

const isPlain = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= SHORT_STRING && !ESCAPED.test(value);

function marksOf(value: unknown): Marks {
  if (isPlain(value)) return STRING;
  return Array.isArray(value) && value.length === 1 && isPlain(value[0]) ? ARRAY_OF_STRING : ANY;
}

/** Undefined where JSON has no text for it. */
function contentOf(value: unknown, marks: Marks): string | undefined {
  if (marks === STRING) return value as string;
  if (marks === ARRAY_OF_STRING) return (value as readonly string[])[0];
  return (Array.isArray(value) ? arrayText(value) : scalarText(value)) ?? JSON.stringify(value);
}

/** Undefined for an array that is long or holds more than scalars. */
function arrayText(values: readonly unknown[]): string | undefined {
  if (values.length > SHORT_ARRAY) return undefined;
  let text = '[';
  for (let i = 0; i < values.length; i += 1) {
    const value = scalarText(values[i]);
    if (value === undefined) return undefined;
    text += i === 0 ? value : `,${value}`;
  }
  return `${text}]`;
}

/** Undefined for what isn't a string, a number, a boolean or null. */
function scalarText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return isPlain(value) ? `"${value}"` : JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return value === null ? 'null' : undefined;
  }
}
