/** Operators that call: what goes in, what comes out, and what doesn't compile. */
import type { Observable } from 'rxjs';
import {
  type Called,
  callBatch,
  callEach,
  notifyEach,
  processEach,
  type StreamItem,
  type Topic,
  type TopicRecord,
} from '../../src/index.js';
import { exactly } from './exactly.js';
import { client, connection } from './prices.js';

type Priced = { symbol: string; price: number };

declare const symbols$: Observable<string>;
declare const tuples$: Observable<[string]>;
declare const numbers$: Observable<number>;
declare const records$: Observable<TopicRecord<{ symbol: string }>>;

// Inputs that are params, or the only one.
exactly<Observable<Called<string, Priced>>>()(symbols$.pipe(callEach(client, 'quote')));
exactly<Observable<Called<string, Priced>>>()(
  symbols$.pipe(callBatch(client, 'quote', { maxSize: 500, maxWait: 10, concurrency: 8 })),
);
exactly<Observable<Called<[string], Priced>>>()(tuples$.pipe(callBatch(client, 'quote')));

// Inputs of which params are made.
exactly<Observable<Called<TopicRecord<{ symbol: string }>, Priced>>>()(
  records$.pipe(callBatch(client, 'quote', { toParams: ({ value }) => [value?.symbol ?? ''] })),
);
exactly<Observable<Called<number, Priced>>>()(
  numbers$.pipe(
    callEach(client, 'quote', { toParams: (n) => [n.toFixed()], key: (n) => n.toFixed(), timeout: 5 }),
  ),
);
exactly<Observable<Called<string, number>>>()(
  symbols$.pipe(callEach(client, 'now', { toParams: () => undefined })),
);
exactly<Observable<Called<string, void>>>()(
  symbols$.pipe(notifyEach(client, 'audit', { toParams: (event) => ({ event }) })),
);

// Without a contract.
const untyped = connection.client('test');
exactly<Observable<Called<string, unknown>>>()(symbols$.pipe(callEach(untyped, 'echo')));
exactly<Observable<Called<string, string>>>()(symbols$.pipe(callBatch<string, string>(untyped, 'echo')));
exactly<Observable<Called<number, unknown>>>()(
  numbers$.pipe(callEach(untyped, 'echo', { toParams: (n) => [n.toFixed()] })),
);
exactly<Observable<Called<string, void>>>()(symbols$.pipe(notifyEach(untyped, 'log')));

// Work on what is acknowledged.
declare const items$: Observable<StreamItem<Priced>>;
declare const dead: Topic<unknown>;
exactly<Observable<string | undefined>>()(
  records$.pipe(
    processEach(({ value }) => value?.symbol, { ordered: 'partition', onError: { deadLetter: dead } }),
  ),
);
exactly<Observable<number>>()(items$.pipe(processEach(({ value }) => value.price)));
exactly<Observable<number>>()(
  items$.pipe(processEach(async ({ value }) => value.price, { concurrency: 8, onError: { retry: {} } })),
);
const priced = ({ value }: StreamItem<Priced>): number => value.price;
exactly<Observable<number>>()(items$.pipe(processEach(priced)));
// @ts-expect-error: nothing to acknowledge
numbers$.pipe(processEach((n) => n));
// @ts-expect-error: items have no key
items$.pipe(processEach(priced, { ordered: 'key' }));
// @ts-expect-error: an item is no record to be kept
items$.pipe(processEach(priced, { onError: { deadLetter: dead } }));

// @ts-expect-error: no such method
symbols$.pipe(callEach(client, 'qoute'));
// @ts-expect-error: no such method
symbols$.pipe(callBatch(client, 'qoute', { maxSize: 5 }));
// @ts-expect-error: params of another type
numbers$.pipe(callEach(client, 'quote'));
// @ts-expect-error: params of another type
numbers$.pipe(callBatch(client, 'quote', { toParams: (n) => [n] }));
// @ts-expect-error: a record isn't the params
records$.pipe(callBatch(client, 'quote'));
// @ts-expect-error: a stream has no one answer
symbols$.pipe(callEach(client, 'ticks', { toParams: (symbol) => ({ symbol }) }));
// @ts-expect-error: a request is answered
symbols$.pipe(notifyEach(client, 'quote'));
// @ts-expect-error: no such option
symbols$.pipe(callEach(client, 'quote', { maxSize: 5 }));
// @ts-expect-error: a result used as something else
symbols$.pipe(callEach(client, 'quote')).subscribe(({ result }: Called<string, number>) => result);
