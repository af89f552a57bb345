/** How a call that passes middleware ends, for those who only watch: logging.ts and metrics.ts. */
import { defer, type Observable, tap } from 'rxjs';
import { RpcError } from '../../jsonrpc/error.js';
import type { ClientCall } from './client-middleware.js';
import type { ServerCall } from './server-middleware.js';

/** A middleware that serves on both sides alike. */
export type AnyMiddleware = <C extends ClientCall | ServerCall>(
  call: C,
  next: (call: C) => Observable<unknown>,
) => Observable<unknown>;

/** `ok`, `cancelled` by an unsubscribe, an error's code, or a local error's reason. */
export type Outcome = 'ok' | 'cancelled' | number | string;

/** The code a caller sees, or the reason of a local error: never a message, which may quote params. */
export function outcomeOf(error: unknown): number | string {
  if (RpcError.is(error)) return error.code;
  const { reason } = (error ?? {}) as { readonly reason?: unknown };
  return typeof reason === 'string' ? reason : RpcError.from(error).code;
}

export const isServed = (call: ClientCall | ServerCall): call is ServerCall => 'context' in call;

/** Tells once of each subscription how it ended and how many milliseconds it took. What `tell` and `onBegin` throw is dropped: who watches a call can't fail it. */
export function watchEnd(
  source: Observable<unknown>,
  tell: (outcome: Outcome, ms: number) => void,
  onBegin?: () => void,
): Observable<unknown> {
  return defer(() => {
    const begin = performance.now();
    quietly(() => onBegin?.());
    const end = (outcome: Outcome) => quietly(() => tell(outcome, performance.now() - begin));
    return source.pipe(
      tap({
        error: (error: unknown) => end(outcomeOf(error)),
        complete: () => end('ok'),
        unsubscribe: () => end('cancelled'),
      }),
    );
  });
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {}
}
