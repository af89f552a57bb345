/** Figures as a person reads them. */

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** As `12,345`. */
export const shownNumber = (value: number): string => number.format(value);

/** As `1 item`, `2 items`. */
export const counted = (count: number, one: string): string =>
  `${shownNumber(count)} ${one}${count === 1 ? '' : 's'}`;

/** Milliseconds, as `0.81 ms`, `12 ms`, `3.2 s`. */
export function shownTime(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
