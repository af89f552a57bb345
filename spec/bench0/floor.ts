/** The floor: node-rdkafka by hand, one record a call and one a reply. What a call costs without any cleverness. */
import type { Contender } from './contender.js';
import { createTopics, flow, openProducer, topicsOf } from './raw-kafka.js';

const topics = topicsOf('floor');
const { requests, inbox, requestHeaders, replyHeaders } = topics;

export const floor: Contender = {
  async serve(brokers) {
    await createTopics(brokers, topics);
    const produce = await openProducer(brokers);
    await flow(brokers, requests, 4, ({ value }) => {
      const { id, params } = JSON.parse(value.toString());
      const reply = JSON.stringify({ jsonrpc: '2.0', result: params[0], id });
      produce(inbox, 0, Buffer.from(reply), replyHeaders);
    });
  },
  async connect(brokers) {
    await createTopics(brokers, topics);
    const produce = await openProducer(brokers);
    const pending = new Map<number, (result: unknown) => void>();
    await flow(brokers, inbox, 1, ({ value }) => {
      const { id, result } = JSON.parse(value.toString());
      const resolve = pending.get(id);
      pending.delete(id);
      resolve?.(result);
    });
    let lastId = 0;
    return (text) =>
      new Promise((resolve) => {
        lastId += 1;
        pending.set(lastId, resolve);
        const request = JSON.stringify({ jsonrpc: '2.0', method: 'echo', params: [text], id: lastId });
        produce(requests, lastId % 4, Buffer.from(request), requestHeaders);
      });
  },
};
