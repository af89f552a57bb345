/** Authentication, a cache and a circuit breaker, each as one middleware of a few lines. */
import { expect } from 'chai';
import { of, tap, throwError } from 'rxjs';
import type { Connection } from '../../../src/connection.js';
import { RpcError } from '../../../src/jsonrpc/error.js';
import { NotSentError } from '../../../src/rpc/error.js';
import type { ClientMiddleware } from '../../../src/rpc/middleware/client-middleware.js';
import { only } from '../../../src/rpc/middleware/policies.js';
import type { ServerMiddleware } from '../../../src/rpc/middleware/server-middleware.js';
import { Bench, ending } from '../harness.js';

/** A client's token goes with every call. */
const withToken =
  (token: string): ClientMiddleware =>
  (call, next) => {
    const headers = { ...call.options.headers, token };
    return next({ ...call, options: { ...call.options, headers } });
  };

/** A server's calls need a token that it knows: without one the handler never runs. */
const authenticated =
  (tokens: ReadonlySet<string>): ServerMiddleware =>
  (call, next) =>
    tokens.has(call.context.headers.token ?? '')
      ? next(call)
      : throwError(() => new RpcError(1401, 'Unauthorized'));

/** Results by method and params for `ms`; the oldest makes room. */
const cached = (ms: number, max: number, now: () => number): ClientMiddleware => {
  const known = new Map<string, { readonly result: unknown; readonly until: number }>();
  return (call, next) => {
    const key = JSON.stringify([call.method, call.params]);
    const hit = known.get(key);
    if (hit !== undefined && hit.until > now()) return of(hit.result);
    return next(call).pipe(
      tap((result) => {
        known.delete(key);
        known.set(key, { result, until: now() + ms });
        for (const oldest of known.keys()) if (known.size > max) known.delete(oldest);
      }),
    );
  };
};

/** After `failures` in a row calls are refused for `ms`; then one may try, and closes the circuit or opens it again. */
const circuitBreaker = (failures: number, ms: number, now: () => number): ClientMiddleware => {
  let failed = 0;
  let closedAt = 0;
  const count = (good: boolean) => {
    failed = good ? 0 : failed + 1;
    closedAt = failed >= failures ? now() + ms : 0;
  };
  return (call, next) => {
    if (now() < closedAt) return throwError(() => new NotSentError('refused', 'the circuit is open'));
    if (failed >= failures) closedAt = now() + ms;
    return next(call).pipe(tap({ complete: () => count(true), error: () => count(false) }));
  };
};

describe('middleware in a few lines', () => {
  let bench: Bench;
  let connection: Connection;
  let runs: number;
  const now = () => bench.clock.now();

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
    runs = 0;
  });
  afterEach(() => bench.close());

  const target = {
    double: (n: number) => {
      runs += 1;
      if (n < 0) throw new RpcError(-32000, 'down');
      return n * 2;
    },
  };

  it('should be authentication: a token from the client, asked for by the server', async () => {
    await bench.until(connection.serve('s', target, { middleware: [authenticated(new Set(['secret']))] }));
    const calls = [[withToken('secret')], [withToken('guess')], []].map((middleware) =>
      ending(connection.client('s', { middleware }).call('double', [4])),
    );
    expect(await bench.until(Promise.all(calls))).to.deep.equal([8, 'RpcError 1401', 'RpcError 1401']);
    expect(runs).to.equal(1);
  });

  it('should be a cache with a time and a bound', async () => {
    await bench.until(connection.serve('s', target));
    const cache = only(['double'], cached(1_000, 2, now));
    const client = connection.client('s', { middleware: [cache] });
    const results: unknown[] = [];
    for (const n of [1, 1, 2, 1, 3, 1]) results.push(await bench.until(client.call('double', [n])));
    // The third kind of params has pushed the first out.
    expect([results, runs]).to.deep.equal([[2, 2, 4, 2, 6, 2], 4]);
    await bench.advance(1_000);
    await bench.until(client.call('double', [1]));
    expect(runs).to.equal(5);
  });

  it('should be a circuit breaker that opens, lets one try, and closes', async () => {
    await bench.until(connection.serve('s', target));
    const client = connection.client('s', { middleware: [circuitBreaker(2, 1_000, now)] });
    const call = (n: number) => bench.until(ending(client.call('double', [n])));
    expect([await call(-1), await call(-1), await call(1)]).to.deep.equal([
      'RpcError -32000',
      'RpcError -32000',
      'NotSent refused',
    ]);
    await bench.advance(1_000);
    expect([await call(-1), await call(1)]).to.deep.equal(['RpcError -32000', 'NotSent refused']);
    await bench.advance(1_000);
    expect([await call(1), await call(2), runs]).to.deep.equal([2, 4, 5]);
  });
});
