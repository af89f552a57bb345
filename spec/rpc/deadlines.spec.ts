import { expect } from 'chai';
import fc from 'fast-check';
import { Deadlines, type Expiring } from '../../src/rpc/deadlines.js';
import { VirtualClock } from '../../src/testing/index.js';

class Item implements Expiring {
  expiresAt = 0;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Expiring['line'];
  expired: number[] = [];

  constructor(
    readonly clock: VirtualClock,
    readonly then: () => void = () => {},
  ) {}

  expire(): void {
    this.expired.push(this.clock.now());
    this.then();
  }
}

describe('Deadlines', () => {
  let clock: VirtualClock;
  let deadlines: Deadlines;
  beforeEach(() => {
    clock = new VirtualClock({ start: 0 });
    deadlines = new Deadlines(clock);
  });
  const added = (timeout: number, expiresAt?: number, then?: () => void) => {
    const item = new Item(clock, then);
    deadlines.add(item, timeout, expiresAt);
    return item;
  };

  it('should expire each item once, at its time', async () => {
    const items = [added(10), added(20), added(10)];
    await clock.advance(9);
    expect(items.map((it) => it.expired)).to.deep.equal([[], [], []]);
    await clock.advance(100);
    expect(items.map((it) => it.expired)).to.deep.equal([[10], [20], [10]]);
    expect(clock.pending).to.equal(0);
  });

  it('should use one timer for all items of one timeout', () => {
    for (let i = 0; i < 1_000; i += 1) added(10 + (i % 2));
    expect(clock.pending).to.equal(2);
  });

  it('should never expire what was removed, however often', async () => {
    const item = added(10);
    deadlines.remove(item);
    deadlines.remove(item);
    await clock.advance(100);
    expect(item.expired).to.deep.equal([]);
    expect(clock.pending).to.equal(0);
  });

  it('should expire in time an item that comes before the one its timer waits for', async () => {
    added(1_000, 1_000);
    const item = added(1_000, 100);
    await clock.advance(2_000);
    expect(item.expired).to.deep.equal([100]);
  });

  it('should expire in time an item that is earlier than those that have gone', async () => {
    deadlines.remove(added(1_000, 1_000));
    const item = added(1_000, 100);
    await clock.advance(2_000);
    expect(item.expired).to.deep.equal([100]);
  });

  it('should take what is added while items expire', async () => {
    let second: Item | undefined;
    added(10, undefined, () => {
      second = added(10);
    });
    await clock.advance(20);
    expect(second?.expired).to.deep.equal([20]);
  });

  it('should let one item remove the next that is due', async () => {
    const next = new Item(clock);
    added(10, undefined, () => deadlines.remove(next));
    deadlines.add(next, 10);
    await clock.advance(20);
    expect(next.expired).to.deep.equal([]);
  });

  it('should wait for a time that no timer can hold', async () => {
    const item = added(3e9);
    await clock.advance(2.9e9);
    expect(item.expired).to.deep.equal([]);
    await clock.advance(1e8);
    expect(item.expired).to.deep.equal([3e9]);
  });

  it('should stop for good when it is closed', async () => {
    const item = added(10);
    deadlines.close();
    expect(clock.pending).to.equal(0);
    await clock.advance(100);
    expect(item.expired).to.deep.equal([]);
    deadlines.remove(item);
  });

  it('should expire as a naive list of deadlines does', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), timeout: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        kind: fc.constant('add' as const),
        timeout: fc.integer({ min: 1, max: 4 }),
        early: fc.integer({ min: 0, max: 6 }),
      }),
      fc.record({ kind: fc.constant('remove' as const), index: fc.nat(30) }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 3 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        clock = new VirtualClock({ start: 0 });
        deadlines = new Deadlines(clock);
        const items: { item: Item; at: number; addedAt: number; removed: boolean }[] = [];
        for (const it of steps) {
          if (it.kind === 'add') {
            const at = clock.now() + it.timeout - ('early' in it ? (it.early as number) : 0);
            items.push({ item: added(it.timeout, at), at, addedAt: clock.now(), removed: false });
          } else if (it.kind === 'advance') await clock.advance(it.ms);
          else if (items.length > 0) {
            const target = items[it.index % items.length] as (typeof items)[number];
            deadlines.remove(target.item);
            if (target.item.expired.length === 0) target.removed = true;
          }
        }
        await clock.advance(20);
        for (const { item, at, addedAt, removed } of items) {
          expect(item.expired).to.deep.equal(removed ? [] : [Math.max(at, addedAt)]);
        }
        expect(clock.pending).to.equal(0);
      }),
      { numRuns: 300 },
    );
  });
});
