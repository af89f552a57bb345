/** A nats-server on a free port of 127.0.0.1 for the length of a run; undefined where there is no such program. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface NatsServer {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startNats(): Promise<NatsServer | undefined> {
  const port = await freePort();
  const child = spawn('nats-server', ['--addr', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' });
  child.on('error', () => {});
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.pid === undefined || child.exitCode !== null) return undefined;
    if (await answers(port)) return { address: `127.0.0.1:${port}`, stop: () => stop(child) };
    await sleep(50);
  }
  await stop(child);
  return undefined;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
