/**
 * A live price board: one `call$` stream a symbol, combined with RxJS. A stream that ends before the market closes,
 * because the broker or the server went away, is subscribed again from the tick after the last one seen.
 *
 *     npx tsx examples/reactive-app/main.ts        on KAFKA_BROKERS, or on an embedded cluster
 *
 * TICKS (100) and EVERY (20 ms) are the market's day. It exits 0 when every tick of every symbol was seen once.
 */
import { type CallError, connect, RpcError } from 'callstream';
import {
  auditTime,
  combineLatest,
  defer,
  finalize,
  lastValueFrom,
  type Observable,
  retry,
  scan,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { draw, note, type Quote, quote } from './board.js';
import { handlers, market, symbols, type Tick } from './market.js';

const COUNT = Number(process.env.TICKS ?? 100);
const EVERY = Number(process.env.EVERY ?? 20);

const connection = await connect();
connection.status$.subscribe(({ state, reason }) => note(`${state}${reason ? `: ${reason}` : ''}`));
await connection.serve(market, handlers(COUNT, EVERY));
const client = connection.client(market, { timeout: 5_000 });
let resubscribed = 0;

/** All ticks of a symbol, in order and without a gap, over as many calls as it takes. */
function ticks$(symbol: string): Observable<Tick> {
  return defer(() => {
    let next = 0;
    return defer(() => client.call$('ticks', { symbol, from: next })).pipe(
      tap(({ seq }) => {
        if (seq !== next) throw new Error(`${symbol}: tick ${seq} came where ${next} was due`);
        next += 1;
      }),
      retry({ delay: again, count: 50, resetOnSuccess: true }),
    );
  });
}

/** The market's own refusals are final; whatever else ended the stream, it goes on a little later. */
function again(error: CallError | Error, times: number): Observable<unknown> {
  const final = error instanceof RpcError ? error.code > 0 : !('_tag' in error);
  if (final) return throwError(() => error);
  resubscribed += 1;
  note(`${error.message}; subscribing again`);
  return timer(Math.min(2_000, 100 * 2 ** times));
}

const board$ = combineLatest(
  symbols.map((symbol) => ticks$(symbol).pipe(scan(quote, undefined as Quote | undefined))),
) as Observable<Quote[]>;

const quotes = await lastValueFrom(
  board$.pipe(
    auditTime(100),
    tap(process.stdout.isTTY ? draw : undefined),
    finalize(() => void connection.close()),
  ),
);
draw(quotes);
const complete = quotes.every(({ ticks }) => ticks === COUNT);
const shown = quotes.map(({ symbol, ticks }) => `${symbol} ${ticks}`).join(', ');
console.log(
  `${shown} of ${COUNT} ticks each${resubscribed > 0 ? `, subscribed again ${resubscribed} times` : ''}`,
);
process.exitCode = complete ? 0 : 1;
