/** Checks of options at the edge: what is wrong, where, and what is accepted. */
import { show } from '../shown.js';

const MAX_TIMER = 2_147_483_647;

/** A number of milliseconds that a timer can hold. */
export function milliseconds(field: string, value: number, from = 1): number {
  return within(field, value, from, MAX_TIMER, 'a number of milliseconds');
}

/** A bound or a count. */
export function count(field: string, value: number, from = 1): number {
  if (Number.isInteger(value)) return within(field, value, from, Number.MAX_SAFE_INTEGER, 'an integer');
  throw new TypeError(`${field}: expected an integer from ${from}, got ${String(value)}`);
}

/** Yes or no. */
export function flag(field: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${field}: expected true or false, got ${String(value)}`);
}

/** A string, be it an empty one. */
export function text(field: string, value: string): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`${field}: expected a string, got ${String(value)}`);
}

/** Names in an array. */
export function texts(field: string, values: readonly string[]): readonly string[] {
  if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  throw new TypeError(`${field}: expected an array of strings, got ${show(values)}`);
}

/** One of a few words. */
export function oneOf<T extends string>(field: string, value: string, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const accepted = words.map((word) => `'${word}'`).join(' or ');
  throw new TypeError(`${field}: expected ${accepted}, got ${JSON.stringify(value)}`);
}

function within(field: string, value: number, from: number, to: number, what: string): number {
  if (typeof value === 'number' && value >= from && value <= to) return value;
  throw new TypeError(`${field}: expected ${what} from ${from} to ${to}, got ${String(value)}`);
}
