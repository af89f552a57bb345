/** What a contract's types say of its methods. */
import * as t from 'io-ts';
import {
  type NotificationMethod,
  notification,
  type ParamsOf,
  type RequestMethod,
  type ResultOf,
  request,
  type Service,
  type StreamMethod,
  service,
  stream,
} from '../../src/index.js';
import { exactly } from './exactly.js';
import { DateFromISOString, prices, Quote, Tick } from './prices.js';

// The kind and both types of each method, and nothing wider.
const { methods } = prices;
exactly<RequestMethod<[string], { symbol: string; price: number }>>()(methods.quote);
exactly<RequestMethod<undefined, number>>()(methods.now);
exactly<RequestMethod<number[], number>>()(methods.total);
exactly<StreamMethod<{ symbol: string }, { at: number; price: number }>>()(methods.ticks);
exactly<StreamMethod<undefined, number>>()(methods.beats);
exactly<NotificationMethod<{ event: string }>>()(methods.audit);
exactly<NotificationMethod<undefined>>()(methods.wake);

// A service reads as its methods do.
const one = service('one', { only: request({ result: t.number }) });
exactly<Service<{ readonly only: RequestMethod<undefined, number> }>>()(one);
const any: Service = one;
exactly<string>()(any.name);

// Params and results of a method, for helpers of one's own.
exactly<[string]>()({} as ParamsOf<typeof methods.quote>);
exactly<{ symbol: string; price: number }>()({} as ResultOf<typeof methods.quote>);
exactly<{ at: number; price: number }>()({} as ResultOf<typeof methods.ticks>);
exactly<void>()(undefined as ResultOf<typeof methods.audit>);

// What decodes is what handlers and callers see; what it is on the wire stays there.
const Positive = t.brand(
  t.number,
  (n): n is t.Branded<number, { readonly Positive: symbol }> => n > 0,
  'Positive',
);
type Positive = t.TypeOf<typeof Positive>;
const result = <A>(type: t.Type<A, unknown>) => {
  const method = request<A>({ result: type });
  return {} as ResultOf<typeof method>;
};
exactly<Date>()(result(DateFromISOString));
exactly<Positive>()(result(Positive));
exactly<t.Int>()(result(t.Int));
exactly<{ at: Date }>()(result(t.strict({ at: DateFromISOString })));
exactly<{ a: string } & { b?: number | undefined }>()(
  result(t.exact(t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })]))),
);
exactly<string | number>()(result(t.union([t.string, t.number])));
exactly<readonly Date[]>()(result(t.readonlyArray(DateFromISOString)));
exactly<Readonly<{ a: string }>>()(result(t.readonly(t.type({ a: t.string }))));
exactly<'buy' | 'sell'>()(result(t.keyof({ buy: null, sell: null })));
exactly<{ [x: string]: Date }>()(result(t.record(t.string, DateFromISOString)));
exactly<unknown>()(result(t.unknown));

// The same, inferred from the literal that a contract is.
const shapes = service('shapes', {
  transforms: request({ params: t.type({ at: DateFromISOString }), result: DateFromISOString }),
  brands: request({ params: t.tuple([Positive]), result: t.Int }),
  exacts: stream({ params: t.strict({ a: t.string }), item: t.strict({ at: DateFromISOString }) }),
  unions: notification({ params: t.union([t.tuple([t.string]), t.tuple([t.string, t.number])]) }),
  intersects: notification({
    params: t.intersection([t.type({ a: t.string }), t.partial({ b: t.number })]),
  }),
  lists: notification({ params: t.readonlyArray(DateFromISOString) }),
  wholes: notification({ params: t.UnknownRecord }),
});
exactly<RequestMethod<{ at: Date }, Date>>()(shapes.methods.transforms);
exactly<RequestMethod<[Positive], t.Int>>()(shapes.methods.brands);
exactly<StreamMethod<{ a: string }, { at: Date }>>()(shapes.methods.exacts);
exactly<NotificationMethod<[string] | [string, number]>>()(shapes.methods.unions);
exactly<NotificationMethod<{ a: string } & { b?: number | undefined }>>()(shapes.methods.intersects);
exactly<NotificationMethod<readonly Date[]>>()(shapes.methods.lists);
exactly<NotificationMethod<{ [key: string]: unknown }>>()(shapes.methods.wholes);

// A type may be given by its values alone.
const Named: t.Type<Quote> = Quote;
exactly<RequestMethod<Tick, Quote>>()(request({ params: Tick as t.Type<Tick>, result: Named }));

// @ts-expect-error: params are an array or an object on the wire
request({ params: t.string, result: t.number });
// @ts-expect-error: a Date is a string there
stream({ params: DateFromISOString, item: t.number });
// @ts-expect-error: params are never null
notification({ params: t.null });
// @ts-expect-error: nor perhaps a number
notification({ params: t.union([t.number, t.undefined]) });
// @ts-expect-error: a request has a result
request({ params: t.tuple([t.string]) });
// @ts-expect-error: a stream has items, not a result
stream({ result: t.number });
// @ts-expect-error: a notification has no result
notification({ result: t.number });
// @ts-expect-error: a validator that is no io-ts type
request({ result: (value: unknown) => typeof value === 'string' });
// @ts-expect-error: a method is made by request, stream or notification
service('wrong', { quote: Quote });
// @ts-expect-error: a service has methods
service('wrong');
