import { expect } from 'chai';
import { methodOptions } from '../../src/cli/method-options.js';

describe('methodOptions', () => {
  it('should add the limits of one method to those before', () => {
    const first = methodOptions('slow:concurrency=2,maxQueued=10');
    expect(methodOptions('a:b:orderBy=key', first)).to.deep.equal({
      slow: { concurrency: 2, maxQueued: 10 },
      'a:b': { orderBy: 'key' },
    });
  });

  it('should know no method by chance', () => {
    expect(Object.entries(methodOptions('__proto__:concurrency=1'))).to.deep.equal([
      ['__proto__', { concurrency: 1 }],
    ]);
  });
});
