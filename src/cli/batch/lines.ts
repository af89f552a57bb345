/** Bytes to lines, a chunk at a time: all the lines that a chunk completes come at once. Above: rows.ts. */
import { isUtf8 } from 'node:buffer';
import { UsageError } from '../usage-error.js';

/** Bytes of a line, at most: one without an end would fill the memory. */
export const MAX_LINE = 16 * 1024 * 1024;

const NEWLINE = 10;

/** One line without its end; undefined where its bytes aren't UTF-8. */
export type Line = string | undefined;

export class Lines {
  #rest: Buffer[] = [];
  #restBytes = 0;
  #count = 0;

  /** The chunk is only read while this runs. */
  read(chunk: Buffer): Line[] {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) {
      this.#keep(chunk);
      return [];
    }
    const whole = chunk.subarray(0, end);
    const lines = cut(this.#restBytes === 0 ? whole : Buffer.concat([...this.#rest, whole]));
    this.#count += lines.length;
    this.#rest = [];
    this.#restBytes = 0;
    if (end + 1 < chunk.length) this.#keep(chunk.subarray(end + 1));
    return lines;
  }

  /** The last line, where it has no end. */
  end(): Line[] {
    return this.#restBytes === 0 ? [] : cut(Buffer.concat(this.#rest));
  }

  #keep(part: Buffer): void {
    this.#restBytes += part.length;
    if (this.#restBytes > MAX_LINE) {
      throw new UsageError(`line ${this.#count + 1} is longer than ${MAX_LINE} bytes`);
    }
    this.#rest.push(Buffer.from(part));
  }
}

function cut(bytes: Buffer): Line[] {
  if (isUtf8(bytes)) return bytes.toString('utf8').split('\n');
  const lines: Line[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    lines.push(isUtf8(line) ? line.toString('utf8') : undefined);
    start = end + 1;
  }
  return lines;
}
