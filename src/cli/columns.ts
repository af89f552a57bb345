/** How much of a text fits on a line of the terminal. */
import stringWidth from 'string-width';

const ELLIPSIS = '…';
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

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
