/** The rows of an input, from its bytes: NDJSON, or CSV whose first line names the fields. Above: input.ts. */
import { TextDecoder } from 'node:util';
import { type CsvError, parse } from 'csv-parse';
import { UsageError } from '../usage-error.js';
import { type Line, Lines, MAX_LINE } from './lines.js';

export interface Row {
  /** From 1, as editors count. */
  readonly line: number;
  /** The row's value; where there is a problem, its text. */
  readonly input: unknown;
  /** What is wrong with the row: it can't be called with. */
  readonly problem?: string;
}

export interface Rows {
  /** The rows that a chunk completes; a UsageError where nothing behind this place can be read. */
  read(chunk: Buffer): Row[];
  end(): Row[];
}

/** One JSON value a line; blank lines are none. */
export class JsonRows implements Rows {
  readonly #lines = new Lines();
  #line = 0;

  read(chunk: Buffer): Row[] {
    return this.#rows(this.#lines.read(chunk));
  }

  end(): Row[] {
    return this.#rows(this.#lines.end());
  }

  #rows(lines: readonly Line[]): Row[] {
    const rows: Row[] = [];
    for (const text of lines) {
      this.#line += 1;
      const row = jsonRow(this.#line === 1 ? text?.replace(/^\ufeff/, '') : text, this.#line);
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }
}

function jsonRow(text: Line, line: number): Row | undefined {
  if (text === undefined) return { line, input: null, problem: 'not valid UTF-8' };
  try {
    const input: unknown = JSON.parse(text);
    const rounded = /\d{16}/.test(text) ? roundedIn(text) : undefined;
    if (rounded === undefined) return { line, input };
    const problem = `numbers are exact up to 2^53: ${rounded} has to be a string`;
    return { line, input: text, problem };
  } catch (error) {
    if (text.trim() === '') return undefined;
    return { line, input: text, problem: `not valid JSON: ${(error as Error).message}` };
  }
}

/** An integer that JSON.parse has changed. */
function roundedIn(json: string): string | undefined {
  const bare = json.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const numbers = bare.match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g);
  return numbers?.find((number) => /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number)));
}

interface CsvRecord {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

/** RFC 4180; all values are strings. */
export class CsvRows implements Rows {
  readonly #parser = parse({
    bom: true,
    info: true,
    // Not what ends the first line: files that were put together may have several.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE,
  });
  #names: readonly string[] | undefined;
  #error: CsvError | undefined;
  /** Until bytes come that it refuses. */
  #utf8: TextDecoder | undefined = new TextDecoder('utf-8', { fatal: true });

  constructor() {
    this.#parser.on('error', (error: CsvError) => {
      this.#error = error;
    });
  }

  read(chunk: Buffer): Row[] {
    this.#check(chunk);
    // The parser keeps what it was given; the caller fills its buffer again.
    this.#parser.write(Buffer.from(chunk));
    return this.#rows();
  }

  end(): Row[] {
    this.#check();
    this.#parser.end();
    return this.#rows();
  }

  #rows(): Row[] {
    const rows: Row[] = [];
    for (;;) {
      const next = this.#parser.read() as CsvRecord | null;
      if (next === null) break;
      const { record, info } = next;
      const broken = this.#utf8 === undefined && record.some((value) => value.includes('\ufffd'));
      if (broken && this.#names === undefined) throw new UsageError('line 1: not valid UTF-8');
      if (broken) rows.push({ line: info.lines, input: record, problem: 'not valid UTF-8' });
      else if (this.#names === undefined) this.#names = header(record);
      else rows.push(csvRow(this.#names, record, info.lines));
    }
    // A stream emits its error later; what it has refused is known at once.
    const error = this.#error ?? (this.#parser.errored as CsvError | null);
    if (error !== null && error !== undefined) throw new UsageError(error.message);
    return rows;
  }

  /** The parser puts U+FFFD for what isn't UTF-8, as files of Excel's may be. */
  #check(chunk?: Buffer): void {
    try {
      this.#utf8?.decode(chunk, { stream: chunk !== undefined });
    } catch {
      this.#utf8 = undefined;
    }
  }
}

function header(names: readonly string[]): readonly string[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`line 1: the field ${JSON.stringify(twice)} is there twice`);
  return names;
}

function csvRow(names: readonly string[], record: readonly string[], line: number): Row {
  if (record.length === names.length) {
    return { line, input: Object.fromEntries(names.map((name, index) => [name, record[index]])) };
  }
  const problem = `expected ${names.length} fields as in the first line, got ${record.length}`;
  return { line, input: record, problem };
}
