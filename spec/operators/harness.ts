/** A service that answers when the spec says so, and clients of it, on virtual time. */
import type { Either } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { type Connection, notification, request, service, type UntypedClient } from '../../src/index.js';
import { Bench, Gate, told } from '../rpc/harness.js';

const offered = service('s', {
  now: request({ params: t.UnknownArray, result: t.string }),
  later: request({ params: t.UnknownArray, result: t.string }),
  log: notification({ params: t.UnknownArray }),
});

/** `input: result`, or `input: the error in a few words`. */
export const brief = ({ input, result }: { input: unknown; result: Either<unknown, unknown> }): string =>
  `${input}: ${result._tag === 'Right' ? result.right : told(result.left)}`;

export class Counter {
  readonly bench = new Bench();
  client!: UntypedClient;
  /** The client's. */
  caller!: Connection;
  /** Params in the order in which they came, and those whose call was cancelled. */
  readonly calls: unknown[] = [];
  readonly cancelled: unknown[] = [];
  readonly #gates = new Map<unknown, Gate<string>>();

  static async open(options: object = {}): Promise<Counter> {
    const counter = new Counter();
    const connection = await counter.bench.connect();
    const handler = ([given]: unknown[], context: { readonly signal: AbortSignal }) => {
      counter.calls.push(given);
      context.signal.addEventListener('abort', () => counter.cancelled.push(given));
      const gate = new Gate<string>();
      counter.#gates.set(given, gate);
      return gate.promise;
    };
    const methods = { now: ([given]: unknown[]) => `${given}!`, later: handler, log: handler };
    await counter.bench.until(connection.serve(offered, methods, { requests: { partitions: 1 } }));
    counter.caller = await counter.bench.connect();
    counter.client = counter.caller.client('s', options);
    await counter.bench.until(counter.client.call('now', ['warm']));
    return counter;
  }

  async answer(...given: readonly unknown[]): Promise<void> {
    for (const one of given) this.#gates.get(one)?.open(`${one}!`);
    await this.bench.advance(50);
  }

  async refuse(given: unknown): Promise<void> {
    this.#gates.get(given)?.fail(new Error('no'));
    await this.bench.advance(50);
  }

  /** The calls of each record that was sent since the first. */
  batches(): number[] {
    return this.bench.broker
      .records('s.requests')
      .slice(1)
      .map(({ value }) => [JSON.parse(String(value))].flat().filter(({ id }) => id !== undefined).length);
  }
}
