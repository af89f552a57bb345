/** Where results or failures go: a file that is cut to what counts and synchronised, or a stream of the process. */
import { type FileHandle, open } from 'node:fs/promises';
import { UsageError } from '../usage-error.js';

export interface Sink {
  /** Bytes in it. */
  readonly bytes: number;
  /** Resolves when the system has it: a slow reader slows the job. */
  write(text: string): Promise<void>;
  /** Resolves when it is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export class FileSink implements Sink {
  readonly #handle: FileHandle;
  /** A pipe has no places to write at. */
  readonly #regular: boolean;
  #dirty = false;
  bytes: number;

  /** Keeps the first `bytes` of the file, and goes on behind them. */
  static async open(file: string, bytes: number): Promise<FileSink> {
    try {
      const handle = await open(file, bytes === 0 ? 'w' : 'r+');
      const stat = await handle.stat();
      const { size } = stat;
      if (size < bytes) {
        await handle.close();
        throw new UsageError(`--resume: ${file}: it has ${size} bytes, and the job had written ${bytes}`);
      }
      // What is no regular file, as /dev/null, can't be cut.
      if (size > bytes) await handle.truncate(bytes);
      return new FileSink(handle, stat.isFile(), bytes);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`${file}: can't be written (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  private constructor(handle: FileHandle, regular: boolean, bytes: number) {
    this.#handle = handle;
    this.#regular = regular;
    this.bytes = bytes;
  }

  async write(text: string): Promise<void> {
    const buffer = Buffer.from(text, 'utf8');
    for (let done = 0; done < buffer.length; ) {
      const at = this.#regular ? this.bytes + done : null;
      done += (await this.#handle.write(buffer, done, buffer.length - done, at)).bytesWritten;
    }
    this.bytes += buffer.length;
    this.#dirty = true;
  }

  async sync(): Promise<void> {
    if (!this.#dirty || !this.#regular) return;
    this.#dirty = false;
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Stdout or stderr; one whose reader has gone takes everything. */
export function streamSink(stream: NodeJS.WriteStream): Sink {
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    write: (text) =>
      new Promise((resolve, reject) => {
        bytes += text.length;
        stream.write(text, (error) => {
          const { code } = (error ?? {}) as NodeJS.ErrnoException;
          if (code === undefined || code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') resolve();
          else reject(error);
        });
      }),
    sync: async () => {},
    close: async () => {},
  };
}
