/**
 * A tour of callstream, which `npm start` runs: a coffee bar and its guest, with Kafka between them.
 * Both are in one process here; in two, or on two machines, not a line of it would change.
 */
import { type CallError, connect, notification, RpcError, request, service, stream } from 'callstream';
import * as t from 'io-ts';
import { concatMap, delay, firstValueFrom, from, of, Subject } from 'rxjs';

// What the bar offers, for both sides: params and results are checked on the way, types are inferred.
const coffee = service('coffee', {
  price: request({ params: t.tuple([t.string]), result: t.number }),
  brew: stream({ params: t.type({ drink: t.string }), item: t.string }),
  tip: notification({ params: t.type({ euros: t.number }) }),
});

const menu = new Map([
  ['espresso', 2.2],
  ['latte', 3.8],
]);

const tipJar = new Subject<number>();

title('callstream: remote calls over Kafka');
const connection = await connect(); // to KAFKA_BROKERS, or to an embedded cluster
say(`Kafka is at ${connection.brokers}. The bar opens: its consumer group takes a moment to form.`);

// The server: a handler returns a value, a Promise or an Observable.
await connection.serve(coffee, {
  price: ([drink]) => {
    const price = menu.get(drink);
    if (price !== undefined) return price;
    throw new RpcError(404, `No ${drink} on the menu`, { data: { menu: [...menu.keys()] } });
  },
  brew: ({ drink }) =>
    from(['grinding', 'pressing', 'pouring', `one ${drink}!`]).pipe(
      concatMap((step) => of(step).pipe(delay(200))),
    ),
  tip: ({ euros }) => tipJar.next(euros),
});

// The client.
const guest = connection.client(coffee, { timeout: 5_000 });

title('A call answers once', "await guest.call('price', ['latte'])");
say(`${await guest.call('price', ['latte'])}`);

title('A stream is an Observable', "guest.call$('brew', { drink: 'latte' })");
await guest.call$('brew', { drink: 'latte' }).forEach(say);

title('A notification asks for no answer', "await guest.notify('tip', { euros: 0.5 })");
const tip = firstValueFrom(tipJar);
await guest.notify('tip', { euros: 0.5 });
say('delivered');
say(`the bar found a tip of ${await tip} euros`);

title('A batch is one message with many calls', "await guest.batch([['price', ['espresso']], …])");
const answers = await guest.batch([
  ['price', ['espresso']],
  ['price', ['tea']],
  ['price', ['latte']],
]);
for (const answer of answers) say(answer._tag === 'Right' ? `${answer.right}` : explain(answer.left));

title('An error says what is known', "await guest.call('price', ['tea'])");
await guest.call('price', ['tea']).catch((error: CallError) => {
  say(explain(error));
  if (error instanceof RpcError) say(`its data: ${JSON.stringify(error.data)}`);
});
await connection
  .client('bakery', { timeout: 500 })
  .call('bread')
  .catch((error) => say(explain(error)));

await connection.close();
title('That was it. Next: two terminals, and any Kafka', 'npx callstream --help');

/** An RpcError is the server's answer; any other tells whether the call may have run. */
function explain(error: CallError): string {
  return error._tag === 'RpcError'
    ? `error ${error.code}: ${error.message}`
    : `${error._tag}: ${error.message}`;
}

function title(text: string, code?: string): void {
  console.log(`\n${bold(text)}${code === undefined ? '' : `\n  > ${code}`}`);
}

function say(text: string): void {
  console.log(`  ${text}`);
}

function bold(text: string): string {
  return process.stdout.isTTY && process.env.NO_COLOR === undefined ? `\x1b[1m${text}\x1b[0m` : text;
}
