/**
 * One process alone works on a job: it holds a name of the system's for the journal, which ends with the process however
 * that ends, so that nothing is left to be removed. Processes of one machine, and of one container, see each other;
 * where the system has no such names, as macOS, none does. Used by journal.ts.
 */
import type { FileHandle } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

/** What the system's names of this kind begin with. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['linux', '\0'],
  ['win32', '\\\\.\\pipe\\'],
]);

export interface Lock {
  release(): void;
}

/** By what the file is, whatever it is called; undefined where another process has it. */
export async function lockOf(file: FileHandle): Promise<Lock | undefined> {
  const names = NAMES.get(process.platform);
  if (names === undefined) return { release: () => {} };
  const { dev, ino } = await file.stat({ bigint: true });
  const server = await listening(`${names}callstream-journal-${dev}-${ino}`);
  return server && { release: () => server.close() };
}

function listening(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve(server));
    server.unref();
  });
}
