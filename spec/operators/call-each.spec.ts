import { expect } from 'chai';
import { from, NEVER, of, Subject, startWith, take, throwError } from 'rxjs';
import { type ClientMiddleware, callEach } from '../../src/index.js';
import { nothingBehindTheEnd } from '../rpc/timeline.js';
import { Seen, upTo } from '../topic/harness.js';
import { brief, Counter } from './harness.js';

const clients = {
  '': {},
  ', through middleware': { middleware: [(call, next) => next(call)] as readonly ClientMiddleware[] },
};

for (const [which, how] of Object.entries(clients))
  describe(`callEach${which}`, () => {
    nothingBehindTheEnd();

    it('should emit each input beside its result, as they come, each time it is subscribed to', async () => {
      const counter = await Counter.open(how);
      const called$ = from(['a', 'b', 'c']).pipe(callEach(counter.client, 'later'));
      for (const _ of [1, 2]) {
        const seen = new Seen(called$, brief);
        await counter.bench.advance(50);
        await counter.answer('c');
        await counter.answer('a');
        expect(seen.log).deep.equal(['c: c!', 'a: a!']);
        await counter.answer('b');
        expect(seen.log).deep.equal(['c: c!', 'a: a!', 'b: b!', 'complete']);
      }
      await counter.bench.close();
    });

    it('should keep the order of the inputs where it is asked to, and hold no more than its places', async () => {
      const counter = await Counter.open(how);
      const options = { ordered: true, concurrency: 3 };
      const seen = new Seen(from(upTo(5)).pipe(callEach(counter.client, 'later', options)), brief);
      await counter.bench.advance(50);
      await counter.answer(1, 2);
      expect(counter.calls).deep.equal([0, 1, 2]);
      expect(seen.log).deep.equal([]);
      await counter.answer(0);
      expect(seen.log).deep.equal(['0: 0!', '1: 1!', '2: 2!']);
      expect(counter.calls).deep.equal(upTo(5));
      await counter.answer(4, 3);
      expect(seen.log.slice(3)).deep.equal(['3: 3!', '4: 4!', 'complete']);
      await counter.bench.close();
    });

    it('should go on behind a call that fails, and behind params that cannot be made', async () => {
      const counter = await Counter.open(how);
      const toParams = (n: number) => {
        if (n === 2) throw new Error('two');
        return [n];
      };
      const seen = new Seen(
        from(upTo(4)).pipe(callEach(counter.client, 'later', { toParams, timeout: 500 })),
        brief,
      );
      await counter.bench.advance(50);
      await counter.refuse(0);
      await counter.answer(1);
      await counter.bench.advance(1_000);
      expect(seen.log).deep.equal([
        '2: NotSent invalid params',
        '0: RpcError -32603',
        '1: 1!',
        '3: Unknown timeout',
        'complete',
      ]);
      await counter.bench.close();
    });

    it('should pass an error of the source on behind what was taken', async () => {
      const counter = await Counter.open(how);
      const source$ = throwError(() => new Error('source')).pipe(startWith(1, 2));
      const seen = new Seen(source$.pipe(callEach(counter.client, 'later', { concurrency: 1 })), brief);
      await counter.bench.advance(50);
      await counter.answer(1);
      await counter.answer(2);
      expect(seen.log).deep.equal(['1: 1!', '2: 2!', 'error source']);
      expect(new Seen(of().pipe(callEach(counter.client, 'later'))).log).deep.equal(['complete']);
      await counter.bench.close();
    });

    it('should cancel what is in flight at an unsubscribe', async () => {
      const counter = await Counter.open(how);
      const source$ = new Subject<number>();
      const called$ = source$.pipe(callEach(counter.client, 'later', { concurrency: 2 }), take(1));
      const seen = new Seen(called$, brief);
      for (const n of upTo(4)) source$.next(n);
      await counter.bench.advance(50);
      await counter.answer(1);
      expect(seen.log).deep.equal(['1: 1!', 'complete']);
      expect(counter.cancelled).deep.equal([0]);
      expect(counter.calls).deep.equal([0, 1]);
      expect(source$.observed).equal(false);
      await counter.bench.close();
    });

    it('should end the source at its bound, and the stream behind what was taken', async () => {
      const counter = await Counter.open(how);
      let nacked = 0;
      const inputs = upTo(9).map((n) => ({ n, ack: () => {}, nack: () => (nacked += 1) }));
      const source$ = NEVER.pipe(startWith(...inputs));
      const options = {
        concurrency: 1,
        maxBuffered: 2,
        toParams: ({ n }: { n: number }) => [n],
      };
      const seen = new Seen(source$.pipe(callEach(counter.client, 'later', options)), ({ input }) => input.n);
      await counter.bench.advance(50);
      expect(nacked).equal(1);
      for (const n of upTo(3)) await counter.answer(n);
      expect(seen.log).deep.equal([0, 1, 2, 'error callEach: 2 inputs wait already (maxBuffered)']);
      await counter.bench.close();
    });

    it('should send the key and the idempotency key of each input', async () => {
      const counter = await Counter.open(how);
      const options = {
        key: (n: number) => `k${n}`,
        idempotencyKey: (n: number) => `i${n}`,
        headers: { h: '1' },
      };
      new Seen(from([1, 2]).pipe(callEach(counter.client, 'now', options)));
      await counter.bench.advance(50);
      const [, ...sent] = counter.bench.broker
        .records('s.requests')
        .flatMap(({ value }) => JSON.parse(String(value)));
      expect(sent.map(({ meta }) => [meta.key, meta.idempotencyKey, meta.headers.h])).deep.equal([
        ['k1', 'i1', '1'],
        ['k2', 'i2', '1'],
      ]);
      await counter.bench.close();
    });

    it('should not call for an input whose key is no string', async () => {
      const counter = await Counter.open(how);
      const options = { idempotencyKey: (n: number) => n as any };
      const seen = new Seen(from([1]).pipe(callEach(counter.client, 'now', options)), ({ result }) =>
        result._tag === 'Left' ? result.left.message : result.right,
      );
      await counter.bench.advance(50);
      expect(seen.log).deep.equal([
        'not called: TypeError: idempotencyKey: expected a string, got 1',
        'complete',
      ]);
      await counter.bench.close();
    });

    it('should go on behind calls that end before they are sent, however many', async () => {
      const counter = await Counter.open(how);
      await counter.bench.until(counter.caller.close());
      const count = 20_000;
      const inputs = upTo(count);
      const options = { concurrency: 2 };
      const seen = new Seen(from(inputs).pipe(callEach(counter.client, 'later', options)), brief);
      await counter.bench.advance(50);
      expect(seen.log).deep.equal([...inputs.map((n) => `${n}: NotSent closed`), 'complete']);
      await counter.bench.close();
    });

    it('should tell middleware of the options that there are', async () => {
      const seen: object[] = [];
      const look: ClientMiddleware = (call, next) => {
        seen.push(call.options);
        return next(call);
      };
      const counter = await Counter.open({ middleware: [look] });
      const options = { timeout: 500, key: (n: number) => `k${n}` };
      new Seen(from([1]).pipe(callEach(counter.client, 'now', options)));
      new Seen(from([2]).pipe(callEach(counter.client, 'now')));
      await counter.bench.advance(50);
      expect(seen.slice(1).map((given) => Object.entries(given))).deep.equal([
        [
          ['timeout', 500],
          ['key', 'k1'],
        ],
        [],
      ]);
      await counter.bench.close();
    });

    it('should refuse a client that is none', async () => {
      expect(() => callEach({ call: async () => 1 } as never, 'later')).throw(
        TypeError,
        'client: expected a client, as connection.client() gives it, got {}',
      );
    });

    it('should refuse options by their name', async () => {
      const counter = await Counter.open(how);
      for (const [options, text] of [
        [{ concurrency: 0 }, 'concurrency'],
        [{ maxBuffered: 0.5 }, 'maxBuffered'],
        [{ ordered: 'yes' }, 'ordered'],
        [{ toParams: 5 }, 'toParams'],
        [{ timeout: -1 }, 'timeout'],
        [{ retry: { attempts: 0 } }, 'retry.attempts'],
        [{ headers: { a: 5 } }, 'headers.a'],
        [{ headers: new Map() }, 'headers'],
        [{ context: {} }, 'context'],
      ] as const)
        expect(() => callEach(counter.client, 'later', options as object)).throw(
          TypeError,
          `${text}: expected`,
        );
      await counter.bench.close();
    });
  });
