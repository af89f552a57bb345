/** Operators on virtual time: their ends to the millisecond, and what comes between two tries. */
import { expect } from 'chai';
import { concat, from, map, NEVER, type Observable, of, Subject, take, throwError } from 'rxjs';
import {
  callBatch,
  callEach,
  notifyEach,
  processEach,
  transact,
  type UntypedClient,
} from '../../src/index.js';
import { Bench, ok, RawPeer, type Seen as Request, told } from '../rpc/harness.js';
import { nothingBehindTheEnd, Timeline } from '../rpc/timeline.js';
import { Seen, TOPIC, theValue, upTo, World } from '../topic/harness.js';

const TIMEOUT = 1_000;
const ARRIVALS = [TIMEOUT - 1, TIMEOUT, TIMEOUT + 1];

describe('operators at the edges', () => {
  nothingBehindTheEnd();

  describe('that call', () => {
    let bench: Bench;
    let raw: RawPeer;
    let client: UntypedClient;

    beforeEach(async () => {
      bench = new Bench();
      raw = new RawPeer(bench);
      bench.broker.createTopic('s.requests', 1);
      client = (await bench.connect()).client('s', { timeout: TIMEOUT });
      // The topic is found before a spec looks at times.
      await bench.until(client.notify('warm'));
    });
    afterEach(() => bench.close());

    const requests = (): Request[] => raw.records('s.requests').slice(1);
    const arrive = (ms: number, at = -1) =>
      bench.clock.after(ms - 1, () => {
        const to = requests().at(at) as Request;
        const answers = [to.value].flat().map(({ id, params }) => ok(id, `${params[0]}!`));
        raw.reply(to, answers.length === 1 ? answers[0] : answers);
      });
    const brief = ({ result }: { result: any }) =>
      result._tag === 'Right' ? String(result.right) : told(result.left);
    const edge = (arrival: number, at = 0) => {
      const late = `${at + TIMEOUT} Unknown timeout`;
      if (arrival > TIMEOUT) return [late];
      return arrival < TIMEOUT ? [`${at + arrival} 1!`] : [`${at + arrival} 1!`, late];
    };

    it('should end a call of callEach at its timeout, and keep the stream', async () => {
      for (const arrival of ARRIVALS) {
        const seen = new Timeline(bench.clock, concat(of(1), NEVER).pipe(callEach(client, 'm')), brief);
        arrive(arrival);
        await bench.advance(2 * TIMEOUT);
        expect(seen.events).to.have.length(1);
        expect(edge(arrival)).to.include(seen.events[0]);
        seen.subscription.unsubscribe();
      }
    });

    it('should begin the time of a call of callBatch when its batch is sent', async () => {
      const WAIT = 300;
      for (const arrival of ARRIVALS) {
        const source$ = concat(of(1), NEVER);
        const seen = new Timeline(
          bench.clock,
          source$.pipe(callBatch(client, 'm', { maxWait: WAIT })),
          brief,
        );
        await bench.advance(WAIT - 1);
        const before = requests().length;
        await bench.advance(2);
        expect(requests().length - before).to.equal(1);
        arrive(arrival - 1);
        await bench.advance(2 * TIMEOUT);
        expect(seen.events).to.have.length(1);
        expect(edge(arrival, WAIT)).to.include(seen.events[0]);
        seen.subscription.unsubscribe();
      }
    });

    it('should end a notification of notifyEach at its timeout, and go on', async () => {
      const source$ = of(1, 2);
      const notified = () => source$.pipe(notifyEach(client, 'n', { concurrency: 1 }));
      const plain = new Timeline(bench.clock, notified(), brief);
      await bench.advance(100);
      const base = Number.parseInt(plain.events[0] as string, 10);
      expect(plain.events).to.deep.equal([`${base} undefined`, `${2 * base} undefined`, `${2 * base} |`]);
      for (const [arrival, end] of [
        [TIMEOUT - 1, 'undefined'],
        [TIMEOUT + 1, 'Unknown timeout'],
      ] as const) {
        bench.broker.inject({ topic: 's.requests', times: 1, reportDelay: arrival - base });
        const seen = new Timeline(bench.clock, notified(), brief);
        await bench.advance(3 * TIMEOUT);
        const at = Math.min(arrival, TIMEOUT);
        expect(seen.events[0]).to.equal(`${at} ${end}`);
        expect(seen.events.slice(1).map((it) => it.replace(/^\d+ /, ''))).to.deep.equal(['undefined', '|']);
      }
    });

    it('should take a late answer to a first attempt, of callEach, and the next to a second', async () => {
      const retry = { attempts: 2, perTry: 100 };
      const seen = new Timeline(bench.clock, of(1, 2).pipe(callEach(client, 'm', { retry })), brief);
      await bench.advance(150);
      const attempts = requests().flatMap(({ value }) => [value].flat().map(({ meta }) => meta.attempt));
      expect(attempts).to.deep.equal([1, 1, 2, 2]);
      const asked = requests().flatMap((to) => [to.value].flat().map((it: any) => ({ to, ...it })));
      const [first, second, , late] = asked;
      raw.reply(first.to, ok(first.id, '1 at last'));
      await bench.advance(10);
      raw.reply(late.to, { ...ok(late.id, '2 again'), meta: { attempt: 2 } });
      await bench.advance(10);
      raw.reply(second.to, ok(second.id, '2 at last'));
      await bench.advance(2 * TIMEOUT);
      expect(seen.events).to.deep.equal(['151 1 at last', '161 2 again', '161 |']);
    });

    for (const [name, operator] of [
      ['callEach', () => callEach(client, 'm')],
      ['callBatch', () => callBatch(client, 'm', { maxWait: 5 })],
      ['notifyEach', () => notifyEach(client, 'm')],
    ] as const)
      it(`should begin anew with each subscription, and end each for itself: ${name}`, async () => {
        const called$: Observable<{ result: any }> = concat(of(1), NEVER).pipe(operator());
        const [one, other] = [called$, called$].map((it) => new Timeline(bench.clock, it, brief));
        await bench.advance(20);
        const sent = requests().flatMap(({ value }) => [value].flat());
        expect(sent.map(({ params }) => params)).to.deep.equal([[1], [1]]);
        if (name !== 'notifyEach') {
          expect(new Set(sent.map(({ id }) => id)).size).to.equal(2);
          one?.subscription.unsubscribe();
          await bench.advance(10);
          const cancels = raw.messages('s.requests').filter(({ method }) => method === '$/cancel');
          expect(cancels.map(({ params }) => params.id)).to.deep.equal([sent[0].id]);
        }
        await bench.advance(2 * TIMEOUT);
        expect(other?.values).to.deep.equal([name === 'notifyEach' ? 'undefined' : 'Unknown timeout']);
        one?.subscription.unsubscribe();
        other?.subscription.unsubscribe();
      });

    it('should take a late answer to a first attempt, of callBatch', async () => {
      const retry = { attempts: 2, perTry: 100 };
      const seen = new Timeline(bench.clock, of(1, 2).pipe(callBatch(client, 'm', { retry })), brief);
      await bench.advance(150);
      const attempts = requests().flatMap(({ value }) => [value].flat().map(({ meta }) => meta.attempt));
      expect(attempts).to.deep.equal([1, 1, 2, 2]);
      arrive(1, 0);
      arrive(2, 1);
      await bench.advance(2 * TIMEOUT);
      expect(seen.events).to.deep.equal(['151 1!', '151 2!', '151 |']);
    });

    for (const [name, operator] of [
      ['callEach', () => callEach(client, 'm')],
      ['callBatch', () => callBatch(client, 'm')],
      ['notifyEach', () => notifyEach(client, 'm')],
    ] as const)
      it(`should pass an error of the source on behind what was taken: ${name}`, async () => {
        const source$ = concat(
          of(1),
          throwError(() => new Error('source')),
        );
        const seen = new Timeline(bench.clock, source$.pipe(operator() as any), brief);
        if (name !== 'notifyEach') arrive(50);
        await bench.advance(100);
        const [item, end, ...more] = seen.events;
        expect([item?.replace(/^\d+ /, ''), more]).to.deep.equal([
          name === 'notifyEach' ? 'undefined' : '1!',
          [],
        ]);
        expect(end).to.match(/# untagged: source$/);
        expect(Number.parseInt(end as string, 10)).to.equal(Number.parseInt(item as string, 10));
      });
  });

  describe('processEach', () => {
    const records$ = (world: World, options = {}) =>
      world.connection.topic(TOPIC).records$({ group: 'g', to: 'now', ...options });
    const onError = { retry: { attempts: 2, delay: 1_000 } };

    it('should have the next of a key wait while one is tried again, and none of another', async () => {
      const world = await World.open();
      for (const [key, value] of [
        ['a', 'a1'],
        ['a', 'a2'],
        ['b', 'b1'],
      ] as const)
        world.broker.append({ topic: TOPIC, partition: 0, key, value: Buffer.from(JSON.stringify(value)) });
      let failures = 2;
      const work = ({ value }: { value: unknown }) => {
        if (value !== 'a1' || failures === 0) return of(value);
        failures -= 1;
        return throwError(() => new Error('not yet'));
      };
      const seen = new Timeline(world.clock, records$(world).pipe(processEach(work, { onError })));
      await world.clock.advance(10_000);
      const [b, a1, a2, end] = seen.events.map((event) => [
        Number.parseInt(event, 10),
        event.replace(/^\d+ /, ''),
      ]);
      expect([b?.[1], a1?.[1], a2?.[1], end?.[1]]).to.deep.equal(['b1', 'a1', 'a2', '|']);
      expect(Number(a1?.[0]) - Number(b?.[0])).to.equal(3_000);
      expect(a2?.[0]).to.equal(a1?.[0]);
    });

    it('should not try again once it is unsubscribed from, and leave the record to the next', async () => {
      const world = await World.open();
      world.fill(['x']);
      let tries = 0;
      const work = () => {
        tries += 1;
        return throwError(() => new Error('not yet'));
      };
      const seen = new Seen(records$(world, { to: 'live' }).pipe(processEach(work, { onError })));
      await world.clock.advance(500);
      seen.subscription.unsubscribe();
      await world.clock.advance(10_000);
      expect([tries, seen.log, world.broker.members('g')]).to.deep.equal([1, [], []]);
      const again = new Seen(records$(world).pipe(processEach(theValue)));
      await world.clock.advance(1_000);
      expect(again.log).to.deep.equal(['x', 'complete']);
    });

    it('should end with the error of its source at once, unsubscribe from the work, and give back', () => {
      const fates: string[] = [];
      const given = upTo(3).map((n) => ({
        n,
        ack: () => fates.push(`ack ${n}`),
        nack: () => fates.push(`nack ${n}`),
      }));
      const source$ = new Subject<(typeof given)[number]>();
      const works = upTo(3).map(() => new Subject<string>());
      const process = processEach(({ n }: { n: number }) => works[n] as Observable<string>, {
        concurrency: 2,
      });
      const seen = new Seen(source$.pipe(process));
      for (const one of given) source$.next(one as never);
      works[0]?.next('a');
      works[0]?.complete();
      source$.error(new Error('source'));
      expect(seen.log).to.deep.equal(['a', 'error source']);
      expect(works.map(({ observed }) => observed)).to.deep.equal([false, false, false]);
      expect(fates.sort()).to.deep.equal(['ack 0', 'nack 1', 'nack 2']);
    });

    it('should let go inside of next: nothing more is begun', async () => {
      const world = await World.open();
      world.fill(upTo(5));
      const begun: unknown[] = [];
      const work = (record: { value: unknown }) => {
        begun.push(record.value);
        return of(record.value);
      };
      const first$ = records$(world, { to: 'live' }).pipe(processEach(work, { concurrency: 1 }), take(2));
      const seen = new Timeline(world.clock, first$);
      await world.clock.advance(5_000);
      expect(seen.events.map((it) => it.replace(/^\d+ /, ''))).to.deep.equal(['0', '1', '|']);
      expect([begun, seen.nested]).to.deep.equal([[0, 1], []]);
      // The work of the second was cut off by its own result: it is not done.
      expect(world.committed('g')).to.equal(1);
    });
  });

  describe('transact', () => {
    for (const [took, attempts] of [
      [797, 1],
      [799, 2],
    ] as const)
      it(`should ${attempts === 1 ? 'commit' : 'abort'} where work takes ${took} ms, and two more its record, of 800 for both`, async () => {
        const world = await World.open();
        world.broker.createTopic('out');
        const out = world.connection.topic('out');
        let tries = 0;
        const work = ({ value }: { value: unknown }) => {
          tries += 1;
          const wait = tries === 1 ? took : 0;
          return new Promise<ReturnType<typeof out.toRecord>>((resolve) =>
            world.clock.after(wait, () => resolve(out.toRecord(value))),
          );
        };
        const options = { transactionalId: 't', transactionTimeout: 1_000, maxWait: 10 };
        const orders = world.connection.topic(TOPIC);
        const seen = new Seen(
          transact(orders.records$({ group: 'g' }), work, options),
          ({ records }) => records,
        );
        // The record is there when the group is joined: its transaction begins with it.
        await world.clock.advance(5_000);
        world.fill(['x']);
        await world.clock.advance(5_000);
        expect([tries, seen.log, world.broker.records('out').length]).to.deep.equal([attempts, [1], 1]);
        expect(orders.stats.errors).to.equal(attempts - 1);
        seen.subscription.unsubscribe();
        await world.clock.advance(5_000);
      });
  });

  describe('records$', () => {
    it('should take acks for 80% of revokeTimeout after an unsubscribe', async () => {
      for (const [at, committed] of [
        [799, 1],
        [801, undefined],
      ] as const) {
        const world = await World.open();
        world.fill(['x']);
        const seen = new Seen(world.connection.topic(TOPIC).records$({ group: 'g', revokeTimeout: 1_000 }));
        await world.clock.advance(100);
        seen.subscription.unsubscribe();
        await world.clock.advance(at);
        seen.items[0]?.ack();
        await world.clock.advance(5_000);
        expect(world.committed('g')).to.equal(committed);
      }
    });

    it('should emit a nacked record again after nackDelay, to the millisecond', async () => {
      const world = await World.open();
      world.fill(['x']);
      const record$ = world.connection.topic(TOPIC).records$({ group: 'g', nackDelay: 500 });
      const nacked$ = record$.pipe(
        map((record) => {
          record.nack();
          record.nack();
          return record.value;
        }),
        take(3),
      );
      const seen = new Timeline(world.clock, nacked$);
      await world.clock.advance(5_000);
      const times = seen.events.map((event) => Number.parseInt(event, 10));
      expect(times.map((at) => at - (times[0] as number))).to.deep.equal([0, 500, 1_000, 1_000]);
    });
  });

  describe('publishAll and sink', () => {
    it('should write anew for each subscription', async () => {
      const world = await World.open();
      const topic = world.connection.topic(TOPIC);
      for (const reports$ of [topic.publishAll(upTo(3)), from(upTo(3)).pipe(topic.sink())])
        for (const _ of [1, 2]) {
          const before = world.broker.records(TOPIC).length;
          const seen = new Seen(reports$, ({ offset }) => offset - before);
          await world.clock.advance(100);
          expect(seen.log).to.deep.equal([0, 1, 2, 'complete']);
        }
    });

    it('should end the iteration of publishAll where a record fails, behind the reports before it', async () => {
      const world = await World.open();
      const topic = world.connection.topic(TOPIC);
      let asked = 0;
      let ended = 0;
      const values = function* () {
        try {
          for (const value of upTo(10)) {
            asked += 1;
            yield value;
          }
        } finally {
          ended += 1;
        }
      };
      world.broker.inject({ topic: TOPIC, report: 'unwritten', where: ({ value }) => String(value) === '2' });
      const seen = new Seen(topic.publishAll(values(), { maxInFlight: 1 }), ({ offset }) => offset);
      await world.clock.advance(1_000);
      expect([seen.log, asked, ended]).to.deep.equal([[0, 1, 'error Local: Message timed out'], 3, 1]);
    });
  });
});
