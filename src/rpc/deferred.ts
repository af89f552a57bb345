/** A Promise and its ends, as ES2024's Promise.withResolvers gives them: one function for all calls, no closure for each. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

const none = (): void => {};
let lastResolve: (value: never) => void = none;
let lastReject: (error: unknown) => void = none;

function keep(resolve: (value: any) => void, reject: (error: unknown) => void): void {
  lastResolve = resolve;
  lastReject = reject;
}

export function deferred<T>(): Deferred<T> {
  const promise = new Promise<T>(keep);
  const made = { promise, resolve: lastResolve as (value: T) => void, reject: lastReject };
  lastResolve = lastReject = none;
  return made;
}
