/** Moments, as the command line takes and shows them: a length of time ago, `500ms` or `10m`, or `2026-01-31T12:00`. */
import { InvalidArgumentError } from 'commander';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** For `--since`: a moment, or where a topic begins. */
export function moment(text: string): Date | 'earliest' {
  if (text === 'earliest') return text;
  const length = lengthOf(text);
  const date = length === undefined ? isoDate(text) : new Date(Date.now() - length);
  if (date === undefined)
    throw new InvalidArgumentError(
      'Expected a duration as 10m, an ISO time as 2026-01-31T12:00, or earliest.',
    );
  return date;
}

function lengthOf(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(number) * (UNITS.get(unit) ?? Number.NaN));
  return milliseconds >= 1 && milliseconds <= 1e12 ? milliseconds : undefined;
}

/** `new Date` alone would take almost anything. */
function isoDate(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)) return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** In local time; with its day where that isn't today. */
export function shownMoment(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const fraction = String(date.getMilliseconds()).padStart(3, '0');
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? '' : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
  return `${day}${clock}.${fraction}`;
}

/** For programs; null for what is none. */
export function isoMoment(time: number): string | null {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
