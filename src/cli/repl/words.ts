/**
 * A line of the shell as words. Quotes and backslashes are those of a shell, # begins a comment, and
 * nothing is expanded. A bare { or [ begins JSON, which goes to its closing bracket, spaces and quotes included.
 */
import { UsageError } from '../usage-error.js';

export interface Word {
  /** Without its quotes. */
  readonly text: string;
  /** Where it begins in the line; what stands there is its raw form. */
  readonly start: number;
  readonly raw: string;
}

export interface Scanned {
  readonly words: readonly Word[];
  /** The quote or bracket that the line's last word doesn't close. */
  readonly open: string | undefined;
}

export const isBareJson = ({ raw }: Word): boolean => raw.startsWith('{') || raw.startsWith('[');

/** The words of a line that is whole. */
export function wordsOf(line: string): readonly Word[] {
  const { words, open } = scan(line);
  if (open === undefined) return words;
  throw new UsageError(
    open === '\\'
      ? 'nothing follows the last \\'
      : `${open} is never closed${open === '{' || open === '[' ? '; in quotes it would be text' : ''}`,
  );
}

/** The words of a line that may still be typed. */
export function scan(line: string): Scanned {
  const words: Word[] = [];
  for (let at = 0; ; ) {
    const start = at + (/\S/.exec(line.slice(at))?.index ?? line.length);
    if (start >= line.length || line[start] === '#') return { words, open: undefined };
    const { text, end, open } = '{['.includes(line[start] as string) ? json(line, start) : word(line, start);
    words.push({ text, start, raw: line.slice(start, end) });
    if (open !== undefined) return { words, open };
    at = end;
  }
}

interface Read {
  readonly text: string;
  readonly end: number;
  readonly open?: string;
}

/** Up to the closing bracket, or on to the next space where something adheres to it. */
function json(line: string, start: number): Read {
  let depth = 0;
  let inString = false;
  for (let at = start; at < line.length; at += 1) {
    const character = line[at] as string;
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if ('{['.includes(character)) depth += 1;
    else if ('}]'.includes(character)) depth -= 1;
    else if (depth === 0 && /\s/.test(character)) return { text: line.slice(start, at), end: at };
  }
  const end = line.length;
  const whole = { text: line.slice(start), end };
  return depth > 0 || inString ? { ...whole, open: line[start] } : whole;
}

function word(line: string, start: number): Read {
  let text = '';
  let quote: string | undefined;
  for (let at = start; at < line.length; at += 1) {
    const character = line[at] as string;
    const next = line[at + 1];
    if (character === quote) quote = undefined;
    else if (character === '\\' && quote !== "'" && (quote === undefined || next === '"' || next === '\\')) {
      if (next === undefined) return { text, end: line.length, open: '\\' };
      text += next;
      at += 1;
    } else if (quote !== undefined) text += character;
    else if (character === "'" || character === '"') quote = character;
    else if (/\s/.test(character)) return { text, end: at };
    else text += character;
  }
  return { text, end: line.length, open: quote };
}
