/** What the market offers, for both sides, and the server's side of it. */
import { type Handlers, RpcError, service, stream } from 'callstream';
import * as t from 'io-ts';
import { map, takeWhile, timer } from 'rxjs';

const Tick = t.type({ symbol: t.string, seq: t.number, price: t.number });
export type Tick = t.TypeOf<typeof Tick>;

/** `from` is the `seq` to begin with: who subscribes again goes on where it was. */
export const market = service('market', {
  ticks: stream({ params: t.type({ symbol: t.string, from: t.number }), item: Tick }),
});

export const symbols = ['AAPL', 'GOOG', 'MSFT', 'NVDA'];

/** A market that closes after `count` ticks of each symbol, one every `every` milliseconds. */
export const handlers = (count: number, every: number): Handlers<typeof market.methods> => ({
  ticks: ({ symbol, from }) => {
    const listed = symbols.indexOf(symbol);
    if (listed < 0) throw new RpcError(404, `${symbol} is not listed`, { data: { symbols } });
    const price = (seq: number) => Math.round((100 * (listed + 1) + 10 * Math.sin(seq / 7)) * 100) / 100;
    return timer(0, every).pipe(
      map((turn) => from + turn),
      takeWhile((seq) => seq < count),
      map((seq) => ({ symbol, seq, price: price(seq) })),
    );
  },
});
