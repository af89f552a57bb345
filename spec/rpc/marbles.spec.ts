/** What becomes of a call, event by event, by each policy that it may pass: the same for all, and to the millisecond. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { map, type Observable, of, tap } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import {
  type CallOptions,
  type ClientMiddleware,
  type ClientOptions,
  logging,
  metrics,
  only,
  request,
  type StreamItem,
  service,
  stream,
  withHedging,
  withRetry,
  withTimeout,
} from '../../src/index.js';
import type { Kafka } from '../../src/kafka/port.js';
import { Bench, Gate, INBOX, notice, ok, RawPeer, seen } from './harness.js';
import { nothingBehindTheEnd, Timeline } from './timeline.js';

const TIMEOUT = 1_000;
const LEASE = 3_000;
const RETRY = { attempts: 3, perTry: 100, backoff: 1 };
const methods = {
  m: request({ result: t.string }),
  feed: stream({ item: t.number }),
};
const upTo = (to: number) => Array.from({ length: to }, (_, i) => i);
const error = (id: number, code: number) => ({ jsonrpc: '2.0', id, error: { code, message: 'no' } });
const next = (id: number, seq: number, ...items: number[]) => notice('$/next', { id, seq, items });

/** How calls are made, and what was told of their ends since it was asked last. */
interface Way {
  readonly client: ClientOptions;
  readonly call?: CallOptions & { readonly ack?: true };
  readonly told?: () => unknown[];
}

const passing = (...middleware: ClientMiddleware[]): Way => ({ client: { timeout: TIMEOUT, middleware } });

function logged(): Way {
  const lines: { readonly outcome: unknown }[] = [];
  const write = (fields: object) => lines.push(fields as (typeof lines)[number]);
  return {
    ...passing(logging({ debug: write, info: write, warn: write, error: write })),
    told: () => lines.splice(0).map(({ outcome }) => outcome),
  };
}

/** What of a meter is asked: counts by outcome, and that nothing is left under way. */
function measured(): Way {
  const outcomes: unknown[] = [];
  let active = 0;
  const record = () => {};
  const meter: any = {
    createHistogram: () => ({ record }),
    createUpDownCounter: () => ({ add: (n: number) => (active += n) }),
    createCounter: () => ({ add: (_: number, { outcome }: any) => outcomes.push(outcome) }),
  };
  return {
    ...passing(metrics({ meter })),
    told: () => {
      expect(active, 'calls under way').to.equal(0);
      return outcomes.splice(0).map((it) => (Number.isNaN(Number(it)) ? it : Number(it)));
    },
  };
}

const ways: Record<string, () => Way> = {
  'no policy': () => ({ client: { timeout: TIMEOUT } }),
  withTimeout: () => ({ client: { middleware: [withTimeout(TIMEOUT)] } }),
  withRetry: () => passing(withRetry(RETRY)),
  withHedging: () => passing(withHedging({ delay: 100 })),
  only: () => ({ client: { middleware: [only(['m', 'feed'], withTimeout(TIMEOUT))] } }),
  'only, for others': () => passing(only(['other'], () => of('never'))),
  logging: logged,
  metrics: measured,
  absentAfter: () => ({ client: { timeout: TIMEOUT, absentAfter: 5_000 } }),
  'acked items': () => ({ client: { timeout: TIMEOUT }, call: { ack: true } }),
};

for (const [name, made] of Object.entries(ways))
  describe(`marbles of ${name}`, () => {
    nothingBehindTheEnd();

    const drawn = Math.random;
    let bench: Bench;
    let caller: Connection;
    let raw: RawPeer;
    let way: Way;
    let ponging: Kafka;
    let client: { call$(method: string, params?: unknown, options?: CallOptions): Observable<any> };

    beforeEach(async () => {
      Math.random = () => 0.5;
      way = made();
      bench = new Bench();
      raw = new RawPeer(bench, 'raw', 0);
      bench.broker.createTopic('s.requests', 2);
      caller = await bench.connect({ inbox: { partitions: 1 }, lease: LEASE });
      ponging = await pong();
      client = caller.client(service('s', methods), way.client) as any;
      // The topic is found, and somebody there, before a spec looks at times.
      const warm = new Timeline(bench.clock, client.call$('m'));
      await bench.advance(20);
      answer(1, (id) => ok(id, 'warm'));
      await bench.advance(20);
      expect(warm.values).to.deep.equal(['warm', '|']);
      await bench.advance(way.client.absentAfter ?? 0);
      told('ok');
    });
    afterEach(async () => {
      Math.random = drawn;
      await bench.advance(10_000);
      await bench.until(ponging.close());
      await bench.close();
    });

    /** A server of raw records is there as well: it says so. */
    const pong = async () => {
      const kafka = bench.broker.connect();
      const onRecord = (record: Parameters<typeof seen>[0]) => {
        const { value, headers } = seen(record);
        const from = String(new Map(headers).get('callstream-inbox')).split('/').at(-1) ?? '';
        const headersBack = { kafka_correlationId: from, 'callstream-inbox': `${INBOX}/0/server-1` };
        if (value.method === '$/ping')
          raw.append({ topic: INBOX, value: error(value.id, -32601), headers: headersBack });
      };
      const at = [{ topic: INBOX, partition: 0, offset: 0 }];
      await bench.until(kafka.assign(at, { onRecord, onError: () => {} }));
      return kafka;
    };
    const told = (...outcomes: unknown[]) => way.told && expect(way.told(), 'told').to.deep.equal(outcomes);

    const call$ = (method: 'm' | 'feed', options: CallOptions = {}, from = client): Observable<unknown> => {
      const acks = method === 'feed' && way.call?.ack;
      const made$ = from.call$(method, undefined, { ...options, ...(acks && way.call) } as CallOptions);
      if (!acks) return made$;
      return made$.pipe(
        tap((item: StreamItem<number>) => item.ack()),
        map(({ value }) => value),
      );
    };
    const timeline = (method: 'm' | 'feed', options?: CallOptions) =>
      new Timeline(bench.clock, call$(method, options));

    /** Requests as they were sent, the copies and attempts of a call among them. */
    const sent = () =>
      bench.broker
        .records('s.requests')
        .map(seen)
        .flatMap((record) => [record.value].flat().map((message) => ({ ...message, record })))
        .sort((a, b) => a.record.timestamp - b.record.timestamp);
    const calls = () => sent().filter(({ id }) => id !== undefined);
    const cancels = () => [...sent(), ...raw.control()].filter(({ method }) => method === '$/cancel').length;
    /** Has a server's messages at the caller `ms` from now: to the latest call, or to an earlier one. */
    const answer = (ms: number, messages: (id: number) => unknown, to = -1) => {
      bench.clock.after(ms - 1, () => {
        const { id, meta, method, record } = calls().at(to) as any;
        // The end of an open stream names no attempt.
        const names = (it: any) =>
          it.method === undefined &&
          (it.error ? method === 'm' || it.error.code === -32002 : meta.attempt > 1 && method === 'm');
        const all = [messages(id)]
          .flat()
          .map((it: any) => (names(it) ? { ...it, meta: { attempt: meta.attempt } } : it));
        raw.reply(record, all.length === 1 ? all[0] : all);
      });
    };
    const opened = (id: number) => notice('$/open', { id });

    it('should emit what comes, and complete with it', async () => {
      const items = timeline('feed');
      answer(10, (id) => [opened(id), next(id, 0, 1, 2)]);
      answer(20, (id) => next(id, 1, 3));
      answer(30, (id) => ok(id, null));
      await bench.advance(50);
      expect(items.events).to.deep.equal(['10 1', '10 2', '20 3', '30 |']);
      const one = timeline('m');
      answer(10, (id) => ok(id, 'a'));
      await bench.advance(50);
      expect(one.events).to.deep.equal(['10 a', '10 |']);
      expect([items.nested, one.nested, cancels(), caller.stats.pending]).to.deep.equal([[], [], 0, 0]);
      told('ok', 'ok');
    });

    it('should emit what came, and then the error', async () => {
      const items = timeline('feed');
      answer(10, (id) => [opened(id), next(id, 0, 1)]);
      answer(20, (id) => error(id, 5));
      await bench.advance(50);
      expect(items.events).to.deep.equal(['10 1', '20 # RpcError 5']);
      const one = timeline('m');
      answer(10, (id) => error(id, 5));
      await bench.advance(50);
      expect(one.events).to.deep.equal(['10 # RpcError 5']);
      expect([cancels(), caller.stats.pending]).to.deep.equal([0, 0]);
      told(5, 5);
    });

    it('should cancel once, and emit nothing more, when it is unsubscribed from', async () => {
      const items = timeline('feed');
      answer(10, (id) => [opened(id), next(id, 0, 1)]);
      answer(20, (id) => [next(id, 1, 2), ok(id, null)]);
      await bench.advance(15);
      items.subscription.unsubscribe();
      await bench.advance(50);
      expect([items.events, cancels()]).to.deep.equal([['10 1'], 1]);
      const one = timeline('m');
      await bench.advance(15);
      one.subscription.unsubscribe();
      answer(5, (id) => ok(id, 'a'));
      await bench.advance(2 * TIMEOUT);
      expect([one.events, cancels(), caller.stats.pending]).to.deep.equal([[], 2, 0]);
      expect(calls()).to.have.length(3);
      told('cancelled', 'cancelled');
    });

    it('should make a call of its own for each subscription', async () => {
      const items$ = call$('feed');
      const [one, two] = [new Timeline(bench.clock, items$), new Timeline(bench.clock, items$)];
      await bench.advance(5);
      answer(5, (id) => [opened(id), next(id, 0, 1)], -1);
      answer(6, (id) => [opened(id), next(id, 0, 2)], -2);
      await bench.advance(10);
      one?.subscription.unsubscribe();
      answer(5, (id) => ok(id, null), -1);
      await bench.advance(20);
      // Whose call was sent first is the broker's to say.
      expect([...one.values, ...two.values].sort()).to.deep.equal(['1', '2', '|']);
      expect(one.end).to.equal(undefined);
      const three = new Timeline(bench.clock, items$);
      answer(10, (id) => [opened(id), next(id, 0, 3), ok(id, null)]);
      await bench.advance(20);
      expect(three.events).to.deep.equal(['10 3', '10 |']);
      expect(new Set(calls().map(({ id }) => id)).size).to.equal(4);
      told('cancelled', 'ok', 'ok');
    });

    it('should end at its timeout exactly, and take what comes a millisecond before', async () => {
      const answers = {
        m: { messages: (id: number): unknown => ok(id, 'a'), events: (at: number) => [`${at} a`, `${at} |`] },
        feed: {
          messages: (id: number): unknown => [opened(id), next(id, 0, 1), ok(id, null)],
          events: (at: number) => [`${at} 1`, `${at} |`],
        },
      };
      for (const method of ['m', 'feed'] as const)
        for (const arrival of [TIMEOUT - 1, TIMEOUT, TIMEOUT + 1]) {
          const { messages, events } = answers[method];
          const one = timeline(method);
          answer(arrival, messages);
          await bench.advance(TIMEOUT + 100);
          const [inTime, late] = [events(arrival), [`${TIMEOUT} # Unknown timeout`]];
          if (arrival < TIMEOUT) expect(one.events).to.deep.equal(inTime);
          else if (arrival > TIMEOUT) expect(one.events).to.deep.equal(late);
          else expect([inTime, late]).to.deep.include(one.events);
          expect(caller.stats.pending).to.equal(0);
          told(one.end === '|' ? 'ok' : 'timeout');
        }
    });

    /** What has a call tried again, where the policy doesn't. */
    const again = (): CallOptions => (name === 'withHedging' || name === 'withRetry' ? {} : { retry: RETRY });

    it('should succeed with an attempt behind one that was refused, and end once', async () => {
      const one = timeline('m', again());
      answer(10, (id) => error(id, -32002));
      await bench.advance(30);
      expect(
        calls()
          .slice(1)
          .map(({ meta }) => meta.attempt),
      ).to.deep.equal([1, 2]);
      answer(10, (id) => ok(id, 'a'));
      await bench.advance(2 * TIMEOUT);
      expect(one.events).to.deep.equal(['40 a', '40 |']);
      const items = timeline('feed', { retry: RETRY });
      answer(10, (id) => error(id, -32002));
      answer(40, (id) => [opened(id), next(id, 0, 1), ok(id, null)]);
      await bench.advance(2 * TIMEOUT);
      expect(items.events).to.deep.equal(['40 1', '40 |']);
      expect([cancels(), caller.stats.pending]).to.deep.equal([0, 0]);
      told('ok', 'ok');
    });

    it('should take a late answer to the first attempt for that of the call, and no other', async () => {
      const one = timeline('m', again());
      await bench.advance(150);
      expect(
        calls()
          .slice(1)
          .map(({ meta }) => meta.attempt),
      ).to.deep.equal([1, 2]);
      answer(10, (id) => ok(id, 'first'), -2);
      answer(20, (id) => ok(id, 'second'), -1);
      await bench.advance(2 * TIMEOUT);
      expect(one.events).to.deep.equal(['160 first', '160 |']);
      expect(caller.stats.late).to.equal(1);
      const items = timeline('feed', { retry: RETRY });
      await bench.advance(150);
      answer(10, (id) => [opened(id), next(id, 0, 1)], -2);
      answer(20, (id) => ok(id, null), -1);
      await bench.advance(2 * TIMEOUT);
      expect(items.events).to.deep.equal(['160 1', '170 |']);
      told('ok', 'ok');
    });

    it('should end as unknown at a gap, cancel, and hear nothing more', async () => {
      const items = timeline('feed', again());
      answer(10, (id) => [opened(id), next(id, 0, 1)]);
      answer(20, (id) => next(id, 2, 3));
      answer(30, (id) => [next(id, 1, 2), next(id, 2, 3), ok(id, null)]);
      await bench.advance(2 * TIMEOUT);
      expect(items.events).to.deep.equal(['10 1', '20 # Unknown gap']);
      expect([cancels(), calls().length, caller.stats.pending]).to.deep.equal([1, 2, 0]);
      told('gap');
    });

    describe('with a server', () => {
      const WINDOW = 4;
      let server: Server;
      let live: typeof client;
      let made: number;
      let closed: number;
      let aborted: number[];
      let gate: Gate<string>;

      beforeEach(async () => {
        made = closed = 0;
        aborted = [];
        gate = new Gate();
        const connection = await bench.connect({ inbox: { partitions: 1 }, lease: LEASE });
        const numbers = async function* () {
          try {
            for (; made < 60; ) {
              made += 1;
              yield made - 1;
            }
          } finally {
            closed += 1;
          }
        };
        server = await bench.until(
          connection.serve(service('live', methods), {
            m: (_, { signal }) => {
              signal.addEventListener('abort', () => aborted.push(bench.clock.now()));
              return gate.promise;
            },
            feed: numbers,
          }),
        );
        live = caller.client(service('live', methods), way.client) as any;
        const warm = new Timeline(bench.clock, call$('m', { timeout: 50 }, live));
        await bench.advance(100);
        expect(warm.values).to.deep.equal(['# Unknown timeout']);
        aborted = [];
        told('timeout');
      });
      afterEach(() => gate.open('late'));

      it('should be sent each item once, and no more than was asked for, where credit comes twice and out of order', async () => {
        bench.broker.inject({
          where: ({ value }) => String(value).includes('$/request'),
          duplicates: 3,
          duplicateAfter: () => (made * 7) % 40,
        });
        const items = new Timeline(bench.clock, call$('feed', { window: WINDOW }, live));
        for (let ms = 0; ms < 20_000 && items.end === undefined; ms += 1) {
          await bench.advance(1);
          expect(made - items.events.length).to.be.at.most(WINDOW);
        }
        expect([items.values, items.nested]).to.deep.equal([[...upTo(60), '|'].map(String), []]);
        await bench.advance(LEASE);
        expect([server.load.streams, closed]).to.deep.equal([0, 1]);
        told('ok');
      });

      it('should leave the handler to its lease, or to its deadline, where the cancel is lost', async () => {
        bench.broker.inject({
          where: ({ value }) => String(value).includes('$/cancel'),
          report: 'unwritten',
        });
        const acked = way.call?.ack === true;
        const held$ = live.call$('feed', undefined, { window: WINDOW, ...way.call } as CallOptions);
        const items = new Timeline(bench.clock, acked ? held$ : call$('feed', { window: WINDOW }, live));
        await bench.advance(3);
        items.subscription.unsubscribe();
        await bench.advance(20);
        const so = made;
        expect([so > 0 && so < 60, server.load.streams]).to.deep.equal([true, 1]);
        await bench.advance(LEASE - 100);
        expect(server.load.streams).to.equal(1);
        await bench.advance(200);
        expect([server.load.streams, closed, made]).to.deep.equal([0, 1, so]);
        const begun = bench.clock.now();
        const one = new Timeline(bench.clock, call$('m', {}, live));
        await bench.advance(50);
        one.subscription.unsubscribe();
        await bench.advance(2 * TIMEOUT);
        expect([one.events, aborted.length]).to.deep.equal([[], 1]);
        expect((aborted[0] ?? 0) - begun).to.be.within(TIMEOUT, TIMEOUT + 5);
        told('cancelled', 'cancelled');
      });
    });
  });
