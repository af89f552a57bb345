/** The bare loop: node-rdkafka by hand, each turn's calls in one record. No contract, no timeout, no error, no credit. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Contender } from './contender.js';
import { items } from './items.js';
import { createTopics, flow, openProducer, topicsOf } from './raw-kafka.js';

/** Messages in one record, and about as many bytes, at most: callstream's own limits. */
const MAX_COUNT = 200;
const MAX_BYTES = 262_144;
/** Items of a stream in one record. */
const MAX_ITEMS = 256;

/** Collects messages for the end of the turn, or until a record is full. `size` is about what one takes. */
function perTurn(send: (batch: unknown[]) => void): (message: unknown, size: number) => void {
  let batch: unknown[] = [];
  let bytes = 0;
  const flush = () => {
    if (batch.length === 0) return;
    const all = batch;
    batch = [];
    bytes = 0;
    send(all);
  };
  return (message, size) => {
    if (batch.length === MAX_COUNT || bytes + size > MAX_BYTES) flush();
    bytes += size;
    if (batch.push(message) === 1) setImmediate(flush);
  };
}

/** A client's waiting call, or its open stream: what to do with a reply, and with an item. */
interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly onItem?: (item: unknown) => void;
}

export const bare = bareOn('bare');
/** Nobody serves these topics. */
export const unansweredBare = bareOn('bare-unanswered');

function bareOn(name: string): Contender {
  const topics = topicsOf(name);
  const { requests, inbox, requestHeaders, replyHeaders } = topics;
  return {
    topics: [requests, inbox],
    async serve(brokers) {
      await createTopics(brokers, topics);
      const produce = await openProducer(brokers);
      const send = (batch: unknown[]) => produce(inbox, 0, Buffer.from(JSON.stringify(batch)), replyHeaders);
      const reply = perTurn(send);
      /** A record of items a turn of the event loop, as fast as it turns. */
      const emit = async (id: number, count: number, text: string) => {
        let packed: string[] = [];
        const sendPacked = () => send([{ jsonrpc: '2.0', method: '$/next', params: { id, items: packed } }]);
        for await (const item of items(count, text)) {
          if (packed.push(item) < MAX_ITEMS) continue;
          sendPacked();
          packed = [];
          await nextTurn();
        }
        if (packed.length > 0) sendPacked();
        reply({ jsonrpc: '2.0', result: null, id }, 0);
      };
      await flow(brokers, requests, 4, ({ value }) => {
        for (const { id, method, params } of JSON.parse(value.toString())) {
          if (method === 'echo') reply({ jsonrpc: '2.0', result: params[0], id }, params[0].length);
          else void emit(id, params[0], params[1]);
        }
      });
    },
    async connect(brokers) {
      await createTopics(brokers, topics);
      const produce = await openProducer(brokers);
      const pending = new Map<number, Pending>();
      await flow(brokers, inbox, 1, ({ value }) => {
        for (const { id, result, params } of JSON.parse(value.toString())) {
          if (params !== undefined) {
            const onItem = pending.get(params.id)?.onItem;
            for (const item of params.items) onItem?.(item);
          } else {
            const call = pending.get(id);
            pending.delete(id);
            call?.resolve(result);
          }
        }
      });
      let partition = 0;
      const send = perTurn((batch) => {
        partition = (partition + 1) % 4;
        produce(requests, partition, Buffer.from(JSON.stringify(batch)), requestHeaders);
      });
      let lastId = 0;
      return {
        call: (text) =>
          new Promise((resolve) => {
            lastId += 1;
            pending.set(lastId, { resolve });
            send({ jsonrpc: '2.0', method: 'echo', params: [text], id: lastId }, text.length);
          }),
        stream: (count, text) =>
          new Promise((resolve) => {
            let received = 0;
            lastId += 1;
            pending.set(lastId, {
              resolve: () => resolve(received),
              onItem: () => {
                received += 1;
              },
            });
            send({ jsonrpc: '2.0', method: 'items', params: [count, text], id: lastId }, 0);
          }),
      };
    },
  };
}
