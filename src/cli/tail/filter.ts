/** Which entries `callstream tail` prints: those that everything asked for is true of. */
import { idOf } from '../decoded.js';
import { UsageError } from '../usage-error.js';
import type { Entry } from './entry.js';
import type { Look } from './look.js';

export interface Filters {
  readonly key?: string;
  readonly method?: string;
  readonly id?: string;
  /** Each NAME, or NAME=VALUE. */
  readonly header?: readonly string[];
  readonly grep?: string;
}

export function filterOf(filters: Filters, look: Look): (entry: Entry) => boolean {
  const { key, method, id, header = [], grep } = filters;
  const headers = header.map(headerFilter);
  return (entry) => {
    const { message } = entry;
    if (key !== undefined && String(entry.key) !== key) return false;
    if (method !== undefined && message?.method !== method) return false;
    if (id !== undefined && (message === undefined || idOf(message) !== id)) return false;
    if (!headers.every((matches) => entry.headers.some(matches))) return false;
    // What is hidden can't be searched for.
    return grep === undefined || look.text(entry).includes(grep) || String(entry.key).includes(grep);
  };
}

function headerFilter(text: string): (header: Entry['headers'][number]) => boolean {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === '') throw new UsageError(`--header ${text}: expected NAME or NAME=VALUE`);
  const value = equals < 0 ? undefined : text.slice(equals + 1);
  return ([other, found]) => other === name && (value === undefined || String(found) === value);
}
