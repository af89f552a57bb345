import { expect } from 'chai';
import fc from 'fast-check';
import { Offsets } from '../../src/kafka/offsets.js';
import type { ConsumerRecord } from '../../src/kafka/port.js';

const P0 = { topic: 't', partition: 0 };
const record = (offset: number, timestamp = offset, partition = 0): ConsumerRecord => ({
  topic: 't',
  partition,
  offset,
  timestamp,
  key: null,
  value: null,
  headers: [],
});

describe('Offsets', () => {
  let offsets: Offsets;
  beforeEach(() => {
    offsets = new Offsets();
    offsets.assign([P0]);
  });
  const committable = () => offsets.committable().map(({ offset }) => offset);
  const take = (...all: number[]) => all.map((offset) => offsets.take(record(offset)));
  const done = (...all: number[]) => {
    for (const offset of all) offsets.done({ ...P0, offset });
  };

  it('should commit up to the first record that is open', () => {
    take(5, 6, 7, 8);
    done(6, 8);
    expect(committable().filter((offset) => offset > 5)).to.deep.equal([]);
    done(5);
    expect(committable()).to.deep.equal([7]);
    offsets.committed([{ ...P0, offset: 7 }]);
    expect(committable()).to.deep.equal([]);
    done(7);
    expect(committable()).to.deep.equal([9]);
  });

  it('should take no record twice, open or done', () => {
    expect(take(0, 1)).to.deep.equal([true, true]);
    done(0);
    expect(take(0, 1, 2)).to.deep.equal([false, false, true]);
    expect(offsets.open()).to.equal(2);
  });

  it('should skip offsets that hold no record', () => {
    take(0, 7);
    done(0, 7);
    expect(committable()).to.deep.equal([8]);
  });

  it('should take the records of a topic that was made anew', () => {
    offsets.take(record(0, 100));
    offsets.take(record(1, 101));
    done(0, 1);
    offsets.committed([{ ...P0, offset: 2 }]);
    expect(offsets.take(record(0, 200))).to.equal(true);
    done(0);
    expect(committable()).to.deep.equal([1]);
  });

  it('should count what is open, in all or in some partitions', () => {
    take(0, 1);
    offsets.take(record(0, 0, 3));
    expect([offsets.open(), offsets.open([P0]), offsets.open([{ topic: 't', partition: 9 }])]).to.deep.equal([
      3, 2, 0,
    ]);
  });

  it('should commit nothing for partitions that were taken away', () => {
    take(0);
    done(0);
    offsets.handOver([P0])();
    expect(committable()).to.deep.equal([]);
  });

  it('should not take the group back to where it stood before the partition was elsewhere', () => {
    take(0, 1);
    done(0);
    offsets.committed([{ ...P0, offset: 1 }]);
    offsets.handOver([P0])();
    done(1); // Too late: somebody else has run it, and all up to 20.
    offsets.assign([P0]);
    expect(committable()).to.deep.equal([]);
    take(20);
    done(20);
    expect(committable()).to.deep.equal([21]);
  });

  it('should not be held back by a record that somebody else has done meanwhile', () => {
    take(0);
    offsets.handOver([P0])();
    offsets.assign([P0]);
    take(20);
    expect(committable().filter((offset) => offset < 20)).to.deep.equal([]);
    done(20);
    expect(committable()).to.deep.equal([21]);
  });

  it('should still hold back for a record that is open here when the same partition comes back', () => {
    take(0, 1);
    offsets.handOver([P0])();
    offsets.assign([P0]);
    expect(take(0, 1, 2)).to.deep.equal([false, false, true]);
    done(1, 2);
    expect(committable().filter((offset) => offset > 0)).to.deep.equal([]);
    done(0);
    expect(committable()).to.deep.equal([3]);
  });

  it('should commit what is handed over until that has ended', () => {
    take(0, 1);
    const end = offsets.handOver([P0]);
    done(0);
    expect([committable(), offsets.owns(P0)]).to.deep.equal([[1], true]);
    end();
    done(1);
    expect([committable(), offsets.owns(P0)]).to.deep.equal([[], false]);
  });

  it('should end a hand-over that took too long with what is assigned next', () => {
    const P1 = { topic: 't', partition: 1 };
    offsets.assign([P1]);
    take(0);
    offsets.take(record(0, 0, 1));
    const end = offsets.handOver([P0, P1]);
    offsets.assign([P0]);
    done(0);
    offsets.done({ ...P1, offset: 0 });
    take(3);
    done(3);
    expect([offsets.committable(), offsets.owns(P1)]).to.deep.equal([[{ ...P0, offset: 4 }], false]);
    end();
    expect(offsets.owns(P0)).to.equal(true);
    const next = offsets.handOver([P0]);
    end();
    expect(offsets.owns(P0)).to.equal(true);
    next();
    expect(offsets.owns(P0)).to.equal(false);
  });

  it('should not count as reached what somebody else has committed', () => {
    take(0, 1);
    done(0, 1);
    offsets.committed([{ ...P0, offset: 1 }]);
    const first = offsets.assignment(P0);
    const states = (offset: number, since: number) => [
      offsets.reached({ ...P0, offset }, since),
      offsets.due({ ...P0, offset }, since),
    ];
    expect([states(0, first), states(1, first)]).to.deep.equal([
      [true, false],
      [false, true],
    ]);
    offsets.handOver([P0])();
    expect(states(1, first)).to.deep.equal([false, false]);
    offsets.assign([P0]);
    expect(states(1, first)).to.deep.equal([false, false]);
    take(2);
    done(2);
    expect(states(2, offsets.assignment(P0))).to.deep.equal([false, true]);
    offsets.committed([{ ...P0, offset: 3 }]);
    expect([states(1, first), states(2, offsets.assignment(P0))]).to.deep.equal([
      [false, false],
      [true, false],
    ]);
  });

  it('should take again what comes again with another assignment, where it begins afresh', () => {
    offsets = new Offsets(true);
    offsets.assign([P0]);
    take(0, 1, 2);
    done(0, 1);
    expect(take(1)).to.deep.equal([false]);
    offsets.handOver([P0])();
    offsets.assign([P0]);
    expect(take(1, 2, 1)).to.deep.equal([true, true, false]);
    done(1, 2);
    expect(committable()).to.deep.equal([3]);
  });

  it('should commit as a naive list of records would', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('take' as const), gap: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ kind: fc.constant('done' as const), pick: fc.nat(50) }),
      fc.record({ kind: fc.constant('commit' as const), pick: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        offsets = new Offsets();
        offsets.assign([P0]);
        const taken: { offset: number; done: boolean }[] = [];
        let committed = -1;
        for (const it of steps) {
          if (it.kind === 'take') {
            const offset = (taken.at(-1)?.offset ?? -1) + 1 + it.gap;
            expect(take(offset)).to.deep.equal([true]);
            taken.push({ offset, done: false });
          } else if (it.kind === 'done' && taken.length > 0) {
            const target = taken[it.pick % taken.length] as (typeof taken)[number];
            target.done = true;
            done(target.offset);
          } else if (it.kind === 'commit') {
            const found = offsets.committable();
            offsets.committed(found);
            for (const { offset } of found) {
              expect(offset).to.be.greaterThan(committed);
              committed = offset;
            }
            const open = taken.find((other) => !other.done)?.offset;
            const last = taken.at(-1)?.offset;
            // Where the group stands already, nothing is committed.
            const first = taken[0]?.offset;
            if (last !== undefined)
              expect(committed).to.equal((open ?? last + 1) === first ? -1 : (open ?? last + 1));
          }
          expect(offsets.open()).to.equal(taken.filter((other) => !other.done).length);
        }
      }),
    );
  });
});
