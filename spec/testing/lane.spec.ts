import { expect } from 'chai';
import { VirtualClock } from '../../src/testing/index.js';
import { Lane } from '../../src/testing/lane.js';
import { rejection } from './support.js';

describe('Lane', () => {
  let clock: VirtualClock;
  let lane: Lane;
  let log: string[];
  const note = (text: string) => () => {
    log.push(`${text} ${clock.now()}`);
  };
  beforeEach(() => {
    clock = new VirtualClock({ start: 0 });
    lane = new Lane(clock);
    log = [];
  });

  it('should let nothing overtake', async () => {
    lane.push(10, note('slow'));
    lane.push(1, note('behind'));
    lane.push(20, note('last'));
    await clock.advance(100);
    expect(log).to.deep.equal(['slow 10', 'behind 10', 'last 20']);
  });

  it('should stop within a burst when it is held, and go on in order', async () => {
    lane.push(1, note('a'));
    lane.push(1, () => lane.hold());
    lane.push(1, note('b'));
    await clock.advance(5);
    lane.push(0, note('c'));
    await clock.advance(5);
    expect(log).to.deep.equal(['a 1']);
    lane.release();
    await clock.settle();
    expect(log).to.deep.equal(['a 1', 'b 10', 'c 10']);
  });

  it('should go on after work that throws', async () => {
    lane.push(1, () => {
      throw new Error('thrown');
    });
    lane.push(1, note('next'));
    expect(await rejection(clock.advance(1))).to.match(/thrown/);
    await clock.settle();
    expect(log).to.deep.equal(['next 1']);
  });

  it('should drop what is on its way when it is closed, and its timer', async () => {
    lane.push(1, note('never'));
    lane.close();
    lane.push(1, note('never'));
    expect(clock.pending).to.equal(0);
    await clock.advance(5);
    expect(log).to.deep.equal([]);
  });
});
