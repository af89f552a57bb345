/** What ends a command before its work is done: a signal, or a reader of its output that has gone. */
import { constants } from 'node:os';

/** Ends a command with a code and without a word. */
export class Stopped extends Error {
  override readonly name = 'Stopped';

  constructor(readonly code: number) {
    super(`stopped with ${code}`);
  }
}

/** Milliseconds in which a repeated signal is the same one: npm passes a terminal's Ctrl-C on, so it comes twice. */
const REPEAT = 50;

/**
 * Aborts, with a Stopped as the reason, at the first SIGINT or SIGTERM; a second one ends the
 * process at once. To be called once in a process.
 */
export function stopOnSignals(): AbortController {
  const stop = new AbortController();
  let first = 0;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const code = 128 + constants.signals[name];
      if (!stop.signal.aborted) {
        first = performance.now();
        stop.abort(new Stopped(code));
      } else if (performance.now() - first > REPEAT) process.exit(code);
    });
  }
  return stop;
}

/** Aborts, too, when stdout takes no more: quietly where its reader has gone, with the error where a disk is full. */
export function stopWithStdout(stop: AbortController): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    stop.abort(error.code === 'EPIPE' ? new Stopped(0) : new Error(`stdout: ${error.message}`));
  });
}

/** The work's outcome, or the reason to stop where that comes first; the work itself goes on. */
export function unlessStopped<T>(stop: AbortSignal, work: Promise<T>): Promise<T> {
  return Promise.race([work, stopped(stop)]);
}

/** Never resolves; rejects when it's time to stop. Keeps the process alive. */
export function stopped(stop: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const alive = setInterval(() => {}, 2_147_483_647);
    const end = () => {
      clearInterval(alive);
      reject(stop.reason);
    };
    if (stop.aborted) end();
    else stop.addEventListener('abort', end, { once: true });
  });
}
