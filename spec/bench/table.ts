/** Figures as text: Markdown tables with padded columns, which read well in a terminal too. */
import type { Interval } from './statistics.js';

export type Cell = string | undefined;

/** The first column, or as many as `texts` says, is text; the others are numbers. An undefined cell is a dash. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], texts = 1): string {
  const lines = [head, ...rows.map((row) => head.map((_, column) => row[column] ?? '–'))];
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? '').length)));
  const [first, ...rest] = lines.map((line) => {
    const cells = line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < texts ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${cells.join(' | ')} |`;
  });
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [first, `| ${rule.join(' | ')} |`, ...rest].join('\n');
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const whole = (value: number | undefined): Cell =>
  value === undefined || Number.isNaN(value) ? undefined : grouped.format(value);

export const fixed = (value: number | undefined, digits = 2): Cell =>
  value === undefined || Number.isNaN(value) ? undefined : value.toFixed(digits);

export const percent = (share: number | undefined): Cell =>
  share === undefined || Number.isNaN(share) ? undefined : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

export function range(of: Interval | undefined, digits = 2): Cell {
  if (of === undefined || Number.isNaN(of.median)) return undefined;
  return `${of.median.toFixed(digits)} (${of.low.toFixed(digits)}–${of.high.toFixed(digits)})`;
}
