/**
 * What calls cost, counted instead of timed: records, timers, turns put off, passes of the codec, checks of
 * the contract. The figures are exact, and the same on any machine: one more timer or pass a call fails here.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { takeWhile } from 'rxjs';
import { countPasses } from './counting.js';
import { type Echo, startEcho, TURN } from './echo.js';

const CALLS = 10_000;
const WINDOW = 256;
/** Bytes a call: 2,600, of which the sample is good to a few percent. */
const MAX_ALLOCATED = 2_850;

describe('What calls cost', () => {
  let echo: Echo;

  beforeEach(async () => {
    echo = await startEcho();
  });
  afterEach(() => echo.close());

  it('should be a record each way, one codec pass a side and no timer for 100 calls of one turn', async () => {
    const { client, server, checks } = echo;
    const { passes, stop } = countPasses();
    try {
      await echo.turns(CALLS);
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
    const script = fileURLToPath(new URL('./allocated-calls.ts', import.meta.url));
    const child = fork(script, [String(CALLS)], {
      // Code that waits for a compiler in a thread of its own allocates more.
      execArgv: ['--no-concurrent-recompilation', '--import', 'tsx'],
    });
    const [bytes] = await once(child, 'message');
    expect(bytes).to.be.within(1_000, MAX_ALLOCATED);
  });

  it('should be a record each way for a lone call', async () => {
    const { call, clock, client, server, checks } = echo;
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
    const { bench, calling, clock, client, server } = echo;
    const windows = 40;
    const to = calling.client(bench, { window: WINDOW });
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
