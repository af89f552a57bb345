/** What TypeScript infers of topics: checked by `tsc`, never run. */
import * as t from 'io-ts';
import type { Observable } from 'rxjs';
import { type Connection, processEach, type Topic, type TopicRecord } from '../../src/index.js';
import { exactly } from '../types/exactly.js';

const Order = t.type({ id: t.number });
type Order = t.TypeOf<typeof Order>;

export const inferred = (connection: Connection): void => {
  const orders = connection.topic('orders', { value: Order });
  exactly<Topic<Order>>()(orders);
  exactly<Topic<Order, Buffer>>()(connection.topic('orders', { value: Order, key: 'raw' }));
  exactly<Topic<Order>>()(connection.topic('orders', { value: Order, codec: 'msgpack' }));
  exactly<Topic<unknown>>()(connection.topic('any'));
  exactly<Topic<string>>()(connection.topic('text', { codec: 'string' }));
  exactly<Topic<Buffer, Buffer>>()(connection.topic('bytes', { codec: 'raw' }));
  exactly<Topic<Buffer>>()(connection.topic('bytes', { codec: 'raw', key: 'string' }));
  exactly<Observable<TopicRecord<Order, string>>>()(orders.records$());
  exactly<Observable<number>>()(orders.records$().pipe(processEach(async ({ value }) => value?.id ?? 0)));
  // @ts-expect-error a value of another type
  void orders.publish({ id: 'x' });
  // @ts-expect-error no such codec
  connection.topic('any', { codec: 'xml' });
};
