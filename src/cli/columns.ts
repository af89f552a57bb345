/** How much of a text fits on a line of the terminal, and in which colours. */
import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { oneLine } from './output.js';

const ELLIPSIS = '…';
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

export type Part = readonly [text: string, style?: Parameters<typeof styleText>[0] | undefined];

export interface Width {
  readonly colours: boolean;
  /** Of the terminal; undefined where nothing is cut. */
  readonly columns: number | undefined;
}

/** Those of stdout, as wide as it is when a line is written. */
export const ofStdout: Width = {
  get colours() {
    return process.stdout.isTTY && process.stdout.hasColors();
  },
  get columns() {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  },
};

/** The parts in one line, with a space between them. The whole is cut before it is coloured: a cut within a style would leave the terminal in it. */
export function fitted(parts: readonly Part[], { columns, colours }: Width): string {
  const spaced = parts.flatMap(([text, style]) => (text === '' ? [] : [[oneLine(text), style] as const]));
  const whole = spaced.map(([text]) => text).join(' ');
  const fitting = columns === undefined ? whole : cut(whole, columns);
  if (!colours) return fitting;
  let at = 0;
  return spaced
    .map(([text, style]) => {
      const piece = fitting.slice(at, at + text.length + 1);
      at += text.length + 1;
      return style === undefined || piece === '' ? piece : styleText(style, piece, { validateStream: false });
    })
    .join('');
}

/** The text, or as much of it as fits in so many columns with an ellipsis behind it. */
export function cut(text: string, columns: number): string {
  // What is longer than this in code units is too long, however narrow they are.
  const head = text.length > columns * 4 ? text.slice(0, columns * 4) : text;
  if (head.length === text.length && stringWidth(text) <= columns) return text;
  let fitting = '';
  let width = 0;
  for (const { segment } of graphemes.segment(head)) {
    width += stringWidth(segment);
    if (width >= columns) break;
    fitting += segment;
  }
  return fitting + ELLIPSIS;
}
