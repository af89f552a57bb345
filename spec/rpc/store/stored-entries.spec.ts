/** What a server asks of a store, of whatever kind: when it claims, what it keeps, and what it does where it can't. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { concat, NEVER, of, throwError } from 'rxjs';
import type { Connection } from '../../../src/connection.js';
import { notification, request, service } from '../../../src/contract.js';
import { RpcError } from '../../../src/jsonrpc/error.js';
import type { CallStore, StoredAnswer } from '../../../src/rpc/store/call-store.js';
import { Bench, ending } from '../harness.js';

const DateFromISOString = new t.Type<Date, string, unknown>(
  'DateFromISOString',
  (value): value is Date => value instanceof Date,
  (value, context) => (typeof value === 'string' ? t.success(new Date(value)) : t.failure(value, context)),
  (date) => date.toISOString(),
);

const contract = service('s', {
  now: request({ params: t.tuple([t.number]), result: t.type({ at: DateFromISOString }) }),
  last: request({ params: t.tuple([t.number]), result: t.number }),
  wrong: request({ result: t.number }),
  hang: request({ result: t.number }),
  note: notification({ params: t.tuple([t.number]) }),
});

/** The whole interface, in this process. */
class MapStore implements CallStore {
  readonly log: string[] = [];
  readonly answers = new Map<string, StoredAnswer['answer']>();
  failing: 'claim' | 'finish' | undefined;

  async open() {
    return {
      claim: async ({ method, key }: { method: string; key: string }) => {
        if (this.failing === 'claim') throw new Error('no way to the store');
        const answer = this.answers.get(`${method} ${key}`);
        if (answer !== undefined) return { answer };
        this.log.push(`claim ${method} ${key}`);
        return {
          finish: async (answer: StoredAnswer['answer']) => {
            if (this.failing === 'finish') throw new Error('no way to the store');
            this.log.push(`finish ${JSON.stringify(answer)}`);
            this.answers.set(`${method} ${key}`, answer);
          },
          release: async () => {
            this.log.push('release');
          },
        };
      },
      close: async () => {
        this.log.push('close');
      },
    };
  }
}

describe('a server with a store', () => {
  let bench: Bench;
  let connection: Connection;
  let store: MapStore;
  let ran: unknown[];
  let passed: unknown[];

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
    store = new MapStore();
    ran = [];
    passed = [];
    await bench.until(
      connection.serve(
        contract,
        {
          now: ([n], { idempotencyKey }) => {
            ran.push([n, idempotencyKey]);
            return { at: new Date(n) };
          },
          last: ([n]) => {
            ran.push(n);
            return n < 0 ? throwError(() => new RpcError(-n)) : of(n, n + 1);
          },
          wrong: () => 'x' as unknown as number,
          hang: () => concat(of(1), NEVER),
          note: ([n]) => {
            ran.push(n);
          },
        },
        {
          store,
          middleware: [
            (call, next) => {
              passed.push(call.method);
              return next(call);
            },
          ],
        },
      ),
    );
  });
  afterEach(() => bench.close());
  /** What the instance itself remembers is forgotten after each. */
  const call = async (method: string, params?: unknown[], options: object = { idempotencyKey: 'k' }) => {
    const client = connection.client<any>(contract, { timeout: 500 });
    const end = await bench.until(ending(client.call(method, params, options)));
    await bench.advance(3_000);
    return end;
  };

  it('should keep the result as it went on the wire, and give it again as the contract has it, behind the middleware', async () => {
    const first = await call('now', [5]);
    expect(await call('now', [5]))
      .to.deep.equal(first)
      .and.to.deep.equal({ at: new Date(5) });
    expect(store.log).to.deep.equal(['claim now k', 'finish {"result":{"at":"1970-01-01T00:00:00.005Z"}}']);
    expect([ran, passed]).to.deep.equal([[[5, 'k']], ['now', 'now']]);
  });

  it('should ask nothing of it for calls without a key', async () => {
    await call('now', [5], {});
    expect([store.log, ran]).to.deep.equal([[], [[5, undefined]]]);
  });

  it('should keep the last item, an error, and what the contract forbids', async () => {
    expect([await call('last', [5]), await call('last', [5])]).to.deep.equal([6, 6]);
    expect([await call('last', [-7], { idempotencyKey: 'x' })]).to.deep.equal(['RpcError 7']);
    expect([await call('last', [-7], { idempotencyKey: 'x' })]).to.deep.equal(['RpcError 7']);
    expect([await call('wrong'), await call('wrong')]).to.deep.equal(['RpcError -32603', 'RpcError -32603']);
    expect(ran).to.deep.equal([5, -7]);
    expect(store.log.filter((it) => it.startsWith('finish'))).to.deep.equal([
      'finish {"result":6}',
      'finish {"error":{"code":7,"message":"Error 7"}}',
      'finish {"error":{"code":-32603,"message":"Internal error"}}',
    ]);
  });

  it('should release what has not run, for its params are wrong', async () => {
    const raw = connection.client('s');
    expect(await bench.until(ending(raw.call('now', ['x'], { idempotencyKey: 'z' })))).to.equal(
      'RpcError -32602',
    );
    expect(store.log).to.deep.equal(['claim now z', 'release']);
  });

  it('should keep the cancellation of a handler that was stopped', async () => {
    expect(await call('hang')).to.equal('Unknown timeout');
    await bench.advance(10);
    expect(store.log[1]).to.match(/^finish {"error":{"code":-3200[13]/);
  });

  it('should run a notification once', async () => {
    const client = connection.client(contract);
    await bench.until(client.notify('note', [1], { idempotencyKey: 'k' }));
    await bench.until(client.notify('note', [1], { idempotencyKey: 'k' }));
    await bench.advance(100_000);
    await bench.until(client.notify('note', [1], { idempotencyKey: 'k' }));
    await bench.advance(10);
    expect(ran).to.deep.equal([1]);
  });

  it('should refuse where it cannot be asked, and answer where it cannot keep', async () => {
    store.failing = 'claim';
    expect(await call('now', [5])).to.equal('RpcError -32002');
    store.failing = 'finish';
    expect(await call('now', [5])).to.deep.equal({ at: new Date(5) });
    expect(bench.issues.map(({ message }) => message)).to.deep.equal([
      'the answer to now was not kept: Error: no way to the store',
    ]);
    expect(ran.length).to.equal(1);
  });

  it('should be closed with its server', async () => {
    const [server] = connection.servers;
    await bench.until(server?.close() ?? Promise.resolve());
    expect(store.log).to.deep.equal(['close']);
  });
});
