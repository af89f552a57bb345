/** A client and a server of it on a Kafka in memory, whose every operation is counted. */
import * as t from 'io-ts';
import { type Connection, connect, request, service, stream } from '../../src/index.js';
import { MemoryBroker, VirtualClock } from '../../src/testing/index.js';
import { type Checks, counted, type Operations, watchedString } from './counting.js';

/** Calls of one turn. */
export const TURN = 100;

const NONE: Operations = { produced: 0, timers: 0, soons: 0, commits: 0 };

export interface Echo {
  readonly clock: VirtualClock;
  /** The client's connection. */
  readonly calling: Connection;
  readonly bench: ReturnType<typeof contractOf>;
  readonly client: Operations;
  readonly server: Operations;
  readonly checks: Checks;
  call(text: string): Promise<unknown>;
  /** So many calls, in turns. */
  turns(calls: number): Promise<void>;
  close(): Promise<void>;
}

const contractOf = (type: t.StringC) =>
  service('bench', {
    echo: request({ params: t.tuple([type]), result: type }),
    items: stream({ params: t.tuple([t.number]), item: t.number }),
  });

/** In position, and all counts at nought. Inboxes drawn at random might be shared, which costs. */
export async function startEcho(): Promise<Echo> {
  const { type, checks } = watchedString();
  const bench = contractOf(type);
  const clock = new VirtualClock();
  const broker = new MemoryBroker({ clock });
  const [server, client] = [counted(broker.connect()), counted(broker.connect())];
  const [serving, calling] = await clock.until(
    Promise.all([
      connect({ kafka: server.kafka, inbox: { topic: 'server.inbox' } }),
      connect({ kafka: client.kafka, inbox: { topic: 'client.inbox' } }),
    ]),
  );
  async function* items(count: number) {
    for (let i = 0; i < count; i += 1) yield i;
  }
  const handlers = {
    echo: ([text]: [string]) => text,
    items: ([count]: [number]) => items(count),
  };
  await clock.until(serving.serve(bench, handlers, { replyTopics: ['client.inbox'] }));
  const to = calling.client(bench);
  await clock.until(to.call('echo', ['first']));
  await clock.advance(60_000);
  Object.assign(server.operations, NONE);
  Object.assign(client.operations, NONE);
  Object.assign(checks, { is: 0, validated: 0 });
  const call = (text: string) => to.call('echo', [text]);
  return {
    clock,
    calling,
    bench,
    client: client.operations,
    server: server.operations,
    checks,
    call,
    async turns(calls) {
      for (let made = 0; made < calls; made += TURN) {
        await clock.until(Promise.all(Array.from({ length: TURN }, () => call('text'))));
      }
    },
    close: () => clock.until(Promise.all([serving.close(), calling.close()])).then(() => {}),
  };
}
