/** callstream, by name alone and with a contract that is checked on both sides. */
import * as t from 'io-ts';
import { type ConnectOptions, connect, request, service, stream } from '../../src/index.js';
import type { Caller, Contender } from './contender.js';
import { items } from './items.js';
import { createTopics, topicsOf } from './raw-kafka.js';

const methods = {
  echo: request({ params: t.tuple([t.string]), result: t.string }),
  items: stream({ params: t.tuple([t.number, t.string]), item: t.string }),
};
const bench = service('bench-contract', methods);
/** Its handler computes. */
const computing = service('bench-busy', methods);
/** Its topic exists, and nobody reads it. */
const silent = service('bench-unanswered', methods);

/** An inbox topic of its own, so that its bytes can be told from the others'. */
const open = (brokers: string, name: string, options: ConnectOptions = {}) =>
  connect({ brokers, inbox: { topic: `${name}.inbox` }, ...options });

export const untyped: Contender = {
  topics: ['bench-untyped.requests', 'bench-untyped.inbox'],
  async serve(brokers) {
    const connection = await open(brokers, 'bench-untyped');
    await connection.serve('bench-untyped', { echo: (text: string) => text });
  },
  async connect(brokers) {
    const client = (await open(brokers, 'bench-untyped')).client('bench-untyped');
    return { call: (text) => client.call('echo', [text]) };
  },
};

export const contracted: Contender = {
  topics: ['bench-contract.requests', 'bench-contract.inbox'],
  async serve(brokers) {
    const connection = await open(brokers, 'bench-contract');
    await connection.serve(bench, {
      echo: ([text]) => text,
      items: ([count, text]) => items(count, text),
    });
  },
  connect: (brokers) => callerOf(bench, brokers),
};

/** Milliseconds that its handler keeps the CPU. */
const BUSY = 0.2;

export const busy: Contender = {
  async serve(brokers) {
    const connection = await open(brokers, 'bench-busy');
    await connection.serve(computing, {
      echo: ([text]) => {
        for (const end = performance.now() + BUSY; performance.now() < end; );
        return text;
      },
      items: ([count, text]) => items(count, text),
    });
  },
  connect: (brokers) => callerOf(computing, brokers),
};

export const unanswered: Contender = {
  async serve() {},
  async connect(brokers) {
    await createTopics(brokers, topicsOf('unanswered'));
    return callerOf(silent, brokers, 600_000, { maxPending: 1_000_000 });
  },
};

async function callerOf(
  to: typeof bench,
  brokers: string,
  timeout = 30_000,
  options?: ConnectOptions,
): Promise<Caller> {
  const client = (await open(brokers, to.name, options)).client(to, { timeout });
  return {
    call: (text) => client.call('echo', [text]),
    stream: (count, text, window) =>
      new Promise((resolve, reject) => {
        let received = 0;
        client.call$('items', [count, text], { window }).subscribe({
          next: () => {
            received += 1;
          },
          error: reject,
          complete: () => resolve(received),
        });
      }),
  };
}
