import { expect } from 'chai';
import { paramsOfWords } from '../../../src/cli/repl/params.js';
import { wordsOf } from '../../../src/cli/repl/words.js';
import { UsageError } from '../../../src/cli/usage-error.js';

const params = (line: string) => paramsOfWords(wordsOf(line));

describe("a shell's params", () => {
  it('should be those of `callstream call`: each JSON, else a string', () => {
    expect(params('')).to.equal(undefined);
    expect(params(`1 true null text '"1"' "2" 01`)).to.deep.equal([1, true, null, 'text', '1', 2, '01']);
  });

  it('should be all of them where an object or an array stands alone', () => {
    expect(params('{"symbol": "AAPL"}')).to.deep.equal({ symbol: 'AAPL' });
    expect(params(`'{"symbol": "AAPL"}'`)).to.deep.equal({ symbol: 'AAPL' });
    expect(params('[1, [2]]')).to.deep.equal([1, [2]]);
    expect(params('[]')).to.deep.equal([]);
  });

  it('should be by position where others stand beside it', () => {
    expect(params('{"a": 1} 2')).to.deep.equal([{ a: 1 }, 2]);
    expect(params('[{"a": 1}]')).to.deep.equal([{ a: 1 }]);
  });

  it('should refuse brackets that are no JSON, and take them quoted', () => {
    for (const line of ['{symbol: AAPL}', '[draft]', '1 {} {]}', '[1]x']) {
      expect(() => params(line), line).to.throw(UsageError, 'in quotes it would be text');
    }
    expect(params(`'{symbol}' '[draft]'`)).to.deep.equal(['{symbol}', '[draft]']);
  });

  it('should refuse numbers that would be rounded', () => {
    expect(() => params('9007199254740993')).to.throw(UsageError, 'numbers are exact');
  });
});
