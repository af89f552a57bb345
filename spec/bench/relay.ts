/** Stands between a TCP client and its server, passes everything on, and counts the bytes. */
import { connect, createServer, type Socket } from 'node:net';

export interface Relay {
  readonly address: string;
  /** Both ways, up to now. */
  readonly bytes: number;
  stop(): void;
}

export function startRelay(to: string): Promise<Relay> {
  const [host = '', port = ''] = to.split(':');
  const sockets = new Set<Socket>();
  let bytes = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay();
      from.on('data', ({ length }) => {
        bytes += length;
      });
      from.on('error', () => into.destroy());
      from.pipe(into);
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const at = server.address();
      resolve({
        address: `127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}`,
        get bytes() {
          return bytes;
        },
        stop: () => {
          for (const socket of sockets) socket.destroy();
          server.close();
        },
      });
    });
  });
}
