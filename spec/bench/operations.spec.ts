/**
 * What calls cost, counted instead of timed: records, timers, turns put off, passes of the codec, checks of
 * the contract. The figures are exact, and the same on any machine: one more timer or pass a call fails here.
 */
import { expect } from 'chai';
import * as t from 'io-ts';
import { type Connection, connect, request, service, stream } from '../../src/index.js';
import { MemoryBroker, VirtualClock } from '../../src/testing/index.js';
import { counted, countJson, type Operations, watchedString } from './counting.js';

const CALLS = 10_000;
const TURN = 100;

describe('What calls cost', () => {
  const { type, checks } = watchedString();
  const bench = service('bench', {
    echo: request({ params: t.tuple([type]), result: type }),
    items: stream({ params: t.tuple([t.number]), item: t.number }),
  });
  const none: Operations = { produced: 0, timers: 0, soons: 0, commits: 0 };
  let clock: VirtualClock;
  let connections: Connection[];
  let client: Operations;
  let server: Operations;

  /** A server and a client in position, and all counts at nought. */
  async function start(): Promise<(text: string) => Promise<unknown>> {
    const broker = new MemoryBroker({ clock });
    const [serving, calling] = [counted(broker.connect()), counted(broker.connect())];
    connections = await clock.until(
      Promise.all([connect({ kafka: serving.kafka }), connect({ kafka: calling.kafka })]),
    );
    const [one, other] = connections as [Connection, Connection];
    async function* items(count: number) {
      for (let i = 0; i < count; i += 1) yield i;
    }
    const handlers = {
      echo: ([text]: [string]) => text,
      items: ([count]: [number]) => items(count),
    };
    await clock.until(one.serve(bench, handlers));
    const to = other.client(bench);
    await clock.until(to.call('echo', ['first']));
    await clock.advance(60_000);
    ({ operations: server } = serving);
    ({ operations: client } = calling);
    Object.assign(server, none);
    Object.assign(client, none);
    Object.assign(checks, { is: 0, validated: 0 });
    return (text) => to.call('echo', [text]);
  }

  beforeEach(() => {
    clock = new VirtualClock();
    connections = [];
  });
  afterEach(async () => {
    await clock.until(Promise.all(connections.map((connection) => connection.close())));
  });

  it('should be a record each way, one codec pass a side and no timer for 100 calls of one turn', async () => {
    const call = await start();
    const json = countJson();
    try {
      for (let made = 0; made < CALLS; made += TURN) {
        await clock.until(Promise.all(Array.from({ length: TURN }, () => call('text'))));
      }
    } finally {
      json.stop();
    }
    const turns = CALLS / TURN;
    console.log(client, server, json.passes, checks);
    expect(client).to.deep.equal({ produced: turns, timers: 1, soons: turns, commits: 0 });
    expect(server).to.deep.equal({ produced: turns, timers: 3, soons: turns, commits: 2 });
    expect(json.passes).to.deep.equal({ encoded: 2 * turns, decoded: 2 * turns });
    expect(checks).to.deep.equal({ is: 4 * CALLS, validated: 0 });
  });

  it('should be a record each way for a lone call', async () => {
    const call = await start();
    const json = countJson();
    const calls = 1_000;
    try {
      for (let made = 0; made < calls; made += 1) await clock.until(call('text'));
    } finally {
      json.stop();
    }
    console.log(client, server, json.passes, checks);
    expect(client).to.deep.equal({ produced: calls, timers: 1, soons: calls, commits: 0 });
    expect(server).to.deep.equal({ produced: calls, timers: 1, soons: calls, commits: 0 });
    expect(json.passes).to.deep.equal({ encoded: 2 * calls, decoded: 2 * calls });
    expect(checks).to.deep.equal({ is: 4 * calls, validated: 0 });
  });

  it('should be two records and two codec passes a side for half a window of a stream', async () => {
    await start();
    const to = (connections[1] as Connection).client(bench, { window: 256 });
    const json = countJson();
    let items = 0;
    try {
      await clock.until(
        new Promise<void>((resolve, reject) => {
          to.call$('items', [CALLS]).subscribe({
            next: () => {
              items += 1;
            },
            error: reject,
            complete: resolve,
          });
        }),
      );
    } finally {
      json.stop();
    }
    console.log(client, server, json.passes, items);
    expect(items).to.equal(CALLS);
  });
});
