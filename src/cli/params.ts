/** From words of the command line to the params of a call. */
import type { Params } from '../index.js';
import { UsageError } from './usage-error.js';

/** The params by position (each word JSON, else a string), or all of them as JSON; none is `undefined`. */
export function paramsOf(words: readonly string[], json: string | undefined): Params | undefined {
  if (json === undefined) return words.length === 0 ? undefined : words.map(param);
  if (words.length > 0) {
    throw new UsageError('params: expected them one by one or as --params, got both');
  }
  const params = whole(json);
  if (typeof params === 'object' && params !== null) return params as Params;
  throw new UsageError('--params: expected a JSON object (by name) or array (by position)');
}

/** A number that JSON can't carry exactly would arrive as another one, so it is refused rather than rounded. */
function param(word: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(word);
  } catch {
    return word;
  }
  if (typeof value === 'number') {
    const rounded = /^-?\d+$/.test(word) && !Number.isSafeInteger(value);
    if (rounded || !Number.isFinite(value)) {
      throw new UsageError(`param ${word}: numbers are exact up to 2^53; as a string it is '"${word}"'`);
    }
  }
  return value;
}

function whole(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--params: expected JSON: ${(error as Error).message}`);
  }
}
