import { expect } from 'chai';
import * as fc from 'fast-check';
import { PendingCalls } from '../../src/rpc/pending-calls.js';

interface Call {
  id: number;
}

const call = (): Call => ({ id: 0 });

describe('PendingCalls', () => {
  it('should number calls from 1 and find each by its number, and by nothing else', () => {
    const calls = new PendingCalls<Call>();
    const [first, second] = [call(), call()];
    calls.add(first);
    calls.add(second);
    expect([first.id, second.id]).to.deep.equal([1, 2]);
    expect(calls.get(2)).to.equal(second);
    for (const id of ['2', 2.5, 2n, -2, 2 + 1_024, 2 ** 32 + 2, Number.NaN, null, undefined, {}]) {
      expect(calls.get(id), String(id)).to.equal(undefined);
    }
  });

  it('should delete a call once, and none that was never added', () => {
    const calls = new PendingCalls<Call>();
    const one = call();
    calls.add(one);
    expect(calls.delete(call())).to.equal(false);
    expect(calls.delete(one)).to.equal(true);
    expect(calls.delete(one)).to.equal(false);
    expect(calls.size).to.equal(0);
    expect(calls.get(1)).to.equal(undefined);
  });

  it('should leave out the ids of slots that are taken', () => {
    const calls = new PendingCalls<Call>();
    const long = call();
    calls.add(long);
    for (let i = 0; i < 5_000; i += 1) {
      const short = call();
      calls.add(short);
      expect(calls.get(short.id)).to.equal(short);
      calls.delete(short);
    }
    expect(calls.get(1)).to.equal(long);
    expect(calls.list()).to.deep.equal([long]);
  });

  it('should keep as a Map would, however many wait and in whichever order they end', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(600), fc.nat()), { maxLength: 40 }), (steps) => {
        const calls = new PendingCalls<Call>();
        const known = new Map<number, Call>();
        for (const [more, which] of steps) {
          for (let i = 0; i < more; i += 1) {
            const made = call();
            calls.add(made);
            expect(known.has(made.id)).to.equal(false);
            known.set(made.id, made);
          }
          for (const ended of [...known.values()].filter(({ id }) => (id + which) % 3 === 0)) {
            expect(calls.delete(ended)).to.equal(true);
            known.delete(ended.id);
          }
          expect(calls.size).to.equal(known.size);
        }
        for (const [id, made] of known) expect(calls.get(id)).to.equal(made);
        expect(calls.list()).to.deep.equal([...known.values()]);
      }),
      { numRuns: 50 },
    );
  });
});
