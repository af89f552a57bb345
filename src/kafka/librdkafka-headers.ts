/**
 * Headers as node-rdkafka can send them: it takes UTF-8 strings, cuts them at the first NUL, turns other bytes
 * into U+FFFD and drops all but the first property of an entry. What would be damaged is refused. Used by the producer.
 */
import type { Headers } from './port.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is where the binding cuts
const SENDABLE = /^[\u0001-\u007f]*$/;

export interface SendableHeaders {
  readonly entries: Record<string, string>[] | undefined;
  /** Of names and values together. */
  readonly bytes: number;
}

const NONE: SendableHeaders = { entries: undefined, bytes: 0 };

/** What was checked before: most records share their headers with many others. */
const checked = new WeakMap<Headers, SendableHeaders>();

/** Throws a TypeError that names the header. Headers that were sent once must not change. */
export function sendable(headers: Headers | undefined): SendableHeaders {
  if (headers === undefined || headers.length === 0) return NONE;
  let found = checked.get(headers);
  if (found === undefined) {
    found = check(headers);
    checked.set(headers, found);
  }
  return found;
}

function check(headers: Headers): SendableHeaders {
  const entries: Record<string, string>[] = [];
  let bytes = 0;
  for (const header of headers) {
    for (const name in header) {
      const given = header[name];
      if (given === undefined) continue;
      const value = typeof given === 'string' ? given : given.toString('latin1');
      if (!SENDABLE.test(value) || !SENDABLE.test(name))
        throw new TypeError(`the header ${JSON.stringify(name)} isn't ASCII without NUL`);
      entries.push({ [name]: value });
      bytes += name.length + value.length + 4;
    }
  }
  return { entries, bytes };
}
