import { expect } from 'chai';
import fc from 'fast-check';
import { Bound } from '../../src/rpc/bound.js';
import { Turns, type Waiting } from '../../src/rpc/turns.js';

class Call implements Waiting {
  previous: Waiting | undefined;
  queued = false;
  next: Waiting | undefined;
  registered = 0;

  constructor(
    readonly name: number,
    readonly started: number[],
    readonly begin: () => void = () => {},
  ) {}

  start(): void {
    this.started.push(this.name);
    this.begin();
  }

  register(): void {
    this.registered += 1;
  }
}

describe('Turns', () => {
  let started: number[];
  let floods: boolean[];
  beforeEach(() => {
    started = [];
    floods = [];
  });
  const turnsOf = (concurrency: number, maxQueued: number) =>
    new Turns(concurrency, new Bound(maxQueued, (flooded) => floods.push(flooded)));

  it('should start at once up to the limit, then in order as others leave', () => {
    const turns = turnsOf(2, 10);
    const calls = [0, 1, 2, 3, 4].map((name) => new Call(name, started));
    for (const call of calls) turns.enter(call);
    expect([started, turns.running, turns.bound.waiting]).to.deep.equal([[0, 1], 2, 3]);
    expect(calls.map(({ registered }) => registered)).to.deep.equal([0, 0, 1, 1, 1]);
    turns.leave();
    expect([started, turns.running, turns.bound.waiting]).to.deep.equal([[0, 1, 2], 2, 2]);
    for (let i = 0; i < 4; i += 1) turns.leave();
    expect([started, turns.running, turns.bound.waiting]).to.deep.equal([[0, 1, 2, 3, 4], 0, 0]);
  });

  it('should skip those that quit while they waited', () => {
    const turns = turnsOf(1, 10);
    const calls = [0, 1, 2].map((name) => new Call(name, started));
    for (const call of calls) turns.enter(call);
    turns.remove(calls[1] as Call);
    expect(turns.bound.waiting).to.equal(1);
    turns.remove(calls[1] as Call);
    expect(turns.bound.waiting).to.equal(1);
    turns.leave();
    expect([started, turns.running, turns.bound.waiting]).to.deep.equal([[0, 2], 1, 0]);
  });

  it('should serve ten thousand that leave as they start without deep recursion', () => {
    const turns = turnsOf(1, 100_000);
    turns.enter(new Call(-1, started));
    for (let i = 0; i < 10_000; i += 1) turns.enter(new Call(i, started, () => turns.leave()));
    turns.leave();
    expect([started.length, turns.running, turns.bound.waiting]).to.deep.equal([10_001, 0, 0]);
  });

  it('should let nobody overtake who enters while others are being started', () => {
    const turns = turnsOf(1, 10);
    turns.enter(new Call(0, started));
    const enters = new Call(1, started, () => {
      turns.leave();
      turns.enter(new Call(3, started));
    });
    turns.enter(enters);
    turns.enter(new Call(2, started));
    turns.leave();
    turns.leave();
    expect([started, turns.running, turns.bound.waiting]).to.deep.equal([[0, 1, 2, 3], 1, 0]);
  });

  it('should be full at the bound, and tell of a flood at twice the bound until the bound is reached', () => {
    const turns = turnsOf(1, 2);
    const fill = (count: number) => {
      for (let i = 0; i < count; i += 1) turns.enter(new Call(i, started));
    };
    fill(2);
    expect(turns.bound.full).to.equal(false);
    fill(1);
    expect([turns.bound.full, turns.bound.waiting, floods]).to.deep.equal([true, 2, []]);
    fill(2);
    expect([turns.bound.waiting, floods]).to.deep.equal([4, [true]]);
    fill(1);
    turns.leave();
    turns.leave();
    expect([turns.bound.waiting, floods]).to.deep.equal([3, [true]]);
    turns.leave();
    expect([turns.bound.waiting, floods]).to.deep.equal([2, [true, false]]);
  });

  it('should never run more than the limit, forget nobody and keep the order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { maxLength: 60 }),
        (limit, steps) => {
          started = [];
          const turns = turnsOf(limit, 5);
          let entered = 0;
          let left = 0;
          for (const enter of steps) {
            if (enter) {
              turns.enter(new Call(entered, started));
              entered += 1;
            } else if (left < started.length) {
              left += 1;
              turns.leave();
            }
            expect(turns.running).to.equal(started.length - left);
            expect(turns.running).to.equal(Math.min(limit, entered - left));
            expect(turns.bound.waiting).to.equal(entered - started.length);
          }
          expect(started).to.deep.equal([...started.keys()]);
        },
      ),
    );
  });
});
