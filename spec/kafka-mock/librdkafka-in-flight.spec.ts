import { expect } from 'chai';
import { InFlight, MAX_KEPT } from '../../src/kafka/librdkafka-in-flight.js';

const observer = { delivered: () => {}, undelivered: () => {} };

describe('InFlight', () => {
  it('should use an opaque again once it is back, and know it once', () => {
    const inFlight = new InFlight();
    const first = inFlight.add('a', observer, 1);
    const second = inFlight.add('b', observer, 2);
    expect(first).not.equal(second);
    expect([inFlight.remove(first), inFlight.remove(first)]).deep.equal([true, false]);
    expect([inFlight.size, inFlight.list()]).deep.equal([1, [second]]);
    expect(inFlight.add('c', observer, 3)).equal(first);
    expect(first).include({ topic: 'c', token: 3 });
    expect(inFlight.list()).members([first, second]);
  });

  it('should keep no more than its bound while nothing is in flight', () => {
    const inFlight = new InFlight();
    const many = Array.from({ length: MAX_KEPT + 5 }, (_, token) => inFlight.add('a', observer, token));
    for (const opaque of many) inFlight.remove(opaque);
    const again = new Set(many.map((_, token) => inFlight.add('a', observer, token)));
    expect(inFlight.size).equal(MAX_KEPT + 5);
    expect(many.filter((opaque) => again.has(opaque)).length).equal(MAX_KEPT);
  });
});
