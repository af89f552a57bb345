import { expect } from 'chai';
import { Filling } from '../../src/kafka/topic-filling.js';
import { VirtualClock } from '../../src/testing/index.js';

describe('Filling', () => {
  let clock: VirtualClock;
  let filling: Filling;
  let length: number;
  let ends: number;

  beforeEach(() => {
    clock = new VirtualClock();
    length = 0;
    ends = 0;
    filling = new Filling(
      clock,
      () => length,
      () => {
        ends += 1;
      },
    );
  });

  /** Milliseconds until it ends, with so many records a millisecond. */
  async function lasts(rate: number, most = 1_000): Promise<number> {
    for (let ms = 0; ms <= most; ms += 1) {
      if (!filling.active) return ms;
      length += rate;
      await clock.advance(1);
    }
    return Number.POSITIVE_INFINITY;
  }

  const begin = (held = 0) =>
    filling.begin(() => {
      length += held;
    });

  it('should give the first record out as soon as no other comes', async () => {
    begin();
    length = 1;
    expect(await lasts(0)).equal(6);
    expect(ends).equal(1);
  });

  it('should wait, bounded, while records come, and end where the line is full', async () => {
    begin();
    expect(await lasts(1)).equal(252);
    filling.pace(128, true);
    begin();
    expect(await lasts(1, 100)).equal(Number.POSITIVE_INFINITY);
    filling.end();
    filling.end();
    expect([filling.active, ends]).deep.equal([false, 2]);
  });

  it('should know the quiet behind a refill from the wait for its first record', async () => {
    begin();
    filling.end();
    filling.pace(128, true);
    begin(500);
    expect(await lasts(0)).equal(250);
    begin(500);
    length += 1;
    expect(await lasts(0)).equal(50);
  });

  it('should keep none but a slow subscriber waiting, once its pace is known', async () => {
    begin();
    filling.end();
    filling.pace(0, false);
    for (const [records, cut, slow] of [
      [10, false, false],
      [128, true, true],
      [10, false, true],
      [5_000, true, false],
      [999, true, true],
      [1_000, false, false],
    ] as const) {
      filling.pace(records, cut);
      begin();
      expect(filling.active, `${records} ${cut}`).equal(slow);
      filling.stop();
    }
    expect([ends, clock.pending]).deep.equal([1, 0]);
  });
});
