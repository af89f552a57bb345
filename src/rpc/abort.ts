/** How an AbortSignal ends calls. Above: the correlation, and a client's middleware. */
import { EventEmitter, getMaxListeners, setMaxListeners } from 'node:events';

/** Calls back when the signal aborts; the function stops that. */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  allowMany(signal);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/** Node takes more than ten listeners for a leak: calls that wait with one signal are none. A limit that its user has set stays. */
function allowMany(signal: AbortSignal): void {
  try {
    if (getMaxListeners(signal) === EventEmitter.defaultMaxListeners) setMaxListeners(Infinity, signal);
  } catch {
    // A signal of another kind, or without a limit (nodejs/node: getMaxListeners throws at 0).
  }
}
