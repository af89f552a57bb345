/**
 * A data pipeline: orders come in on one topic, are priced through batched calls, and go out on another. An order is
 * acknowledged when its priced form is with Kafka, so that a crash loses none.
 *
 *     npx tsx examples/data-pipeline/main.ts       on KAFKA_BROKERS, or on an embedded cluster
 *
 * ORDERS (2000) is how many, LATENCY (0 ms) how long the shop thinks about each. What came out is counted by id: it
 * exits 0 when each order is there once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Called, callBatch, connect, RpcError, request, service, type TopicRecord } from 'callstream';
import * as t from 'io-ts';
import { map, mergeMap, range, tap } from 'rxjs';

const ORDERS = Number(process.env.ORDERS ?? 2_000);
const LATENCY = Number(process.env.LATENCY ?? 0);

const Order = t.type({ id: t.number, drink: t.string });
type Order = t.TypeOf<typeof Order>;
const Priced = t.type({ id: t.number, drink: t.string, euros: t.number });
const shop = service('shop', { price: request({ params: t.tuple([t.string]), result: t.number }) });
const menu = new Map([
  ['espresso', 2.2],
  ['latte', 3.8],
  ['tea', 2.5],
]);
const drinks = [...menu.keys()];

const connection = await connect();
const run = `${Date.now().toString(36)}-${process.pid}`;
const orders = connection.topic(`orders-${run}`, { value: Order, codec: 'json' });
const priced = connection.topic(`priced-${run}`, { value: Priced, codec: 'json' });
await orders.create({ partitions: 4 });
await priced.create({ partitions: 4 });
await connection.serve(shop, {
  price: async ([drink]) => {
    if (LATENCY > 0) await sleep(LATENCY);
    const euros = menu.get(drink);
    if (euros === undefined) throw new RpcError(404, `No ${drink} on the menu`);
    return euros;
  },
});
const client = connection.client(shop, { timeout: 60_000, retry: { attempts: 5 } });

const toOrder = (id: number): Order => ({ id, drink: drinks[id % drinks.length] as string });
await range(0, ORDERS)
  .pipe(map(toOrder), orders.sink({ key: ({ id }) => String(id) }))
  .forEach(() => {});
console.log(`${ORDERS} orders came in`);

/** An order with its price. What has none yet comes again. */
function withPrice({ input, result }: Called<TopicRecord<Order>, number>) {
  if (input.value === null) input.ack();
  else if (result._tag === 'Left') input.nack();
  else return [{ input, output: { ...input.value, euros: result.right } }];
  return [];
}

const price = callBatch(client, 'price', {
  toParams: ({ value }: TopicRecord<Order>) => [value?.drink ?? ''],
  maxSize: 500,
  maxWait: 10,
});
let answers = 0;
let failures = 0;
const progress = setInterval(() => console.log(`${answers} answers, ${failures} of them failures`), 1_000);
await orders
  .records$({ group: `pipeline-${run}`, from: 'earliest', to: 'now', maxUnacked: 2_000 })
  .pipe(
    price,
    tap(({ result }) => {
      answers += 1;
      if (result._tag === 'Left') failures += 1;
    }),
    mergeMap(withPrice),
    priced.sink({
      value: ({ output }) => output,
      key: ({ input }) => input.key,
      ack: ({ input }) => input,
    }),
  )
  .forEach(() => {});
clearInterval(progress);

const seen = new Map<number, number>();
await priced.records$({ from: 'earliest', to: 'now', autoAck: true }).forEach(({ value }) => {
  if (value !== null) seen.set(value.id, (seen.get(value.id) ?? 0) + 1);
});
const twice = [...seen.values()].filter((times) => times > 1).length;
console.log(`${seen.size} of ${ORDERS} orders came out priced, ${twice} of them more than once`);
process.exitCode = seen.size === ORDERS && twice === 0 ? 0 : 1;
await connection.close();
