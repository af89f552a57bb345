/** That what is told as compatible is so, of types, changes and values as they come. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { isRight } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { changes } from '../../../src/cli/discover/changes.js';
import { openrpc, request, service, type Type } from '../../../src/index.js';
import { change, changed, comingFor, has, type Plan, plan, sends, typeOf, widening } from './plans.js';

const RUNS = Number(process.env.RUNS ?? 1_000);

const takes = (type: Type, value: unknown): boolean => isRight(type.decode(value));
/** Nothing is null as an answer. */
const answers = (type: Type, value: unknown): boolean =>
  takes(type, value) || (value === null && takes(type, undefined));

const broken = (
  before: { params?: Type; result?: Type },
  after: { params?: Type; result?: Type },
): string[] => {
  const document = ({ params, result = t.null }: { params?: Type; result?: Type }) =>
    openrpc(service('s', { m: request({ params: params as never, result }) }));
  return changes(document(before), document(after))
    .filter(({ breaking }) => breaking)
    .map(({ where, what }) => `${where}: ${what}`);
};

const pairs = (how: fc.Arbitrary<(at: Plan) => Plan>) =>
  fc
    .tuple(plan, fc.array(fc.tuple(fc.nat(), how), { minLength: 1, maxLength: 2 }))
    .map(([one, hows]) => [one, hows.reduce((at, [place, how]) => changed(at, place, how), one)] as const);

const withValues = (of: 0 | 1) =>
  pairs(change).chain((pair) =>
    fc.tuple(fc.constant(pair), fc.array(comingFor(pair[of]), { minLength: 20, maxLength: 20 })),
  );

describe('differences', function () {
  this.timeout(120_000);

  it('should find some wherever the new params refuse what the old ones took', () => {
    let compatible = 0;
    fc.assert(
      fc.property(withValues(0), ([[before, after], values]) => {
        const [old, now] = [typeOf(before), typeOf(after)];
        if (broken({ params: old }, { params: now }).length > 0) return;
        compatible += 1;
        for (const value of [...values, undefined])
          if (takes(old, value) && (value === undefined || sends(before, value)))
            expect(takes(now, value), JSON.stringify(value)).to.equal(true);
      }),
      { numRuns: RUNS },
    );
    expect(compatible).to.be.greaterThan(RUNS / 20);
  });

  it('should find some wherever the new result is what the old one never was', () => {
    let compatible = 0;
    fc.assert(
      fc.property(withValues(1), ([[before, after], values]) => {
        const [old, now] = [typeOf(before), typeOf(after)];
        if (broken({ result: old }, { result: now }).length > 0) return;
        compatible += 1;
        for (const value of values)
          if (takes(now, value) && sends(after, value))
            expect(answers(old, value), JSON.stringify(value)).to.equal(true);
      }),
      { numRuns: RUNS },
    );
    expect(compatible).to.be.greaterThan(RUNS / 20);
  });

  it('should find none in params of which a part takes more', () => {
    fc.assert(
      fc.property(pairs(widening), ([before, after]) => {
        // An intersection may lose a name, and which of its members have some of the keys can't be told.
        fc.pre(!has(before, 'both') || !(has(before, 'some keys') || has(before, 'named')));
        const [old, now] = [before, after].map((one) => t.tuple([typeOf(one)]));
        expect(broken({ params: old }, { params: now })).to.deep.equal([]);
      }),
      { numRuns: RUNS },
    );
  });
});
