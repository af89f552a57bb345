/** Handlers that a contract takes, what they are given, and those it refuses. */
import * as t from 'io-ts';
import { EMPTY, interval, map, type Observable, of } from 'rxjs';
import { type CallContext, type Handlers, request, type Server, service, stream } from '../../src/index.js';
import { exactly } from './exactly.js';
import { connection, prices, type Quote, type Tick } from './prices.js';

type Given = Handlers<typeof prices.methods>;

declare const handlers: Given;
declare const quotes: Map<string, Quote>;
declare const beating: () => AsyncIterable<number>;
declare const feed: (symbol: string) => Observable<Tick>;

// Params and context are inferred, all of them.
exactly<Promise<Server>>()(
  connection.serve(
    prices,
    {
      quote: ([symbol], context) => {
        exactly<string>()(symbol);
        exactly<CallContext>()(context);
        exactly<AbortSignal>()(context.signal);
        exactly<number>()(context.deadline);
        exactly<Readonly<Record<string, string>>>()(context.headers);
        return { symbol, price: 1 };
      },
      history: ({ symbol, since }) => {
        exactly<string>()(symbol);
        exactly<Date>()(since);
        return [{ at: since, price: 1 }] as const;
      },
      now: (params) => {
        exactly<undefined>()(params);
        return Date.now();
      },
      search: (params) => {
        exactly<{ like: string } | undefined>()(params);
        return [params?.like ?? ''];
      },
      total: (numbers) => numbers.reduce((sum, n) => sum + n, 0),
      ticks: ({ symbol }) => feed(symbol),
      beats: () => interval(1_000),
      audit: ({ event }) => {
        exactly<string>()(event);
      },
      wake: () => {},
    },
    { concurrency: 256 },
  ),
);

// A value, a Promise, an Observable.
export const values: Given['quote'] = ([symbol]) => quotes.get(symbol) ?? { symbol, price: 0 };
export const promises: Given['quote'] = async ([symbol]) => ({ symbol, price: 0 });
export const observables: Given['quote'] = ([symbol]) => of({ symbol, price: 0 });
export const last: Given['quote'] = async ([symbol]) => of({ symbol, price: 0 }, { symbol, price: 1 });
export const either: Given['now'] = (_, { signal }) => (signal.aborted ? 0 : Promise.resolve(1));
export const never: Given['quote'] = () => {
  throw new Error('always');
};
export const fewer: Given['quote'] = () => ({ symbol: 'AAPL', price: 1 });

// A stream's items, pushed or pulled.
export const pushed: Given['ticks'] = () => interval(10).pipe(map((at) => ({ at, price: 1 })));
export const pulled: Given['ticks'] = async function* ({ symbol }, { signal }) {
  exactly<string>()(symbol);
  while (!signal.aborted) yield { at: Date.now(), price: 1 };
};
export const later: Given['ticks'] = async ({ symbol }) => feed(symbol);
export const laterPulled: Given['beats'] = async () => beating();
export const none: Given['ticks'] = () => EMPTY;

// A notification's, whatever they give.
export const waits: Given['audit'] = async () => 'ignored';

// The instance of a class.
const clock = service('clock', { now: request({ result: t.number }), beats: stream({ item: t.number }) });
class ClockHandlers implements Handlers<typeof clock.methods> {
  readonly #offset = 1;

  now(): number {
    return Date.now() + this.#offset;
  }

  beats(_: undefined, { signal }: CallContext): Observable<number> {
    return signal.aborted ? EMPTY : interval(1_000);
  }
}
exactly<Promise<Server>>()(connection.serve(clock, new ClockHandlers()));

const { wake: _, ...incomplete } = handlers;
// @ts-expect-error: a handler is missing
connection.serve(prices, incomplete);
// @ts-expect-error: all are
connection.serve(prices, {});
// @ts-expect-error: one that the contract has not
connection.serve(prices, { ...handlers, qoute: () => 1 });
// @ts-expect-error: a result of another type
connection.serve(prices, { ...handlers, quote: () => 1 });
// @ts-expect-error: a Promise of another type
connection.serve(prices, { ...handlers, quote: async () => 1 });
// @ts-expect-error: an Observable of another type
connection.serve(prices, { ...handlers, quote: () => of(1) });
// @ts-expect-error: a result without a member
connection.serve(prices, { ...handlers, quote: ([symbol]) => ({ symbol }) });
// @ts-expect-error: a result that is not there every time
connection.serve(prices, { ...handlers, quote: ([symbol]) => quotes.get(symbol) });
// @ts-expect-error: no result
connection.serve(prices, { ...handlers, now: () => {} });
// @ts-expect-error: on the wire it is a string, here a Date
connection.serve(prices, { ...handlers, history: () => [{ at: '2020-01-01T00:00:00Z', price: 1 }] });
// @ts-expect-error: one value for a stream
connection.serve(prices, { ...handlers, ticks: () => ({ at: 0, price: 1 }) });
// @ts-expect-error: items of another type
connection.serve(prices, { ...handlers, ticks: () => of('tick') });
// @ts-expect-error: a Promise of one value for a stream
connection.serve(prices, { ...handlers, ticks: async () => ({ at: 0, price: 1 }) });
// @ts-expect-error: a generator of another type
connection.serve(prices, { ...handlers, ticks: () => beating() });
// @ts-expect-error: params of another type
connection.serve(prices, { ...handlers, quote: ([symbol]: [number]) => ({ symbol: '', price: symbol }) });
// @ts-expect-error: by name instead of by position
connection.serve(prices, { ...handlers, quote: ({ symbol }) => ({ symbol, price: 1 }) });
// @ts-expect-error: more than a handler is given
connection.serve(prices, { ...handlers, now: (_params, _context, extra: number) => extra });
// @ts-expect-error: no function
connection.serve(prices, { ...handlers, now: 1 });
// @ts-expect-error: no such option
connection.serve(prices, handlers, { parallel: 2 });

// Options of single methods name methods that there are.
connection.serve(prices, handlers, {
  methods: { quote: { concurrency: 4, orderBy: 'key' } },
  orderBy: 'key',
});
// @ts-expect-error
connection.serve(prices, handlers, { methods: { quot: { concurrency: 4 } } });
// @ts-expect-error
connection.serve(prices, handlers, { methods: { quote: { orderBy: 'id' } } });
connection.serve('prices', { quote: () => 1 }, { methods: { quote: { maxQueued: 4 } } });
