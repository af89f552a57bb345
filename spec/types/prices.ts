/** The contract that the type tests call and serve. */
import * as t from 'io-ts';
import { type Connection, notification, request, service, stream } from '../../src/index.js';

export const Quote = t.type({ symbol: t.string, price: t.number });
export const Tick = t.type({ at: t.number, price: t.number });

export interface Quote extends t.TypeOf<typeof Quote> {}
export interface Tick extends t.TypeOf<typeof Tick> {}

/** As a user of io-ts writes one: a Date here, a string on the wire. */
export const DateFromISOString = new t.Type<Date, string, unknown>(
  'DateFromISOString',
  (value): value is Date => value instanceof Date,
  (value, context) => {
    const date = new Date(String(value));
    return Number.isNaN(date.getTime()) ? t.failure(value, context) : t.success(date);
  },
  (date) => date.toISOString(),
);

export const prices = service('prices', {
  quote: request({ params: t.tuple([t.string]), result: Quote }),
  history: request({
    params: t.type({ symbol: t.string, since: DateFromISOString }),
    result: t.readonlyArray(t.type({ at: DateFromISOString, price: t.number })),
  }),
  now: request({ result: t.number }),
  search: request({ params: t.union([t.type({ like: t.string }), t.undefined]), result: t.array(t.string) }),
  total: request({ params: t.array(t.number), result: t.number }),
  ticks: stream({ params: t.type({ symbol: t.string }), item: Tick }),
  beats: stream({ item: t.number }),
  audit: notification({ params: t.type({ event: t.string }) }),
  wake: notification(),
});

export declare const connection: Connection;
export const client = connection.client(prices, { timeout: 5_000 });
