import { expect } from 'chai';
import { scan, wordsOf } from '../../../src/cli/repl/words.js';
import { UsageError } from '../../../src/cli/usage-error.js';

const texts = (line: string) => wordsOf(line).map(({ text }) => text);

describe("a shell's words", () => {
  it('should be parted by spaces', () => {
    expect(texts('')).to.deep.equal([]);
    expect(texts('  \t ')).to.deep.equal([]);
    expect(texts('  calc  add\t1 -2 ')).to.deep.equal(['calc', 'add', '1', '-2']);
  });

  it('should be quoted as in a shell', () => {
    expect(texts(`'a b' "c d" e' 'f ''`)).to.deep.equal(['a b', 'c d', 'e f', '']);
    expect(texts(`'"1"' "it's" 'a\\b'`)).to.deep.equal(['"1"', "it's", 'a\\b']);
    expect(texts(`a\\ b "a \\"b\\" \\\\ \\n" \\#`)).to.deep.equal(['a b', 'a "b" \\ \\n', '#']);
  });

  it('should expand nothing', () => {
    expect(texts('$HOME * ~ `ls` $(ls) a|b > c && d')).to.deep.equal([
      '$HOME',
      '*',
      '~',
      '`ls`',
      '$(ls)',
      'a|b',
      '>',
      'c',
      '&&',
      'd',
    ]);
  });

  it('should end at a comment', () => {
    expect(texts('calc add # the sum')).to.deep.equal(['calc', 'add']);
    expect(texts('# all of it {')).to.deep.equal([]);
    expect(texts('a#b')).to.deep.equal(['a#b']);
  });

  it('should take JSON to its closing bracket', () => {
    expect(texts('echo {"a": [1, 2], "b": "x } y"} [ 1 ] tail')).to.deep.equal([
      'echo',
      '{"a": [1, 2], "b": "x } y"}',
      '[ 1 ]',
      'tail',
    ]);
    expect(texts('{"quote": "\\"}"} [1]x ]')).to.deep.equal(['{"quote": "\\"}"}', '[1]x', ']']);
  });

  it('should know where they stand', () => {
    expect(wordsOf(" a  'b c'")).to.deep.equal([
      { text: 'a', start: 1, raw: 'a' },
      { text: 'b c', start: 4, raw: "'b c'" },
    ]);
  });

  for (const [line, open] of [
    ["say 'it", "'"],
    ['say "it', '"'],
    ['say {"a": 1', '{'],
    ['say ["}', '['],
    ['say it\\', '\\'],
  ] as const) {
    it(`should tell that \`${line}\` isn't whole`, () => {
      expect(scan(line).open).to.equal(open);
      expect(() => wordsOf(line)).to.throw(UsageError, open);
    });
  }

  it('should never hang, and lose no word', () => {
    const signs = [' ', "'", '"', '\\', '{', '}', '[', ']', '#', 'a'];
    for (let seed = 1; seed <= 2_000; seed += 1) {
      let state = seed;
      const line = Array.from({ length: 12 }, () => {
        state = (state * 48_271) % 2_147_483_647;
        return signs[state % signs.length];
      }).join('');
      for (const { raw, start } of scan(line).words)
        expect(line.slice(start, start + raw.length)).to.equal(raw);
    }
  });
});
