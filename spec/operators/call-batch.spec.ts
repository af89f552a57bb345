import { expect } from 'chai';
import { concat, from, NEVER, of, Subject, throwError } from 'rxjs';
import { callBatch } from '../../src/index.js';
import { nothingBehindTheEnd } from '../rpc/timeline.js';
import { Seen, upTo } from '../topic/harness.js';
import { brief, Counter } from './harness.js';

describe('callBatch', () => {
  nothingBehindTheEnd();

  it('should send a batch as soon as it is full, and the rest when the source completes', async () => {
    const counter = await Counter.open();
    const called$ = from(upTo(7)).pipe(
      callBatch(counter.client, 'now', { maxSize: 3, maxWait: 1_000, ordered: true }),
    );
    const all = upTo(7).map((n) => `${n}: ${n}!`);
    for (const _ of [1, 2]) {
      const seen = new Seen(called$, brief);
      await counter.bench.advance(50);
      expect(seen.log).deep.equal([...all, 'complete']);
    }
    await counter.bench.close();
  });

  it('should be one record for each batch that fills in a turn of its own', async () => {
    const counter = await Counter.open();
    const source$ = new Subject<number>();
    new Seen(source$.pipe(callBatch(counter.client, 'now', { maxSize: 3, maxWait: 1_000 })));
    for (const n of upTo(5)) {
      source$.next(n);
      await counter.bench.advance(1);
    }
    expect(counter.batches()).deep.equal([3]);
    source$.complete();
    await counter.bench.advance(1);
    expect(counter.batches()).deep.equal([3, 2]);
    await counter.bench.close();
  });

  it('should wait for more inputs to the millisecond, from the first of each batch', async () => {
    const counter = await Counter.open();
    const source$ = new Subject<number>();
    const seen = new Seen(source$.pipe(callBatch(counter.client, 'now', { maxSize: 2, maxWait: 10 })));
    const { clock } = counter.bench;
    const timers = clock.pending;
    source$.next(0);
    expect(clock.pending, 'one timer').equal(timers + 1);
    await clock.advance(6);
    source$.next(1); // full: the timer of the first is not for the second
    await clock.advance(1);
    source$.next(2);
    await clock.advance(9);
    expect(counter.batches()).deep.equal([2]);
    await clock.advance(2); // one to be due, one to be written
    expect(counter.batches()).deep.equal([2, 1]);
    seen.subscription.unsubscribe();
    await counter.bench.close();
  });

  it('should measure the params where bytes are bounded, and send a larger one alone', async () => {
    const counter = await Counter.open();
    const source$ = new Subject<string>();
    const options = { maxBytes: 20, maxWait: 10 };
    const seen = new Seen(source$.pipe(callBatch(counter.client, 'now', options)), brief);
    const send = async (...texts: readonly string[]) => {
      for (const text of texts) source$.next(text);
      await counter.bench.advance(1);
    };
    await send('12345', '12345'); // ["12345"]: 9 bytes
    expect(counter.batches()).deep.equal([]);
    await send('12345');
    expect(counter.batches()).deep.equal([2]);
    await counter.bench.advance(10);
    expect(counter.batches()).deep.equal([2, 1]);
    await send('12345678901234567890');
    expect(counter.batches()).deep.equal([2, 1, 1]);
    source$.next(10n as never);
    source$.complete();
    await counter.bench.advance(50);
    expect(seen.log).include('10: NotSent invalid params');
    expect(seen.log.at(-1)).equal('complete');
    await counter.bench.close();
  });

  it('should let the next batch fill up while its places are taken', async () => {
    const counter = await Counter.open();
    const source$ = new Subject<number>();
    const options = { maxSize: 4, maxWait: 10, concurrency: 1 };
    const seen = new Seen(source$.pipe(callBatch(counter.client, 'later', options)), brief);
    for (const n of upTo(7)) {
      source$.next(n);
      await counter.bench.advance(20);
    }
    expect(counter.batches()).deep.equal([1]);
    await counter.answer(0);
    expect(counter.batches()).deep.equal([1, 4]);
    await counter.answer(4, 2);
    expect(seen.log).deep.equal(['0: 0!', '4: 4!', '2: 2!']);
    await counter.answer(1, 3);
    expect(counter.batches()).deep.equal([1, 4, 2]);
    seen.subscription.unsubscribe();
    await counter.bench.advance(50);
    expect(counter.cancelled).have.members([5, 6]);
    await counter.bench.close();
  });

  it('should end neither batch nor stream with an entry that fails, and try it again alone', async () => {
    const counter = await Counter.open();
    const retry = { attempts: 2, retryOn: () => true };
    const called$ = from(upTo(3)).pipe(callBatch(counter.client, 'later', { retry }));
    const seen = new Seen(called$, brief);
    await counter.bench.advance(50);
    await counter.answer(0, 2);
    await counter.refuse(1);
    await counter.bench.advance(100);
    expect(counter.calls, 'the server remembers what it answered').deep.equal([0, 1, 2]);
    expect(seen.log).deep.equal(['0: 0!', '2: 2!', '1: RpcError -32603', 'complete']);
    expect(counter.batches()).deep.equal([3, 1]);
    await counter.bench.close();
  });

  it('should pass an error of the source on behind what was taken', async () => {
    const counter = await Counter.open();
    const source$ = concat(
      from(upTo(2)),
      throwError(() => new Error('source')),
    );
    const seen = new Seen(source$.pipe(callBatch(counter.client, 'now', { maxWait: 60_000 })), brief);
    await counter.bench.advance(50);
    expect(seen.log).deep.equal(['0: 0!', '1: 1!', 'error source']);
    expect(new Seen(of().pipe(callBatch(counter.client, 'now'))).log).deep.equal(['complete']);
    await counter.bench.close();
  });

  it('should give up what waits at an unsubscribe, ordered ones behind a slow one too, and nothing else', async () => {
    const counter = await Counter.open();
    const fates: string[] = [];
    const inputs = upTo(6).map((n) => ({ n, ack: () => {}, nack: () => fates.push(`nack ${n}`) }));
    const options = { maxSize: 2, concurrency: 2, ordered: true, toParams: ({ n }: { n: number }) => [n] };
    const called$ = concat(from(inputs), NEVER).pipe(callBatch(counter.client, 'later', options));
    const seen = new Seen(called$, ({ input }) => input.n);
    await counter.bench.advance(50);
    await counter.answer(0, 2);
    seen.subscription.unsubscribe();
    expect(seen.log).deep.equal([0]);
    expect(fates.sort()).deep.equal([1, 2, 3, 4, 5].map((n) => `nack ${n}`));
    await counter.bench.close();
  });

  it('should refuse options by their name', async () => {
    const counter = await Counter.open();
    for (const options of [{ maxSize: 0 }, { maxBytes: 0 }, { maxWait: 0 }, { concurrency: 1.5 }])
      expect(() => callBatch(counter.client, 'now', options)).throw(
        TypeError,
        `${Object.keys(options)[0]}: expected`,
      );
    await counter.bench.close();
  });
});
