import { expect } from 'chai';
import { paramsOf } from '../../src/cli/params.js';
import { UsageError } from '../../src/cli/usage-error.js';

describe('params', () => {
  it('should be none without words', () => {
    expect(paramsOf([], undefined)).to.equal(undefined);
  });

  it('should be JSON, else strings', () => {
    const words = ['1', '-2.5', 'true', 'null', '"1"', '{"a":[1]}', 'text', '', '{broken', '01', 'NaN'];
    expect(paramsOf(words, undefined)).to.deep.equal([
      1,
      -2.5,
      true,
      null,
      '1',
      { a: [1] },
      'text',
      '',
      '{broken',
      '01',
      'NaN',
    ]);
  });

  it('should be exact: a number that would be rounded is refused', () => {
    expect(paramsOf(['9007199254740991', '1e300'], undefined)).to.deep.equal([9007199254740991, 1e300]);
    for (const word of ['9007199254740993', '-12345678901234567890', '1e999']) {
      expect(() => paramsOf([word], undefined)).to.throw(UsageError, `'"${word}"'`);
    }
  });

  it('should be an object or an array with --params', () => {
    expect(paramsOf([], '{"symbol":"AAPL"}')).to.deep.equal({ symbol: 'AAPL' });
    expect(paramsOf([], '[1,"a"]')).to.deep.equal([1, 'a']);
    for (const json of ['5', '"text"', 'null', 'true']) {
      expect(() => paramsOf([], json)).to.throw(UsageError, '--params: expected a JSON object');
    }
    expect(() => paramsOf([], '{')).to.throw(UsageError, '--params: expected JSON');
    expect(() => paramsOf([], '')).to.throw(UsageError, '--params: expected JSON');
  });

  it('should be given in one way only', () => {
    expect(() => paramsOf(['1'], '[1]')).to.throw(UsageError, 'both');
  });

  it('should keep a __proto__ key an ordinary one', () => {
    const params = paramsOf([], '{"__proto__": {"polluted": true}}') as object;
    expect(Object.hasOwn(params, '__proto__')).to.equal(true);
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
  });
});
