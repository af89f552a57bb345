/** What ends by time ends at its millisecond, and what comes a millisecond before that counts. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { from, map, type Observable } from 'rxjs';
import type { Connection } from '../../src/connection.js';
import {
  type Gathered,
  only,
  request,
  service,
  type UntypedClient,
  withRetry,
  withTimeout,
} from '../../src/index.js';
import { Bench, ending, Gate, INBOX, notice, ok, RawPeer, type Seen, seen } from './harness.js';
import { nothingBehindTheEnd, Timeline } from './timeline.js';

const TIMEOUT = 1_000;
/** Around the edge: milliseconds from the call to its answer's arrival. */
const ARRIVALS = [TIMEOUT - 2, TIMEOUT - 1, TIMEOUT, TIMEOUT + 1];

/** Of what came at the very edge either may be first, but never both. */
function expectEdge(arrival: number, events: readonly string[], answered: string[], late: string[]): void {
  if (arrival < TIMEOUT) expect(events).to.deep.equal(answered);
  else if (arrival > TIMEOUT) expect(events).to.deep.equal(late);
  else expect([answered, late]).to.deep.include(events);
}

describe('edges of time', () => {
  nothingBehindTheEnd();

  let bench: Bench;
  let caller: Connection;
  let raw: RawPeer;

  beforeEach(async () => {
    bench = new Bench();
    raw = new RawPeer(bench, 'raw', 0);
    bench.broker.createTopic('s.requests', 1);
    caller = await bench.connect({ inbox: { partitions: 1 } });
    // The topic is found before a spec looks at times.
    await bench.until(caller.client('s').notify('warm'));
  });
  afterEach(() => bench.close());

  const last = (): Seen => raw.records('s.requests').at(-1) as Seen;
  /** Has a raw server's message at the caller `ms` from now. */
  const arrive = (ms: number, message: (id: number) => unknown) =>
    bench.clock.after(ms - 1, () =>
      raw.reply(
        last(),
        [last().value].flat().flatMap(({ id }) => message(id)),
      ),
    );

  describe('of an answer', () => {
    const roads: Record<string, (client: UntypedClient) => Observable<unknown>> = {
      call: (client) => from(client.call('m')),
      'call$ of one answer': (client) => client.call$('m'),
      callTaskEither: (client) =>
        from(client.callTaskEither('m')()).pipe(
          map((it) => {
            if (it._tag === 'Left') throw it.left;
            return it.right;
          }),
        ),
      'an entry of a batch': (client) =>
        from(client.batch([['m'], ['m']])).pipe(
          map(([, it]) => {
            if (it?._tag !== 'Right') throw it?.left;
            return it.right;
          }),
        ),
    };
    const clients: Record<string, () => UntypedClient> = {
      'the client': () => caller.client('s', { timeout: TIMEOUT }),
      withTimeout: () => caller.client('s', { middleware: [withTimeout(TIMEOUT)] }),
      'withRetry, its attempts used up': () =>
        caller.client('s', { timeout: TIMEOUT, middleware: [only(['m'], withRetry({ attempts: 1 }))] }),
    };
    for (const [road, made] of Object.entries(roads))
      for (const [by, client] of Object.entries(clients))
        it(`should be that of ${road}, by ${by}`, async () => {
          for (const arrival of ARRIVALS) {
            const seen = new Timeline(bench.clock, made(client()));
            arrive(arrival, (id) => ok(id, 'a'));
            await bench.advance(TIMEOUT + 100);
            expectEdge(
              arrival,
              seen.events,
              [`${arrival} a`, `${arrival} |`],
              [`${TIMEOUT} # Unknown timeout`],
            );
          }
        });

    it('should be that of an instance asked by gather$, which then has all it gets', async () => {
      for (const arrival of ARRIVALS) {
        const asked = caller.client('s').gather$<string>('m', [], { timeout: TIMEOUT });
        const seen_ = new Timeline(
          bench.clock,
          asked,
          ({ result }: Gathered<string>) => (result as any).right,
        );
        bench.clock.after(arrival - 1, () => {
          const asked = bench.broker.records(INBOX).map(seen);
          const id = asked.filter(({ value }) => value.method === 'm').at(-1)?.value.id;
          raw.append({
            topic: INBOX,
            value: ok(id, 'a'),
            headers: { kafka_correlationId: caller.instance, 'callstream-inbox': `${INBOX}/0/one` },
          });
        });
        await bench.advance(TIMEOUT + 100);
        expectEdge(arrival, seen_.events, [`${arrival} a`, `${TIMEOUT} |`], [`${TIMEOUT} |`]);
      }
    });
  });

  it("should be that of a notification's delivery report", async () => {
    const notify = () => from(caller.client('s', { timeout: TIMEOUT }).notify('n')).pipe(map(() => 'told'));
    const plain = new Timeline(bench.clock, notify());
    await bench.advance(10);
    const base = Number.parseInt(plain.events[0] as string, 10);
    for (const arrival of ARRIVALS) {
      bench.broker.inject({ topic: 's.requests', times: 1, reportDelay: arrival - base });
      const seen = new Timeline(bench.clock, notify());
      await bench.advance(TIMEOUT + 100);
      expectEdge(arrival, seen.events, [`${arrival} told`, `${arrival} |`], [`${TIMEOUT} # Unknown timeout`]);
    }
  });

  describe('of a stream', () => {
    it('should be that of its opening, and none after that', async () => {
      for (const arrival of ARRIVALS) {
        const seen = new Timeline(bench.clock, caller.client('s', { timeout: TIMEOUT }).call$('m'));
        arrive(arrival, (id) => notice('$/open', { id }));
        arrive(3_000, (id) => [notice('$/next', { id, seq: 0, items: ['a'] }), ok(id, null)]);
        await bench.advance(4_000);
        expectEdge(arrival, seen.events, ['3000 a', '3000 |'], [`${TIMEOUT} # Unknown timeout`]);
      }
    });

    it("should be that of its server's silence: a lease, looked at three times in each", async () => {
      for (const [heard, ends] of [
        [0, 15_000],
        [1, 20_000],
        [5_000, 20_000],
      ] as const) {
        const seen = new Timeline(bench.clock, caller.client('s').call$('m'));
        arrive(10, (id) => notice('$/open', { id }));
        if (heard > 0) arrive(10 + heard, (id) => notice('$/next', { id, seq: 0, items: [] }));
        await bench.advance(30_000);
        expect(seen.events).to.deep.equal([`${10 + ends} # Unknown silence`]);
      }
    });

    it("should be that of its client's silence at the server", async () => {
      const serving = await bench.connect();
      const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
      const server = await bench.until(serving.serve('live', { ticks: () => never }));
      for (const [silence, alive] of [
        [14_999, true],
        [15_001, false],
      ] as const) {
        const id = silence;
        raw.request('live', { jsonrpc: '2.0', method: 'ticks', id, meta: { credit: 1 } }, raw.callstream);
        await bench.advance(1);
        const opened = bench.clock.now();
        expect(server.load.streams).to.equal(1);
        await bench.advance(silence - 1);
        raw.request('live', notice('$/request', { id, credit: 1 }));
        await bench.advance(1);
        expect([bench.clock.now() - opened, server.load.streams]).to.deep.equal([silence, alive ? 1 : 0]);
        await bench.advance(14_999);
        expect(server.load.streams).to.equal(alive ? 1 : 0);
        await bench.advance(1);
        expect(server.load.streams).to.equal(0);
      }
    });
  });

  describe('of a drain', () => {
    const DRAIN = 500;

    for (const [early, answered] of [
      [1, true],
      [-1, false],
    ] as const)
      it(`should ${answered ? 'have' : 'not have'} the answer of a handler that is through ${Math.abs(early)} ms ${early > 0 ? 'before' : 'behind'} it`, async () => {
        const gate = new Gate<string>();
        let aborted = false;
        const connection = await bench.connect();
        const server = await bench.until(
          connection.serve(service('slow', { wait: request({ result: t.string }) }), {
            wait: (_, context) => {
              context.signal.addEventListener('abort', () => {
                aborted = true;
              });
              return gate.promise;
            },
          }),
        );
        const call = ending(caller.client('slow', { timeout: 5_000 }).call('wait'));
        await bench.advance(10);
        const closing = server.close({ drain: DRAIN });
        bench.clock.after(DRAIN - early, () => gate.open('done'));
        await bench.advance(DRAIN - 2);
        expect(aborted).to.equal(false);
        await bench.until(closing);
        expect([await bench.until(call), aborted]).to.deep.equal(
          answered ? ['done', false] : ['Unknown timeout', true],
        );
        // Nobody has answered it: it is not committed, so that another instance will.
        const committed = [0, 1, 2, 3].map((partition) =>
          bench.broker.committed('slow', { topic: 'slow.requests', partition }),
        );
        expect(committed.filter((offset) => offset === 1)).to.have.length(answered ? 1 : 0);
      });
  });
});
