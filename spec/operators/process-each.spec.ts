import { expect } from 'chai';
import { Observable, of, Subject, take, throwError, timer } from 'rxjs';
import { processEach } from '../../src/index.js';
import { nothingBehindTheEnd } from '../rpc/timeline.js';
import { Seen, TOPIC, theValue, upTo, World } from '../topic/harness.js';

const records$ = (world: World, options = {}) =>
  world.connection.topic(TOPIC).records$({ group: 'g', to: 'now', ...options });

/** Work that takes until the test says so, by the record's value. */
class Jobs {
  readonly running = new Map<unknown, Subject<unknown>>();
  readonly started: unknown[] = [];

  readonly work = (record: { value: unknown }) => {
    const job = new Subject<unknown>();
    this.started.push(record.value);
    this.running.set(record.value, job);
    return job;
  };

  finish(value: unknown): void {
    const job = this.running.get(value);
    this.running.delete(value);
    job?.next(value);
    job?.complete();
  }
}

describe('processEach', () => {
  nothingBehindTheEnd();

  it('should ack what is done, emit its results and complete behind the last', async () => {
    const world = await World.open();
    world.fill(upTo(4));
    const jobs = new Jobs();
    const seen = new Seen(records$(world).pipe(processEach(jobs.work)));
    await world.clock.advance(1_000);
    expect(jobs.started).deep.equal(upTo(4));
    for (const value of [3, 1, 0]) jobs.finish(value);
    await world.clock.advance(1_000);
    expect(world.committed('g')).equal(2);
    expect(seen.log).deep.equal([3, 1, 0]);
    jobs.finish(2);
    await world.clock.advance(1_000);
    expect(seen.log).deep.equal([3, 1, 0, 2, 'complete']);
    expect(world.committed('g')).equal(4);
  });

  it('should take Observables, Promises and plain results, each time it is subscribed to', async () => {
    const world = await World.open();
    world.fill([0, 1, 2]);
    const works = [() => of('a', 'b'), () => Promise.resolve('c'), () => 'd'];
    const process = processEach((record: { value: unknown }) => works[record.value as number]?.());
    for (const group of ['one', 'two']) {
      const seen = new Seen(records$(world, { group }).pipe(process));
      await world.clock.advance(5_000);
      expect(seen.log).have.members(['a', 'b', 'c', 'd', 'complete']);
      expect(world.committed(group)).equal(3);
    }
  });

  it('should work on no more than its concurrency', async () => {
    const world = await World.open();
    world.fill(upTo(5));
    const jobs = new Jobs();
    new Seen(records$(world).pipe(processEach(jobs.work, { concurrency: 2 })));
    await world.clock.advance(100);
    expect(jobs.started).deep.equal([0, 1]);
    jobs.finish(1);
    expect(jobs.started).deep.equal([0, 1, 2]);
  });

  for (const [ordered, begun, then] of [
    ['key', ['a1', 'b1', 'none', 'none2'], ['a1', 'b1', 'none', 'none2', 'a2']],
    ['partition', ['a1'], ['a1', 'a2']],
    [false, ['a1', 'a2', 'b1', 'none', 'none2'], ['a1', 'a2', 'b1', 'none', 'none2']],
  ] as const) {
    it(`should keep the order of ${ordered || 'nothing'}`, async () => {
      const world = await World.open();
      for (const [key, value] of [
        ['a', 'a1'],
        ['a', 'a2'],
        ['b', 'b1'],
        [null, 'none'],
        [null, 'none2'],
      ] as const)
        world.broker.append({ topic: TOPIC, partition: 0, key, value: Buffer.from(JSON.stringify(value)) });
      const jobs = new Jobs();
      new Seen(records$(world).pipe(processEach(jobs.work, { ordered })));
      await world.clock.advance(100);
      expect(jobs.started).deep.equal(begun);
      jobs.finish('a1');
      expect(jobs.started).deep.equal(then);
    });
  }

  it('should stop at the first failure by default, and leave it and what runs undone', async () => {
    const world = await World.open();
    world.fill(upTo(4));
    const work = ({ value }: { value: unknown }) => {
      if (value === 1) throw new Error('no luck');
      return value === 2 ? timer(60_000) : of(value);
    };
    const seen = new Seen(records$(world).pipe(processEach(work)));
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal([0, 'error no luck']);
    expect(world.committed('g')).equal(1);
    expect(world.broker.members('g')).deep.equal([]);
    const again = new Seen(records$(world).pipe(processEach(theValue)));
    await world.clock.advance(5_000);
    expect(again.log).deep.equal([1, 2, 3, 'complete']);
  });

  it('should try again with growing delays', async () => {
    const world = await World.open();
    world.fill(['x']);
    const begin = world.clock.now();
    const tries: number[] = [];
    const work = () => {
      tries.push(world.clock.now());
      return tries.length < 4 ? throwError(() => new Error('not yet')) : of('done');
    };
    const onError = { retry: { attempts: 3, delay: 100, maxDelay: 250 } };
    const seen = new Seen(records$(world).pipe(processEach(work, { onError })));
    await world.clock.advance(5_000);
    const [first = 0] = tries;
    expect(tries.map((at) => at - first)).deep.equal([0, 100, 300, 550]);
    expect(first).above(begin);
    expect(seen.log).deep.equal(['done', 'complete']);
    expect(world.committed('g')).equal(1);
  });

  it('should put what fails for good into the dead-letter topic, with the reason', async () => {
    const world = await World.open();
    world.broker.createTopic('dead');
    world.fill(['good', 'bad', 'better']);
    const work = ({ value }: { value: unknown }) => {
      if (value === 'bad') throw new Error('it is bad');
      return value;
    };
    const deadLetter = world.connection.topic('dead');
    const onError = { retry: { attempts: 2 }, deadLetter };
    const seen = new Seen(records$(world).pipe(processEach(work, { onError })));
    await world.clock.advance(5_000);
    expect(seen.log).deep.equal(['good', 'better', 'complete']);
    expect(world.committed('g')).equal(3);
    const [dead] = world.broker.records('dead');
    expect(String(dead?.value)).equal('"bad"');
    expect(dead?.headers[0]).deep.equal({ 'callstream-error': Buffer.from('it is bad') });
  });

  it('should error where not even the dead-letter topic takes it', async () => {
    const world = await World.open();
    world.fill(['bad']);
    const onError = { deadLetter: world.connection.topic('absent') };
    const work = () => throwError(() => new Error('it is bad'));
    const seen = new Seen(records$(world).pipe(processEach(work, { onError })));
    await world.clock.advance(10_000);
    expect(seen.log).deep.equal(['error no topic or partition absent']);
    expect(world.committed('g')).equal(undefined);
  });

  it('should let go of its work at an unsubscribe, and leave the group at once', async () => {
    const world = await World.open();
    world.fill(upTo(3));
    let stopped = 0;
    const jobs = new Jobs();
    const seen = new Seen(records$(world, { revokeTimeout: 60_000 }).pipe(processEach(jobs.work)));
    await world.clock.advance(100);
    seen.subscription.unsubscribe();
    for (const job of jobs.running.values()) if (!job.observed) stopped += 1;
    await world.clock.advance(100);
    expect(stopped).equal(3);
    expect(world.broker.members('g')).deep.equal([]);
    expect(world.committed('g')).equal(undefined);
  });

  it('should let go of work whose first result ends the stream', async () => {
    const world = await World.open();
    world.fill(upTo(2));
    let working = 0;
    const work = () =>
      new Observable((subscriber) => {
        working += 1;
        subscriber.next('begun');
        return () => {
          working -= 1;
        };
      });
    const seen = new Seen(records$(world).pipe(processEach(work), take(1)));
    await world.clock.advance(1_000);
    expect(seen.log).deep.equal(['begun', 'complete']);
    expect(working).equal(0);
  });

  it('should refuse options by their name', () => {
    for (const [options, text] of [
      [{ concurrency: 0 }, 'concurrency'],
      [{ ordered: 'value' }, 'ordered'],
      [{ onError: 'skip' }, 'onError'],
      [{ onError: { retry: { attempts: -1 } } }, 'onError.retry.attempts'],
      [{ onError: { deadLetter: 'dead' } }, 'onError.deadLetter'],
    ] as const)
      expect(() => processEach(() => 0, options as object)).throw(
        TypeError,
        new RegExp(`^${text}: expected`),
      );
  });
});
