/** The board: what is known of each symbol, and how it looks in a terminal. */
import { cursorTo, moveCursor } from 'node:readline';
import { styleText } from 'node:util';
import { Table } from 'console-table-printer';
import type { Tick } from './market.js';

/** One line of the board. */
export interface Quote {
  readonly symbol: string;
  readonly ticks: number;
  readonly price: number;
  /** Against the tick before. */
  readonly change: number;
}

export const quote = (last: Quote | undefined, { symbol, price }: Tick): Quote => ({
  symbol,
  ticks: (last?.ticks ?? 0) + 1,
  price,
  change: price - (last?.price ?? price),
});

let drawn = 0;

/** Draws over the board drawn before, unless a note came between. */
export function draw(quotes: readonly Quote[]): void {
  const { isTTY } = process.stdout;
  const columns = [{ name: 'symbol', alignment: 'left' } as const];
  const table = new Table({ columns, shouldDisableColors: !isTTY });
  for (const { symbol, ticks, price, change } of quotes) {
    const sign = change > 0 ? '+' : '';
    table.addRow({ symbol, price: price.toFixed(2), change: sign + change.toFixed(2), ticks });
  }
  const text = table.render();
  if (isTTY && drawn > 0) {
    moveCursor(process.stdout, 0, -drawn);
    cursorTo(process.stdout, 0);
  }
  process.stdout.write(`${text}\n`);
  drawn = text.split('\n').length;
}

/** A line above the next board. */
export function note(text: string): void {
  drawn = 0;
  process.stdout.write(`${styleText('dim', text)}\n`);
}
