/**
 * What calls cost, counted instead of timed: records, timers, turns put off, passes of the codec, checks of
 * the contract. The figures are exact, and the same on any machine: one more timer or pass a call fails here.
 */
import { expect } from 'chai';
import * as t from 'io-ts';
import { takeWhile } from 'rxjs';
import { type Connection, connect, request, service, stream } from '../../src/index.js';
import { MemoryBroker, VirtualClock } from '../../src/testing/index.js';
import { allocatedBy } from './allocated.js';
import { counted, countPasses, type Operations, watchedString } from './counting.js';

const CALLS = 10_000;
const TURN = 100;
const WINDOW = 256;
/**
 * Bytes a call: 2,800, of which the sample is good to a few percent. Twice as many where specs that ran before have
 * taught V8 more shapes: these come first in `npm test`.
 */
const MAX_ALLOCATED = 3_100;

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

  /** A server and a client in position, and all counts at nought. Inboxes drawn at random might be shared, which costs. */
  async function start(): Promise<(text: string) => Promise<unknown>> {
    const broker = new MemoryBroker({ clock });
    const [serving, calling] = [counted(broker.connect()), counted(broker.connect())];
    connections = await clock.until(
      Promise.all([
        connect({ kafka: serving.kafka, inbox: { topic: 'server.inbox' } }),
        connect({ kafka: calling.kafka, inbox: { topic: 'client.inbox' } }),
      ]),
    );
    const [one, other] = connections as [Connection, Connection];
    async function* items(count: number) {
      for (let i = 0; i < count; i += 1) yield i;
    }
    const handlers = {
      echo: ([text]: [string]) => text,
      items: ([count]: [number]) => items(count),
    };
    await clock.until(one.serve(bench, handlers, { replyTopics: ['client.inbox'] }));
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
    const { passes, stop } = countPasses();
    try {
      for (let made = 0; made < CALLS; made += TURN) {
        await clock.until(Promise.all(Array.from({ length: TURN }, () => call('text'))));
      }
    } finally {
      stop();
    }
    const turns = CALLS / TURN;
    expect(client).to.deep.equal({ produced: turns, timers: 1, soons: turns, commits: 0 });
    expect(server).to.deep.equal({ produced: turns, timers: 2, soons: turns, commits: 1 });
    expect(passes).to.deep.equal({ encoded: 2 * turns, decoded: 2 * turns });
    expect(checks).to.deep.equal({ is: 4 * CALLS, validated: 0 });
  });

  it('should allocate no more than its bound, at both ends and in the Kafka between them', async function () {
    // What counts the coverage allocates too.
    if (process.env.NODE_V8_COVERAGE !== undefined) this.skip();
    const call = await start();
    const run = async () => {
      for (let made = 0; made < CALLS; made += TURN) {
        await clock.until(Promise.all(Array.from({ length: TURN }, () => call('text'))));
      }
    };
    await run();
    const bytes = (await allocatedBy(run)) / CALLS;
    expect(bytes).to.be.within(1_000, MAX_ALLOCATED);
  });

  it('should be a record each way for a lone call', async () => {
    const call = await start();
    const { passes, stop } = countPasses();
    const calls = 1_000;
    try {
      for (let made = 0; made < calls; made += 1) await clock.until(call('text'));
    } finally {
      stop();
    }
    expect(client).to.deep.equal({ produced: calls, timers: 1, soons: calls, commits: 0 });
    expect(server).to.deep.equal({ produced: calls, timers: 20, soons: calls, commits: 19 });
    expect(passes).to.deep.equal({ encoded: 2 * calls, decoded: 2 * calls });
    expect(checks).to.deep.equal({ is: 4 * calls, validated: 0 });
  });

  it('should be a record each way for a window of a stream', async () => {
    await start();
    const windows = 40;
    const to = (connections[1] as Connection).client(bench, { window: WINDOW });
    const { passes, stop } = countPasses();
    let received = 0;
    // The counts at the last item of these windows; how the stream ends doesn't matter here.
    const counts = await clock.until(
      new Promise((resolve, reject) => {
        to.call$('items', [2 * windows * WINDOW])
          .pipe(takeWhile(() => received < windows * WINDOW))
          .subscribe({
            next: () => {
              received += 1;
              if (received === windows * WINDOW)
                resolve({ client: { ...client }, server: { ...server }, passes: { ...passes } });
            },
            error: reject,
          });
      }),
    );
    stop();
    expect(counts).to.deep.equal({
      client: { produced: windows, timers: 2, soons: windows, commits: 0 },
      server: { produced: windows, timers: 2, soons: windows, commits: 0 },
      passes: { encoded: 2 * windows, decoded: 2 * windows },
    });
  });
});
