/** Values, errors and times as a person reads them; colours where the terminal has them. */
import { inspect, styleText } from 'node:util';
import { FailedError, NotSentError, RpcError, UnknownError } from '../../index.js';
import { explain } from '../exit.js';
import { shownNumber, shownTime } from '../figures.js';
import { shown } from '../output.js';

/** Of a value on a terminal; in a script all of it is written. */
const DEPTH = 10;
const MAX_ARRAY = 1_000;
const MAX_STRING = 10_000;

export interface Looks {
  readonly colors: boolean;
  readonly columns: number;
}

/** util.inspect escapes control characters of keys and strings: they would act on the terminal. */
export function shownValue(value: unknown, { colors, columns }: Looks): string {
  return inspect(value, {
    colors,
    depth: DEPTH,
    breakLength: Math.max(20, columns),
    maxArrayLength: MAX_ARRAY,
    maxStringLength: MAX_STRING,
  });
}

/** As `error -32601 Method not found`, or `not sent: …`, and its data below. */
export function shownError(error: unknown, looks: Looks): string {
  const [headline, data] = parts(error);
  const red = looks.colors ? styleText('red', headline, { validateStream: false }) : headline;
  if (data === undefined) return red;
  return `${red}\n${typeof data === 'string' ? shown(data) : shownValue(data, looks)}`;
}

export function dim(text: string, { colors }: Looks): string {
  return colors ? styleText('dim', text, { validateStream: false }) : text;
}

function parts(error: unknown): readonly [headline: string, data?: unknown] {
  if (error instanceof RpcError) return [`error ${error.code} ${shown(error.message)}`, error.data];
  if (error instanceof NotSentError) return [known('not sent', error), error.data];
  if (error instanceof FailedError) return [known('failed', error)];
  if (error instanceof UnknownError) return [`${known('unknown', error)} (it may have run)`];
  return [explain(error).text];
}

/** Some messages begin with what is known. */
function known(what: string, { message }: Error): string {
  return message.startsWith(what) ? shown(message) : `${what}: ${shown(message)}`;
}

/** How long a call took; of a stream, how fast it was too. */
export function shownTiming(items: number, ms: number, firstAt: number): string {
  if (items < 2) return shownTime(ms);
  const rate = shownNumber((items * 1_000) / Math.max(ms, 0.01));
  return `${shownNumber(items)} items in ${shownTime(ms)}, ${rate}/s, the first after ${shownTime(firstAt)}`;
}
