/** The input of a job, a file or stdin, as entries that are ready to be called with. Below: rows.ts, mapping.ts. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Params } from '../../index.js';
import { UsageError } from '../usage-error.js';
import type { Mapping } from './mapping.js';
import { CsvRows, JsonRows, type Row, type Rows } from './rows.js';

/** Bytes that are read at a time. */
const CHUNK = 256 * 1024;
/** Bytes of the first line that tell an input from another. */
const HEAD = 4_096;

/** One call to make. */
export interface Entry extends Row {
  /** Counts the rows from 0. */
  readonly index: number;
  readonly params: Params | undefined;
  /** Times that it was sent. */
  sends: number;
  /** The outages of the broker that there had been when it was sent. */
  outages: number;
}

/** What a job's input is known by: a resumed job has to have the same. */
export interface InputIdentity {
  /** Absent for stdin, as `modified`. */
  readonly bytes?: number;
  /** Milliseconds since the epoch. */
  readonly modified?: number;
  /** Of the first line, or its first 4,096 bytes. */
  readonly sha256: string;
}

type Read = () => Promise<Buffer | undefined>;

export class Input {
  /** For messages. */
  readonly name: string;
  /** In bytes; undefined for stdin. */
  readonly size: number | undefined;
  readonly #modified: number | undefined;
  readonly #read: Read;
  readonly #rows: Rows;
  readonly #mapping: Mapping;
  readonly #close: () => Promise<void>;
  #first: Buffer[] = [];
  #index = 0;
  #bytes = 0;
  #ended = false;

  /** `-` or undefined is stdin. */
  static async open(file: string | undefined, format: 'ndjson' | 'csv', mapping: Mapping): Promise<Input> {
    const rows = format === 'csv' ? new CsvRows() : new JsonRows();
    if (file === undefined || file === '-') return new Input('stdin', fromStdin(), rows, mapping);
    const handle = await opened(file);
    const stat = await handle.stat();
    if (stat.isDirectory()) {
      await handle.close();
      throw new UsageError(`${file}: it is a folder`);
    }
    // A named pipe has neither.
    const regular = stat.isFile() ? { size: stat.size, modified: Math.floor(stat.mtimeMs) } : {};
    return new Input(file, fromFile(handle), rows, mapping, regular, () => handle.close());
  }

  private constructor(
    name: string,
    read: Read,
    rows: Rows,
    mapping: Mapping,
    { size, modified }: { size?: number; modified?: number } = {},
    close = async () => {},
  ) {
    this.name = name;
    this.#read = read;
    this.#rows = rows;
    this.#mapping = mapping;
    this.size = size;
    this.#modified = modified;
    this.#close = close;
  }

  /** Rows so far. */
  get rows(): number {
    return this.#index;
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Reads as far as the first line; before anything else. */
  async identity(): Promise<InputIdentity> {
    let head = Buffer.alloc(0);
    while (head.length < HEAD && !head.includes(10)) {
      const chunk = await this.#read();
      if (chunk === undefined) break;
      this.#first.push(Buffer.from(chunk));
      head = Buffer.concat(this.#first);
    }
    const newline = head.indexOf(10);
    const line = head.subarray(0, Math.min(newline < 0 ? head.length : newline, HEAD));
    const sha256 = createHash('sha256').update(line).digest('hex');
    return { bytes: this.size, modified: this.#modified, sha256 };
  }

  /** The entries of the next chunk, perhaps none; undefined at the end. */
  async next(): Promise<Entry[] | undefined> {
    if (this.#ended) return undefined;
    const chunk = this.#first.shift() ?? (await this.#read());
    try {
      if (chunk !== undefined) {
        this.#bytes += chunk.length;
        return this.#entries(this.#rows.read(chunk));
      }
      this.#ended = true;
      return this.#entries(this.#rows.end());
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${this.name}: ${error.message}`) : error;
    }
  }

  close(): Promise<void> {
    return this.#close();
  }

  #entries(rows: readonly Row[]): Entry[] {
    return rows.map(({ line, input, problem }) => {
      const index = this.#index++;
      const mapped = problem === undefined ? this.#mapping(input) : { problem };
      return 'params' in mapped
        ? { index, line, input, params: mapped.params, problem: undefined, sends: 0, outages: 0 }
        : { index, line, input, params: undefined, problem: mapped.problem, sends: 0, outages: 0 };
    });
  }
}

async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `${file}: ${code === 'ENOENT' ? 'there is no such file' : `can't be read (${code})`}`,
    );
  }
}

/** What it gives is overwritten by the next read. */
function fromFile(handle: FileHandle): Read {
  const buffer = Buffer.allocUnsafe(CHUNK);
  return async () => {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK, null);
    return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
  };
}

function fromStdin(): Read {
  const chunks = process.stdin[Symbol.asyncIterator]();
  return async () => {
    const { done, value } = await chunks.next();
    return done ? undefined : value;
  };
}
