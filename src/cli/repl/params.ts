/** From words of the shell to params: as `callstream call` takes them, and a lone object or array is all of them. */
import type { Params } from '../../index.js';
import { paramsOf } from '../params.js';
import { UsageError } from '../usage-error.js';
import { isBareJson, type Word } from './words.js';

export function paramsOfWords(words: readonly Word[]): Params | undefined {
  for (const word of words) if (isBareJson(word)) check(word.text);
  const [first] = words;
  if (words.length === 1 && first !== undefined && isStructured(first.text)) return paramsOf([], first.text);
  return paramsOf(
    words.map(({ text }) => text),
    undefined,
  );
}

/** Whoever types a bracket means JSON: what isn't is a mistake rather than a string. */
function check(text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new UsageError(`param ${text}: ${(error as Error).message}; in quotes it would be text`);
  }
}

function isStructured(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
