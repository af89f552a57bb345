/** A batch gives an Either per entry, of the type of that entry's method. */
import { type Either, isRight } from 'fp-ts/lib/Either.js';
import type { BatchEntry, CallError } from '../../src/index.js';
import { exactly } from './exactly.js';
import { client, type prices } from './prices.js';

type Answer<A> = Either<CallError, A>;
type Priced = { symbol: string; price: number };

export async function batches(symbols: readonly string[]): Promise<void> {
  exactly<[Answer<Priced>, Answer<Priced>]>()(
    await client.batch([
      ['quote', ['AAPL']],
      ['quote', ['MSFT']],
    ]),
  );

  // Each position for itself: requests with and without params, notifications.
  const [quote, now, history, audit, wake] = await client.batch(
    [
      ['quote', ['AAPL']],
      ['now'],
      ['history', { symbol: 'AAPL', since: new Date(0) }],
      ['audit', { event: 'login' }],
      ['wake'],
    ],
    { timeout: 100 },
  );
  exactly<Answer<Priced>>()(quote);
  exactly<Answer<number>>()(now);
  exactly<Answer<readonly { at: Date; price: number }[]>>()(history);
  exactly<Answer<void>>()(audit);
  exactly<Answer<void>>()(wake);
  if (isRight(quote)) exactly<Priced>()(quote.right);

  // Of any length: an Either of whatever the entries may give.
  exactly<Answer<Priced>[]>()(await client.batch(symbols.map((symbol) => ['quote', [symbol]] as const)));
  const entries: BatchEntry<typeof prices.methods>[] = [['now']];
  if (symbols.length > 0) entries.push(['quote', ['AAPL']]);
  for (const answer of await client.batch(entries)) {
    if (isRight(answer))
      exactly<Priced | number | string[] | readonly { at: Date; price: number }[] | void>()(answer.right);
  }
  exactly<[]>()(await client.batch([]));
  const constant = [['quote', ['AAPL']], ['now']] as const;
  exactly<[Answer<Priced>, Answer<number>]>()(await client.batch(constant));
}

// @ts-expect-error: no such method
client.batch([['qoute', ['AAPL']]]);
// @ts-expect-error: params of another type
client.batch([['quote', [1]]]);
// @ts-expect-error: the second entry has none
client.batch([['quote', ['AAPL']], ['quote']]);
// @ts-expect-error: params that the method does not take
client.batch([['now', ['AAPL']]]);
// @ts-expect-error: a stream's items have no place in a batch
client.batch([['ticks', { symbol: 'AAPL' }]]);
// @ts-expect-error: an entry is a name and params
client.batch(['quote', ['AAPL']]);
client
  .batch([['quote', ['AAPL']]])
  // @ts-expect-error: there was one entry
  .then(([, second]) => second);
client
  .batch([['quote', ['AAPL']]])
  // @ts-expect-error: an Either, which may be an error
  .then(([first]) => first.price);
