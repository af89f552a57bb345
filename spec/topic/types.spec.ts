/** What TypeScript infers of topics: checked by `tsc`, never run. */
import * as t from 'io-ts';
import type { Observable } from 'rxjs';
import {
  type Connection,
  type DeliveryReport,
  processEach,
  type Topic,
  type TopicReader,
  type TopicRecord,
} from '../../src/index.js';
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
  const ids = connection.topic('ids', { codec: 'string' });
  exactly<Observable<DeliveryReport>>()(
    orders
      .records$()
      .pipe(
        ids.sink({ value: ({ value }) => String(value?.id), key: ({ key }) => key, ack: (record) => record }),
      ),
  );
  // @ts-expect-error a value of another type
  orders.records$().pipe(ids.sink({ value: ({ value }) => value?.id, ack: (record) => record }));
  // @ts-expect-error a record is no value, and nothing says what is
  orders.records$().pipe(ids.sink({ ack: (record) => record }));
  // @ts-expect-error nothing to be acked
  orders.records$().pipe(ids.sink({ value: () => '', ack: ({ value }) => value }));
  // @ts-expect-error a value of another type
  void orders.publish({ id: 'x' });
  exactly<TopicReader<Order>>()(connection.topics(['a', 'b'], { value: Order }));
  exactly<TopicReader<Order, Buffer>>()(connection.topics(/^a/, { value: Order, key: 'raw' }));
  exactly<TopicReader<Order, Buffer>>()(connection.topics(/^a/, { value: Order, codec: 'raw' }));
  exactly<TopicReader<unknown>>()(connection.topics(['a']));
  exactly<TopicReader<string, Buffer>>()(connection.topics(['a'], { codec: 'string', key: 'raw' }));
  exactly<TopicReader<Buffer, Buffer>>()(connection.topics(['a'], { codec: 'raw' }));
  exactly<TopicReader<Buffer>>()(connection.topics(['a'], { codec: 'raw', key: 'string' }));
  exactly<TopicReader<unknown>>()(connection.topics(['a'], { codec: 'msgpack' }));
  // @ts-expect-error no such codec
  connection.topics(['a'], { codec: 'xml' });
  // @ts-expect-error offsets of no topic
  connection.topics(['a']).records$({ from: { 0: 1 } });
  // @ts-expect-error several topics are not written to
  connection.topics(['a']).publish(1);
  // @ts-expect-error no such codec
  connection.topic('any', { codec: 'xml' });
};
