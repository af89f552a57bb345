/**
 * A Promise and its ends, as ES2024's Promise.withResolvers gives them: one function for all calls, no closure for
 * each. Above: client.ts.
 */
const none = (): void => {};
let lastResolve: (value: unknown) => void = none;
let lastReject: (error: unknown) => void = none;

function keep(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  lastResolve = resolve;
  lastReject = reject;
}

export function deferred() {
  const promise = new Promise<unknown>(keep);
  const made = { promise, resolve: lastResolve, reject: lastReject };
  lastResolve = lastReject = none;
  return made;
}
