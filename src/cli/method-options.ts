/** Limits of single methods, as `serve --method slow:concurrency=2,maxQueued=10` gives them. */
import { InvalidArgumentError } from 'commander';
import type { MethodOptions } from '../index.js';
import { positiveInteger } from './connection.js';

export const ORDERS = ['key', 'none'] as const;

const READERS: ReadonlyMap<string, (text: string) => MethodOptions> = new Map<
  string,
  (text: string) => MethodOptions
>([
  ['concurrency', (text) => ({ concurrency: positiveInteger(text) })],
  ['maxQueued', (text) => ({ maxQueued: positiveInteger(text) })],
  ['orderBy', (text) => ({ orderBy: orderBy(text) })],
]);

type Methods = Readonly<Record<string, MethodOptions>>;

/** Adds those of one method to those before. A method's name may hold a colon. */
export function methodOptions(text: string, before: Methods = {}): Methods {
  const colon = text.lastIndexOf(':');
  const name = text.slice(0, Math.max(0, colon));
  if (name === '') throw new InvalidArgumentError('Expected a method and its limits, as slow:concurrency=2.');
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`${name} has been given before.`);
  const limits = text
    .slice(colon + 1)
    .split(',')
    .map(limit);
  return { ...before, [name]: Object.assign({}, ...limits) };
}

function limit(text: string): MethodOptions {
  const [, word = text, value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
  const read = READERS.get(word);
  if (read !== undefined) return read(value);
  throw new InvalidArgumentError(
    `Expected ${[...READERS.keys()].join('=, ')}=, got ${JSON.stringify(text)}.`,
  );
}

function orderBy(text: string): 'key' | 'none' {
  const found = ORDERS.find((order) => order === text);
  if (found === undefined) throw new InvalidArgumentError(`Expected orderBy=${ORDERS.join(' or orderBy=')}.`);
  return found;
}
