/** Calls that compile, calls that don't, and what they give. */

import type { Either } from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Observable } from 'rxjs';
import type { CallError, CallOptions, Client, Gathered, StreamItem, UnknownError } from '../../src/index.js';
import { exactly } from './exactly.js';
import { client, connection, prices, type Quote, Tick } from './prices.js';

type Priced = { symbol: string; price: number };
type Ticked = { at: number; price: number };

// A client's type can be written down.
const written: Client<typeof prices.methods> = client;
exactly<Client<typeof prices.methods>>()(written);

// call
exactly<Promise<Priced>>()(client.call('quote', ['AAPL']));
exactly<Promise<Priced>>()(client.call('quote', ['AAPL'], { timeout: 100, key: 'AAPL' }));
exactly<Promise<readonly { at: Date; price: number }[]>>()(
  client.call('history', { symbol: 'AAPL', since: new Date(0) }),
);
export const assigned: Promise<Quote> = client.call('quote', ['AAPL']);

// Params need no annotation, and may be constant.
const params = ['AAPL'] as const;
client.call('quote', params);
const numbers: readonly number[] = [1, 2];
client.call('total', numbers);
client.call('total', [1, 2, 3]);
const symbol = { symbol: 'AAPL' } as const;
client.call$('ticks', symbol);

// Options alone, where a method has no params or may do without.
exactly<Promise<number>>()(client.call('now'));
client.call('now', undefined, { signal: AbortSignal.timeout(1_000) });
exactly<Promise<string[]>>()(client.call('search'));
client.call('search', { like: 'A' }, { timeout: 5 });
client.call$('beats');
client.notify('wake');
client.callTaskEither('now');

// call$
exactly<Observable<Ticked>>()(client.call$('ticks', { symbol: 'AAPL' }, { window: 64 }));
exactly<Observable<Priced>>()(client.call$('quote', ['AAPL']));
exactly<Observable<number>>()(client.call$('beats'));
client.call$('ticks', { symbol: 'AAPL' }).subscribe((tick) => exactly<Ticked>()(tick));
client.call$('ticks', { symbol: 'AAPL' }).subscribe((tick: Tick) => Tick.is(tick));

// call$ with acks
exactly<Observable<StreamItem<Ticked>>>()(
  client.call$('ticks', { symbol: 'AAPL' }, { ack: true, window: 64 }),
);
exactly<Observable<StreamItem<number>>>()(client.call$('beats', undefined, { ack: true }));

// notify
exactly<Promise<void>>()(client.notify('audit', { event: 'login' }));

// callTaskEither
const task = client.callTaskEither('quote', ['AAPL']);
exactly<TE.TaskEither<CallError, Priced>>()(task);
const price = pipe(
  task,
  TE.map(({ price }) => price),
  TE.orElse((error) => (error._tag === 'Unknown' ? TE.right(0) : TE.left(error))),
);
exactly<TE.TaskEither<Exclude<CallError, UnknownError>, number>>()(price);
task().then((answer) => exactly<Either<CallError, Priced>>()(answer));

// gather$
exactly<Observable<Gathered<Priced>>>()(client.gather$('quote', ['AAPL'], { count: 3, stall: 100 }));
exactly<Observable<Gathered<number>>>()(client.gather$('now'));
client.gather$('now', undefined, { timeout: 100, headers: {} }).subscribe(({ instance, result }) => {
  exactly<string>()(instance);
  exactly<Either<CallError, number>>()(result);
});

// A CallError is told apart by its _tag; what is left over is nothing.
export function describe(error: CallError): string {
  switch (error._tag) {
    case 'RpcError':
      return `${error.code}: ${error.message}`;
    case 'NotSent':
    case 'Failed':
    case 'Unknown':
      return error.reason;
    default:
      return error satisfies never;
  }
}

// One's own helper, generic over the names.
export const twice = (method: 'now', options: CallOptions): Promise<number> =>
  client.call(method, undefined, options);

// @ts-expect-error: no such method
client.call('qoute', ['AAPL']);
// @ts-expect-error: no params
client.call('quote');
// @ts-expect-error: params of another type
client.call('quote', [1]);
// @ts-expect-error: too few
client.call('quote', []);
// @ts-expect-error: too many
client.call('quote', ['AAPL', 'MSFT']);
// @ts-expect-error: by name instead of by position
client.call('quote', { symbol: 'AAPL' });
// @ts-expect-error: not an array
client.call('quote', 'AAPL');
// @ts-expect-error: a member too many
client.call$('ticks', { symbol: 'AAPL', since: 0 });
// @ts-expect-error: a member too few
client.call$('ticks', {});
// @ts-expect-error: a Date is a Date here, however it travels
client.call('history', { symbol: 'AAPL', since: '2020-01-01T00:00:00Z' });
// @ts-expect-error: params that the method does not take
client.call('now', ['AAPL']);
// @ts-expect-error: no such option
client.call('now', undefined, { timeOut: 5 });
// @ts-expect-error: a stream has no one answer
client.call('ticks', { symbol: 'AAPL' });
// @ts-expect-error: each instance answers once
client.gather$('ticks', { symbol: 'AAPL' });
// @ts-expect-error: a notification has no answer
client.gather$('audit', { event: 'login' });
// @ts-expect-error: params of another type
client.gather$('quote', [1]);
// @ts-expect-error: each instance is asked once
client.gather$('now', undefined, { retry: {} });
// @ts-expect-error: a stream has no one answer
client.callTaskEither('ticks', { symbol: 'AAPL' });
// @ts-expect-error: a notification has none at all
client.call('audit', { event: 'login' });
// @ts-expect-error: nor items
client.call$('audit', { event: 'login' });
// @ts-expect-error: a request has no items to acknowledge
client.call$('quote', ['AAPL'], { ack: true });
// @ts-expect-error: nor has its Promise
client.call('quote', ['AAPL'], { ack: true });
// @ts-expect-error: it is there or it isn't
client.call$('ticks', { symbol: 'AAPL' }, { ack: Math.random() > 0.5 });
// @ts-expect-error: a client's streams say so one by one
connection.client(prices, { ack: true });
// @ts-expect-error: an item to acknowledge is no value
client.call$('ticks', { symbol: 'AAPL' }, { ack: true }).subscribe((tick: Tick) => tick);
// @ts-expect-error: a request is answered
client.notify('quote', ['AAPL']);
// @ts-expect-error: a stream is answered
client.notify('ticks', { symbol: 'AAPL' });
// @ts-expect-error: a result used as something else
client.call('quote', ['AAPL']).then((quote) => quote.toUpperCase());
// @ts-expect-error: a member that the result lacks
client.call('quote', ['AAPL']).then(({ size }) => size);
// @ts-expect-error: an item used as something else
client.call$('ticks', { symbol: 'AAPL' }).subscribe((tick: Quote) => tick);
// @ts-expect-error: readonly stays readonly
client.call('history', { symbol: '', since: new Date() }).then((history) => history.push());
// @ts-expect-error: no such option
connection.client(prices, { retries: 3 });
// @ts-expect-error: a client's calls are aborted one by one
connection.client(prices, { signal: AbortSignal.timeout(1) });
// @ts-expect-error: a contract, not its methods
connection.client(prices.methods);
