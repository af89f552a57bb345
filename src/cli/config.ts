/**
 * The file behind `--config`: librdkafka's properties, as a JSON object or as lines `name=value`
 * with # comments, the format of Kafka's own tools. Errors name the file, the line and the property,
 * never a value: passwords are among them.
 */
import { readFileSync } from 'node:fs';
import { UsageError } from './usage-error.js';

type Value = string | number | boolean;

export interface Config {
  /** `bootstrap.servers`, which is no property of a connection but an argument of it. */
  readonly brokers: string | undefined;
  readonly properties: Readonly<Record<string, Value>>;
  /** Where a property stands, as `kafka.properties:3`. */
  where(property: string): string | undefined;
}

const BROKERS = 'bootstrap.servers';

export function readConfig(file: string): Config {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    const { code = 'it is no file' } = error as NodeJS.ErrnoException;
    throw new UsageError(`${file}: can't be read (${code})`);
  }
  return parseConfig(text, file);
}

/** `file` is the name in errors. */
export function parseConfig(text: string, file: string): Config {
  const entries = text.trimStart().startsWith('{') ? fromJson(text, file) : fromLines(text, file);
  const { [BROKERS]: brokers, ...properties } = Object.fromEntries(
    [...entries].map(([name, { value }]) => [name, value]),
  );
  return {
    brokers: brokers === undefined ? undefined : String(brokers),
    properties,
    where: (property) => {
      const line = entries.get(property)?.line;
      return line === undefined ? undefined : `${file}:${line}`;
    },
  };
}

type Entries = Map<string, { readonly value: Value; readonly line: number }>;

function fromLines(text: string, file: string): Entries {
  const entries: Entries = new Map();
  for (const [index, content] of text.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1;
    const trimmed = content.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('!')) continue;
    const equals = trimmed.indexOf('=');
    const name = trimmed.slice(0, equals).trimEnd();
    if (equals < 1 || /\s/.test(name)) {
      throw new UsageError(`${file}:${line}: expected name=value, or a comment after #`);
    }
    add(entries, file, name, trimmed.slice(equals + 1).trimStart(), line);
  }
  return entries;
}

function fromJson(text: string, file: string): Entries {
  const entries: Entries = new Map();
  for (const [name, value] of Object.entries(parse(text, file))) {
    const at = text.indexOf(JSON.stringify(name));
    add(entries, file, name, value, lineAt(text, Math.max(at, 0)));
  }
  return entries;
}

function parse(text: string, file: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    throw new UsageError(`${file}:${faultyLine(text)}: not valid JSON`);
  }
}

/** JSON.parse says where only in some of its messages, and quotes what is there: the line is the first that makes things worse than an early end. */
function faultyLine(text: string): number {
  const lines = text.split('\n');
  const index = lines.findIndex((_, last) => isFaulty(lines.slice(0, last + 1).join('\n')));
  return index < 0 ? lines.length : index + 1;
}

function isFaulty(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return false;
  } catch (error) {
    const { message } = error as Error;
    const position = /at position (\d+)/.exec(message)?.[1];
    return position === undefined
      ? !message.includes('end of JSON')
      : Number(position) < beginning.trimEnd().length;
  }
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

function add(entries: Entries, file: string, name: string, value: unknown, line: number): void {
  if (entries.has(name)) throw new UsageError(`${file}:${line}: ${name} is set twice`);
  if (!['string', 'number', 'boolean'].includes(typeof value)) {
    throw new UsageError(`${file}:${line}: ${name}: expected a string, a number or a boolean`);
  }
  entries.set(name, { value: value as Value, line });
}
