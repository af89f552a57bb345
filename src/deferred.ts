/**
 * A Promise and its ends, as ES2024's Promise.withResolvers gives them: one function for all calls, no closure for
 * each. Above: the client, and the group member.
 */
const none = (): void => {};
let lastResolve: (value: unknown) => void = none;
let lastReject: (error: unknown) => void = none;

function keep(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  lastResolve = resolve;
  lastReject = reject;
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<T = unknown>(): Deferred<T> {
  const promise = new Promise<T>(
    keep as (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  );
  const made = { promise, resolve: lastResolve, reject: lastReject };
  lastResolve = lastReject = none;
  return made;
}
