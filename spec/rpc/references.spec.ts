/** What a call leaves behind while its connection stays open: nothing refers to it any more (Reactive Streams 3.13). */
import { expect } from 'chai';
import * as t from 'io-ts';
import { from, Observable } from 'rxjs';
import type { Connection, Server } from '../../src/connection.js';
import { callEach, request, type StreamItem, service, stream, type UntypedClient } from '../../src/index.js';
import { Watched } from '../testing/watched.js';
import { Bench } from './harness.js';

const contract = service('s', {
  feed: stream({ params: t.type({ to: t.number }), item: t.UnknownRecord }),
  live: stream({ params: t.type({ to: t.number }), item: t.UnknownRecord }),
  wait: request({ result: t.string }),
});

type Make = (client: ReturnType<Connection['client']>, signal: AbortSignal) => Observable<unknown>;

describe('references', () => {
  let bench: Bench;
  let caller: Connection;
  let server: Server;
  /** What is to be gone. */
  let watched: Watched;

  beforeEach(async () => {
    watched = new Watched();
    bench = new Bench();
    caller = await bench.connect({ lease: 3_000 });
    const connection = await bench.connect({ lease: 3_000 });
    server = await bench.until(
      connection.serve(contract, {
        feed: ({ to }, context) => {
          watched.add('signal of the handler', context.signal);
          return watched.add('generator', numbers(to));
        },
        live: ({ to }, context) =>
          watched.add(
            'source',
            new Observable<object>((subscriber) => {
              watched.add('subscriber at the server', subscriber);
              watched.add('signal of the handler', context.signal);
              for (let i = 0; i < to; i += 1) subscriber.next({ i });
              if (to > 50) subscriber.error(new Error('too many'));
            }),
          ) as Observable<any>,
        wait: (_, context) => {
          watched.add('signal of the handler', context.signal);
          return new Promise<string>(() => {});
        },
      }),
    );
    // The topic is found, and a stream has come and gone, before anything is looked at.
    await new Promise<void>((resolve) => {
      caller.client(contract).call$('feed', { to: 1 }).subscribe({ complete: resolve });
      void bench.advance(100);
    });
    watched.clear();
  });
  afterEach(() => bench.close());

  async function* numbers(to: number): AsyncGenerator<Record<string, unknown>> {
    for (let i = 0; i < to; i += 1) yield { i };
    if (to > 50) throw new Error('too many');
  }

  /** What is still there, or no more than `most`. */
  const left = (most?: number) => {
    // An error keeps what its stack has seen.
    bench.issues.length = 0;
    return watched.left(most);
  };

  const roads: Record<string, Make> = {
    'an async generator': (client, signal) => client.call$('feed', { to: 20 }, { signal, window: 4 }),
    'an Observable': (client, signal) => client.call$('live', { to: 20 }, { signal, window: 4 }),
    'a handler that throws': (client, signal) => client.call$('feed', { to: 60 }, { signal }),
    'a source that errors': (client, signal) => client.call$('live', { to: 60 }, { signal }),
    'an attempt that may be followed': (client, signal) =>
      client.call$('feed', { to: 20 }, { signal, retry: { perTry: 100 }, window: 4 }),
    'acked items': (client, signal) => client.call$('feed', { to: 20 }, { signal, ack: true, window: 4 }),
    'a call': (client, signal) => client.call$('wait', undefined, { signal, timeout: 500 }),
    gather$: (client, signal) => client.gather$('wait', undefined, { signal, timeout: 500 }),
    callEach: (client) => from([1]).pipe(callEach(client, 'wait', { toParams: () => [], timeout: 500 })),
  };
  /** Whatever its end is: by itself, or before that. */
  const ends: Record<string, (subscription: { unsubscribe(): void }, abort: AbortController) => void> = {
    itself: () => {},
    'an unsubscribe': (subscription) => subscription.unsubscribe(),
    'its signal': (_, abort) => abort.abort(),
  };

  /** Calls that can't be sent, by what they wait for. */
  const waits: Record<string, () => Promise<{ call: UntypedClient['call'] }>> = {
    'its topic': async () => {
      const connection = await bench.connect();
      bench.kafkaOf(connection).partitions = () => new Promise(() => {});
      return connection.client('nowhere');
    },
    'a server': async () => caller.client('nobody', { absentAfter: 60_000 }),
    'a topic of another dialect': async () => {
      const connection = await bench.connect();
      bench.kafkaOf(connection).partitions = () => new Promise(() => {});
      return connection.client('nowhere', { interop: 'pipeline' });
    },
  };
  it('should be none to calls that waited for a topic in vain, once it is looked for no more', async () => {
    const client = caller.client('nowhere');
    for (let i = 0; i < 20; i += 1) {
      void client.call('x', [watched.add('params', { i })], { timeout: 400 }).catch(() => {});
    }
    await bench.advance(1_000);
    expect(await left()).to.deep.equal([]);
  });

  for (const [what, open] of Object.entries(waits))
    it(`should be few to calls that have ended while they waited for ${what}`, async () => {
      const client = await open();
      for (let i = 0; i < 1_000; i += 1) {
        void client.call('x', [watched.add('params', { i })], { timeout: 5 }).catch(() => {});
        if (i % 10 === 9) await bench.advance(1);
      }
      await bench.advance(10);
      expect(await left(150)).to.have.length.most(150);
    });

  for (const [road, make] of Object.entries(roads))
    for (const [end, finish] of Object.entries(ends))
      it(`should be none to ${road}, ended by ${end}`, async () => {
        // As many a one has it: a signal that outlives its calls.
        const abort = new AbortController();
        await (async () => {
          const made = make(caller.client(contract) as never, abort.signal);
          const source = new Observable((subscriber) => {
            watched.add('subscriber', subscriber);
            return made.subscribe(subscriber);
          });
          const subscription = source.subscribe({
            next: (item) => {
              if (typeof item !== 'object' || item === null) return;
              watched.add('item', item);
              if ('ack' in item) (item as StreamItem<object>).ack();
            },
            error: () => {},
          });
          await bench.advance(end === 'itself' ? 1 : 7);
          finish(subscription, abort);
        })();
        await bench.advance(1_000);
        // The live source has no end of its own: its server waits for a client that has gone for a lease at most.
        if (road === 'an Observable' && end === 'itself') {
          await bench.until(server.close({ drain: 0 }));
          await bench.advance(100);
        }
        expect(watched.size).to.be.above(1);
        expect(await left()).to.deep.equal([]);
        expect([caller.stats.pending, server.load.streams]).to.deep.equal([0, 0]);
        expect(abort).to.be.instanceOf(AbortController);
      });
});
