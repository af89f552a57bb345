/** callstream, by name alone and with a contract that is checked on both sides. */
import * as t from 'io-ts';
import { count, lastValueFrom, type Observable, range } from 'rxjs';
import {
  type ConnectOptions,
  callBatch,
  callEach,
  connect,
  processEach,
  request,
  service,
  stream,
  type Topic,
} from '../../src/index.js';
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

/** Topics of inputs that this process has made. */
let inputs = 0;

async function callerOf(
  to: typeof bench,
  brokers: string,
  timeout = 30_000,
  options?: ConnectOptions,
): Promise<Caller> {
  const connection = await open(brokers, to.name, options);
  const client = connection.client(to, { timeout });
  const outputs = {
    callEach: (calls: number, text: string) =>
      range(0, calls).pipe(callEach(client, 'echo', { toParams: () => [text], concurrency: 1_000 })),
    callBatch: (calls: number, text: string) =>
      range(0, calls).pipe(callBatch(client, 'echo', { toParams: () => [text] })),
    processEach: (_: number, __: string, topic: Topic<string>) =>
      topic.records$({ from: 'earliest', to: 'now', maxUnacked: 10_000 }).pipe(
        processEach(({ value }) => client.call('echo', [value as string]), {
          concurrency: 1_000,
          ordered: false,
        }),
      ),
  };
  return {
    async pipe(operator, calls, text) {
      inputs += 1;
      const topic = connection.topic(`${to.name}-inputs-${process.pid}-${inputs}`, { codec: 'string' });
      if (operator === 'processEach') {
        await topic.create({ partitions: 4 });
        await lastValueFrom(topic.publishAll(Array.from({ length: calls }, () => text)));
      }
      const begin = performance.now();
      const made = await lastValueFrom(
        (outputs[operator](calls, text, topic) as Observable<unknown>).pipe(count()),
      );
      if (made !== calls) throw new Error(`${made} outputs of ${calls} inputs`);
      return (performance.now() - begin) / 1_000;
    },
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
