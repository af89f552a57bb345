import { expect } from 'chai';
import { VirtualClock } from '../../src/testing/index.js';
import { rejection } from './support.js';

describe('VirtualClock', () => {
  let clock: VirtualClock;
  let log: string[];
  const note = (text: string) => () => {
    log.push(text);
  };
  beforeEach(() => {
    clock = new VirtualClock({ start: 1000 });
    log = [];
  });

  it('should stand still until it is advanced', async () => {
    clock.after(0, note('timer'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([clock.now(), log]).to.deep.equal([1000, []]);
    await clock.advance(0);
    expect([clock.now(), log]).to.deep.equal([1000, ['timer']]);
  });

  it('should run timers in order of time, then of insertion', async () => {
    clock.after(20, note('20 a'));
    clock.after(10, note('10 a'));
    clock.after(20, note('20 b'));
    clock.after(10, note('10 b'));
    clock.after(21, note('21'));
    await clock.advance(20);
    expect(log).to.deep.equal(['10 a', '10 b', '20 a', '20 b']);
    expect(clock.pending).to.equal(1);
  });

  it('should keep the order of thousands of timers, some of them cancelled', async () => {
    const expected: [number, number][] = [];
    const ran: [number, number][] = [];
    for (let i = 0; i < 5000; i += 1) {
      const at = (i * 7919) % 613;
      const cancel = clock.after(at, () => ran.push([at, i]));
      if (i % 3 !== 0) cancel();
      else expected.push([at, i]);
    }
    expect(clock.pending).to.equal(expected.length);
    await clock.advance(1000);
    expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    expect(ran).to.deep.equal(expected);
    expect(clock.pending).to.equal(0);
  });

  it('should keep the order of insertion when most timers of a moment are taken back', async () => {
    const ran: number[] = [];
    for (let i = 0; i < 100; i += 1) clock.after(1, () => {});
    const cancels = Array.from({ length: 1000 }, (_, i) => clock.after(10, () => ran.push(i)));
    await clock.advance(1);
    cancels.forEach((cancel, i) => {
      if (i % 4 !== 0) cancel();
    });
    expect(clock.pending).to.equal(250);
    await clock.advance(9);
    expect(ran).to.deep.equal(Array.from({ length: 250 }, (_, i) => 4 * i));
  });

  it('should show each timer the time it was set for', async () => {
    const times: number[] = [];
    for (const ms of [3, 1, 2]) clock.after(ms, () => times.push(clock.now()));
    await clock.advance(10);
    expect([...times, clock.now()]).to.deep.equal([1001, 1002, 1003, 1010]);
  });

  it('should run timers set by timers if they are due, else leave them', async () => {
    clock.after(5, () => {
      clock.after(5, note('10'));
      clock.after(6, note('11'));
    });
    await clock.advance(10);
    expect(log).to.deep.equal(['10']);
    await clock.advance(1);
    expect(log).to.deep.equal(['10', '11']);
  });

  it('should not run what was taken back, before or at its own time', async () => {
    clock.after(5, note('never'))();
    clock.after(6, () => cancel());
    const cancel = clock.after(6, note('never'));
    const cancelLate = clock.after(7, note('7'));
    await clock.advance(10);
    cancelLate();
    cancel();
    expect(log).to.deep.equal(['7']);
    expect(clock.pending).to.equal(0);
  });

  it('should drain promises and soon work between two timers at one time', async () => {
    clock.after(5, async () => {
      for (let i = 0; i < 100; i += 1) await null;
      log.push('promises');
      clock.soon(() => {
        log.push('soon');
        Promise.resolve().then(note('promise of soon'));
        clock.soon(note('soon of soon'));
      });
    });
    clock.after(5, note('second'));
    await clock.advance(5);
    expect(log).to.deep.equal(['promises', 'soon', 'promise of soon', 'soon of soon', 'second']);
  });

  it('should drain ticks and promises between two pieces of soon work, as Node does', async () => {
    clock.soon(() => {
      log.push('one');
      process.nextTick(note('tick'));
      Promise.resolve().then(note('promise'));
    });
    clock.soon(note('two'));
    await clock.settle();
    expect(log).to.deep.equal(['one', 'tick', 'promise', 'two']);
  });

  it('should settle without moving time or running a timer', async () => {
    clock.after(0, note('timer'));
    clock.soon(note('soon'));
    await clock.settle();
    expect([log, clock.now(), clock.pending]).to.deep.equal([['soon'], 1000, 1]);
  });

  it('should be quiet when advance resolves', async () => {
    let done = false;
    clock.after(1, async () => {
      for (let i = 0; i < 1000; i += 1) await new Promise<void>((resolve) => clock.soon(resolve));
      done = true;
    });
    await clock.advance(1);
    expect([done, clock.pending]).to.deep.equal([true, 0]);
  });

  it('should move just until a promise settles', async () => {
    clock.after(700, note('later'));
    const value = await clock.until(new Promise((resolve) => clock.after(500, () => resolve('done'))));
    expect([value, clock.now(), log]).to.deep.equal(['done', 1500, []]);
    const failed = new Promise((_, reject) => clock.after(1, () => reject(new Error('no'))));
    expect(await rejection(clock.until(failed))).to.match(/no/);
  });

  it('should say why a promise has not settled', async () => {
    const never = new Promise(() => {});
    expect(await rejection(clock.until(never))).to.match(/nothing is left/);
    clock.after(100, () => {});
    expect(await rejection(clock.until(never, 99))).to.match(/more than 99 ms/);
  });

  it('should let one advance wait for the other', async () => {
    clock.after(10, note('10'));
    const both = [clock.advance(5), clock.advance(5)];
    await Promise.all(both);
    expect([clock.now(), log]).to.deep.equal([1010, ['10']]);
  });

  it('should hand on what work throws and keep the rest', async () => {
    clock.after(1, () => {
      throw new Error('thrown');
    });
    clock.after(1, note('rest'));
    expect(await rejection(clock.advance(2))).to.match(/thrown/);
    expect(log).to.deep.equal([]);
    await clock.advance(2);
    expect(log).to.deep.equal(['rest']);
  });

  it('should give up on work without end', async () => {
    clock = new VirtualClock({ maxWorkAtOnce: 500 });
    const again = () => clock.soon(again);
    again();
    expect(await rejection(clock.settle())).to.match(/work without end/);
  });

  it('should refuse delays that Node would turn into 1 ms', () => {
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      expect(() => clock.after(ms, () => {})).to.throw(RangeError);
    }
  });
});
