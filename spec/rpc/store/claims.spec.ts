import { expect } from 'chai';
import fc from 'fast-check';
import { keyOf } from '../../../src/rpc/store/answers-topic.js';
import { Claims, readWord, type Word } from '../../../src/rpc/store/claims.js';

const word = (owner: string, epoch: number, state: Word['state']): Word => ({
  call: 'c',
  owner,
  epoch,
  state,
  ...(state === 'answered' && { answer: { result: owner } }),
});

describe('Claims', () => {
  const read = (...words: readonly Word[]) => {
    const claims = new Claims(1_000);
    const counted = words.map((it) => claims.read(it, 0, 10));
    const { owner, answer } = claims.find('c') ?? {};
    return { counted, owner, answer: answer?.result };
  };

  it('should give a call to the first claim of an epoch', () => {
    const { counted, owner } = read(word('a', 1, 'claimed'), word('b', 1, 'claimed'));
    expect([counted, owner]).to.deep.equal([[true, false], 'a']);
  });

  it('should let nobody claim what is answered, though a claim was written before the answer was read', () => {
    const { counted, answer } = read(
      word('a', 1, 'claimed'),
      word('a', 1, 'answered'),
      word('b', 2, 'claimed'),
    );
    expect([counted, answer]).to.deep.equal([[true, true, false], 'a']);
  });

  it('should not hear an owner that another has followed', () => {
    const { counted, answer } = read(
      word('a', 1, 'claimed'),
      word('b', 2, 'claimed'),
      word('a', 1, 'answered'),
      word('a', 1, 'released'),
      word('b', 2, 'answered'),
    );
    expect([counted, answer]).to.deep.equal([[true, true, false, false, true], 'b']);
  });

  it('should give a released call to the next epoch', () => {
    const { owner } = read(word('a', 1, 'claimed'), word('a', 1, 'released'), word('b', 2, 'claimed'));
    expect(owner).to.equal('b');
  });

  it('should count the bytes of what it knows, and forget what is older than its retention', () => {
    const claims = new Claims(1_000);
    for (let i = 0; i < 5; i += 1) claims.read({ ...word('a', 1, 'answered'), call: `${i}` }, i * 100, 10);
    claims.expire(1_200);
    expect([claims.size, claims.bytes, claims.find('2')]).to.deep.equal([2, 20, undefined]);
  });

  /** Instances that keep to the rules, and read what is in the log at different times. */
  it('should say the same of a log that was compacted, where somebody has the call or has answered it', () => {
    const owners = ['a', 'b', 'c'];
    const step = fc.record({ owner: fc.constantFrom(...owners), does: fc.nat(5), lag: fc.nat(2) });
    let compared = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const log: Word[] = [];
        const held = new Map<string, number>();
        for (const { owner, does, lag } of steps) {
          const seen = new Claims(1_000);
          for (const it of log.slice(0, log.length - lag)) seen.read(it, 0, 1);
          const known = seen.find('c');
          const own = held.get(owner);
          if (own !== undefined) {
            if (does > 3) continue;
            held.delete(owner);
            log.push(word(owner, own, does < 2 ? 'answered' : 'released'));
          } else if (known?.answer === undefined) {
            const epoch = (known?.epoch ?? 0) + 1;
            log.push(word(owner, epoch, 'claimed'));
            const all = new Claims(1_000);
            if (log.map((it) => all.read(it, 0, 1)).at(-1)) held.set(owner, epoch);
          }
        }
        const last = log.filter(
          (it, index) => !log.some((other, i) => i > index && keyOf(other) === keyOf(it)),
        );
        const whole = read(...log);
        const compacted = read(...last);
        if (whole.answer !== undefined) {
          compared += 1;
          expect(compacted.answer).to.equal(whole.answer);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(compared).to.be.above(100);
  });
});

describe('readWord', () => {
  it('should take words and signs of life, and nothing else', () => {
    expect(readWord(word('a', 1, 'answered'))).to.deep.equal(word('a', 1, 'answered'));
    expect(readWord({ owner: 'a', more: 1 })).to.deep.equal({ owner: 'a' });
    for (const wrong of [
      null,
      5,
      [],
      {},
      { owner: 5 },
      { ...word('a', 1, 'claimed'), epoch: 0.5 },
      { ...word('a', 1, 'claimed'), state: 'x' },
      { ...word('a', 1, 'claimed'), answer: {} },
      { ...word('a', 1, 'answered'), answer: 5 },
    ])
      expect(readWord(wrong), JSON.stringify(wrong)).to.equal(undefined);
  });
});
