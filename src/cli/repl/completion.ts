/** What may stand where the cursor is: commands, services, methods, params, files. Above: terminal.ts. */
import { readdirSync } from 'node:fs';
import { extname } from 'node:path';
import type { OpenRpcMethod } from '../../index.js';
import type { Methods } from './catalogue.js';
import type { Place, ShellCommand } from './command.js';
import { signature, valuesOf } from './signature.js';
import { scan, type Word } from './words.js';

/** What completion looks up. */
export interface Known {
  readonly commands: ReadonlyMap<string, ShellCommand>;
  readonly served: readonly string[];
  /** The service of `use`. */
  readonly service: string | undefined;
  services(): Promise<readonly string[]>;
  describe(service: string): Promise<Methods | undefined>;
}

export interface Completion {
  /** Each begins with `typed`. */
  readonly hits: readonly string[];
  /** The end of the line that a hit takes the place of. */
  readonly typed: string;
  /** What a person should know of the params; for where nothing can be inserted. */
  readonly hint?: string;
}

const NONE: Completion = { hits: [], typed: '' };
const MODULES: ReadonlySet<string> = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);

/** `line` is what stands before the cursor. */
export async function complete(line: string, known: Known): Promise<Completion> {
  const { words, open } = scan(line);
  // Behind a comment, or a backslash, there is nothing to offer.
  if (
    open === '\\' ||
    /(^|\s)#/.test(line.slice((words.at(-1)?.start ?? 0) + (words.at(-1)?.raw.length ?? 0)))
  ) {
    return NONE;
  }
  const last = words.at(-1);
  const inWord = last !== undefined && (open !== undefined || last.start + last.raw.length === line.length);
  const before = inWord ? words.slice(0, -1) : words;
  const typed: Word = inWord ? last : { text: '', raw: '', start: line.length };
  return completeWord(before, typed, known);
}

async function completeWord(before: readonly Word[], typed: Word, known: Known): Promise<Completion> {
  const [first, ...rest] = before;
  if (first === undefined) return offered(typed, [...known.commands.keys(), ...(await callable(known))]);
  const command = known.commands.get(first.raw);
  if (command === undefined) return inCall(before, typed, known);
  if (command.places.includes('call')) return inCall(rest, typed, known);
  const place = command.places[rest.length];
  return place === undefined || place === 'call'
    ? NONE
    : offered(typed, await namesOf(place, typed.text, known));
}

async function inCall(words: readonly Word[], typed: Word, known: Known): Promise<Completion> {
  if (words.length === 0) return offered(typed, await callable(known));
  const { service, rest } = await calledIn(words, known);
  const methods = await known.describe(service);
  if (methods === undefined) return NONE;
  const [name, ...params] = rest;
  if (name === undefined) return offered(typed, [...methods.keys()]);
  const method = methods.get(name.text);
  return method === undefined ? NONE : inParams(method, params.length, typed);
}

/** What a call can begin with. */
async function callable({ service, services, describe }: Known): Promise<readonly string[]> {
  const methods = service === undefined ? undefined : await describe(service);
  return [...(methods?.keys() ?? []), ...(await services())];
}

interface Called {
  readonly service: string;
  /** The method, and the params so far. */
  readonly rest: readonly Word[];
}

/** By the rule of target.ts. Of a batch, the service of the first call and what stands behind the last ; */
async function calledIn(words: readonly Word[], known: Known): Promise<Called> {
  const { service: used, services, describe } = known;
  const [first] = words as [Word];
  const own =
    used !== undefined &&
    (!(await services()).includes(first.text) || (await describe(used))?.has(first.text));
  const last = words.findLastIndex(({ raw }) => raw === ';');
  const rest = last < 0 ? words.slice(own ? 0 : 1) : words.slice(last + 1);
  return { service: own ? used : first.text, rest };
}

function inParams(method: OpenRpcMethod, index: number, typed: Word): Completion {
  const hint = signature(method);
  if (method.paramStructure === 'by-name') return { ...inObject(method, index, typed), hint };
  const { schema = {} } = method.params[index] ?? {};
  const values = valuesOf(schema) ?? (schema.type === 'boolean' ? [true, false] : []);
  const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  return { ...offered(typed, texts), hint };
}

/** The next key of the params, as long as no deeper object has been begun. */
function inObject({ params }: OpenRpcMethod, index: number, { raw }: Word): Completion {
  const key = raw === '' ? '' : /[{,]\s*((?:"[^"{}[\]:,]*)?)$/.exec(raw)?.[1];
  const deeper = (raw.match(/[{[]/g)?.length ?? 0) - (raw.match(/[}\]]/g)?.length ?? 0) > 1;
  if (index > 0 || key === undefined || deeper) return NONE;
  const begin = raw === '' ? '{' : '';
  const hits = params
    .filter(({ name }) => name.startsWith(key.replace('"', '')) && !raw.includes(`${JSON.stringify(name)}:`))
    .map(({ name }) => `${begin}${JSON.stringify(name)}: `);
  return { hits, typed: key };
}

async function namesOf(
  place: Exclude<Place, 'call'>,
  typed: string,
  known: Known,
): Promise<readonly string[]> {
  switch (place) {
    case 'command':
      return [...known.commands.keys()];
    case 'service':
      return known.services();
    case 'served':
      return known.served;
    case 'file':
      return modules(typed);
  }
}

/** Modules and folders; hidden ones where the dot is typed. */
function modules(typed: string): readonly string[] {
  const folder = typed.slice(0, typed.lastIndexOf('/') + 1);
  try {
    return readdirSync(folder === '' ? '.' : folder, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith('.') || typed.slice(folder.length).startsWith('.'))
      .filter((entry) => entry.isDirectory() || MODULES.has(extname(entry.name)))
      .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`);
  } catch {
    return [];
  }
}

/** Those that begin as what is typed, quoted as it is; the only one is whole. */
function offered({ text, raw }: Word, names: readonly string[]): Completion {
  const quote = /^['"]/.exec(raw)?.[0];
  const found = [...new Set(names)].filter((name) => name.startsWith(text)).sort();
  const hits = found.map((name) =>
    quote === undefined ? name.replace(/[\s'"\\]|^[#{[]/g, '\\$&') : `${quote}${name}`,
  );
  const [only] = hits;
  if (hits.length !== 1 || only === undefined || only.endsWith('/')) return { hits, typed: raw };
  return { hits: [`${only}${quote ?? ''} `], typed: raw };
}
