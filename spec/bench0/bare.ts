/** The bare loop: node-rdkafka by hand, each turn's calls in one record. No contract, no timeout, no error, no stream. */
import type { Contender } from './contender.js';
import { createTopics, flow, openProducer, topicsOf } from './raw-kafka.js';

const topics = topicsOf('bare');
const { requests, inbox, requestHeaders, replyHeaders } = topics;

const MAX_COUNT = 200;

/** Collects messages for the end of the turn and hands them on in arrays. */
function perTurn(send: (batch: unknown[]) => void): (message: unknown) => void {
  let batch: unknown[] = [];
  const flush = () => {
    const all = batch;
    batch = [];
    for (let i = 0; i < all.length; i += MAX_COUNT)
      send(all.length <= MAX_COUNT ? all : all.slice(i, i + MAX_COUNT));
  };
  return (message) => {
    if (batch.push(message) === 1) setImmediate(flush);
  };
}

export const bare: Contender = {
  async serve(brokers) {
    await createTopics(brokers, topics);
    const produce = await openProducer(brokers);
    const reply = perTurn((batch) => produce(inbox, 0, Buffer.from(JSON.stringify(batch)), replyHeaders));
    await flow(brokers, requests, 4, ({ value }) => {
      for (const { id, params } of JSON.parse(value.toString()))
        reply({ jsonrpc: '2.0', result: params[0], id });
    });
  },
  async connect(brokers) {
    await createTopics(brokers, topics);
    const produce = await openProducer(brokers);
    const pending = new Map<number, (result: unknown) => void>();
    await flow(brokers, inbox, 1, ({ value }) => {
      for (const { id, result } of JSON.parse(value.toString())) {
        const resolve = pending.get(id);
        pending.delete(id);
        resolve?.(result);
      }
    });
    let partition = 0;
    const send = perTurn((batch) => {
      partition = (partition + 1) % 4;
      produce(requests, partition, Buffer.from(JSON.stringify(batch)), requestHeaders);
    });
    let lastId = 0;
    return (text) =>
      new Promise((resolve) => {
        lastId += 1;
        pending.set(lastId, resolve);
        send({ jsonrpc: '2.0', method: 'echo', params: [text], id: lastId });
      });
  },
};
