/** What ends a command before its work is done: a signal, or a reader of its output that has gone. */
import { constants } from 'node:os';

/** Ends a command with a code, and with a word where there is something to say. */
export class Stopped extends Error {
  override readonly name = 'Stopped';

  constructor(
    readonly code: number,
    readonly text = '',
  ) {
    super(text);
  }
}

/** Milliseconds in which a repeated signal is the same one: npm passes a terminal's Ctrl-C on, so it comes twice. */
const REPEAT = 50;

/**
 * Aborts, with a Stopped as the reason, at the first SIGINT or SIGTERM; the second one ends the
 * process at once. To be called once there is something to put in order: before, a signal just ends.
 */
export function stopOnSignals(): AbortController {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) return;
      stop.abort(new Stopped(128 + constants.signals[name]));
      setTimeout(endOnSignals, REPEAT).unref();
    });
  }
  return stop;
}

/** The system's own way, since process.exit would wait for a native call that hangs. */
function endOnSignals(): void {
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
}

/** Aborts, too, when stdout takes no more: quietly where its reader has gone, as a failure where a disk is full. */
export function stopWithStdout(stop: AbortController): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    stop.abort(error.code === 'EPIPE' ? new Stopped(0) : new Stopped(1, `error: stdout: ${error.message}`));
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
