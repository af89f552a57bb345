/** What batch and bench share: how many calls may be in flight, and how long one is waited for. */
import { InvalidArgumentError, Option } from 'commander';
import { positiveInteger } from './connection.js';

/** Half of what a connection lets wait. */
const MAX_CONCURRENCY = 50_000;

export function concurrency(text: string): number {
  const value = positiveInteger(text);
  if (value > MAX_CONCURRENCY) throw new InvalidArgumentError(`Expected ${MAX_CONCURRENCY} at most.`);
  return value;
}

export const timeoutOption = (): Option =>
  new Option('--timeout <ms>', 'milliseconds until a call, or a lost broker, is given up')
    .argParser(positiveInteger)
    .default(10_000);
