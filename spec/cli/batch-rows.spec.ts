import { expect } from 'chai';
import { Lines, MAX_LINE } from '../../src/cli/batch/lines.js';
import { asTheyAre, mappingOf } from '../../src/cli/batch/mapping.js';
import { CsvRows, JsonRows, type Rows } from '../../src/cli/batch/rows.js';
import { UsageError } from '../../src/cli/usage-error.js';

/** All rows, the input cut into pieces of so many bytes. */
function rowsOf(rows: Rows, text: string | Buffer, size: number) {
  const bytes = Buffer.from(text as string);
  const found = [];
  for (let at = 0; at < bytes.length; at += size) found.push(...rows.read(bytes.subarray(at, at + size)));
  return [...found, ...rows.end()];
}

describe('the rows of a batch', () => {
  describe('in NDJSON', () => {
    it('should be the same however the bytes come', () => {
      const text = '\ufeff{"a":"ü"}\r\n\n  \n[1,2]\n"x"\nnull';
      for (const size of [1, 2, 3, 7, 1_000]) {
        expect(rowsOf(new JsonRows(), text, size), `${size}`).to.deep.equal([
          { line: 1, input: { a: 'ü' } },
          { line: 4, input: [1, 2] },
          { line: 5, input: 'x' },
          { line: 6, input: null },
        ]);
      }
    });

    it('should have a problem where a line is not JSON or not UTF-8, and go on', () => {
      const text = Buffer.concat([Buffer.from('1\n{broken\n"'), Buffer.from([0xff]), Buffer.from('"\n2\n')]);
      const rows = rowsOf(new JsonRows(), text, 1_000);
      expect(rows.map(({ line, input }) => [line, input])).to.deep.equal([
        [1, 1],
        [2, '{broken'],
        [3, null],
        [4, 2],
      ]);
      expect(rows[1]?.problem).to.match(/^not valid JSON: /);
      expect(rows[2]?.problem).to.equal('not valid UTF-8');
    });

    it('should be exact: a number that would be rounded is a problem', () => {
      const [kept, text, fraction, rounded] = rowsOf(
        new JsonRows(),
        '9007199254740991\n"12345678901234567890"\n0.12345678901234567\n{"id":9007199254740993}\n',
        1_000,
      );
      expect([kept?.problem, text?.problem, fraction?.problem]).to.deep.equal([
        undefined,
        undefined,
        undefined,
      ]);
      expect(rounded?.problem).to.include('9007199254740993 has to be a string');
    });

    it('should not take a line without end', () => {
      const lines = new Lines();
      const half = Buffer.alloc(MAX_LINE / 2 + 1, 'x');
      lines.read(Buffer.from('1\n'));
      lines.read(half);
      expect(() => lines.read(half)).to.throw(UsageError, 'line 2 is longer');
    });
  });

  describe('in CSV', () => {
    it('should be named by the first line, whatever is quoted, however the bytes come', () => {
      const text = '\ufeffsku,note\r\nA,"two\nlines, and ""quotes"""\r\n\r\nB,ü\r\n';
      for (const size of [1, 5, 1_000]) {
        expect(rowsOf(new CsvRows(), text, size), `${size}`).to.deep.equal([
          { line: 3, input: { sku: 'A', note: 'two\nlines, and "quotes"' } },
          { line: 5, input: { sku: 'B', note: 'ü' } },
        ]);
      }
    });

    it('should have a problem where fields are missing', () => {
      const [bad, good] = rowsOf(new CsvRows(), 'a,b\n1\n1,2\n', 1_000);
      expect(bad).to.deep.equal({
        line: 2,
        input: ['1'],
        problem: 'expected 2 fields as in the first line, got 1',
      });
      expect(good?.input).to.deep.equal({ a: '1', b: '2' });
    });

    it('should end where quotes make no sense, and where a field is there twice', () => {
      expect(() => rowsOf(new CsvRows(), 'a,b\n1,"x"y\n', 1_000)).to.throw(UsageError, 'line 2');
      expect(() => rowsOf(new CsvRows(), 'a,a\n', 1_000)).to.throw(UsageError, '"a" is there twice');
    });

    it('should end at any end of line, whatever ends the first one', () => {
      for (const size of [1, 2, 3, 1_000]) {
        expect(rowsOf(new CsvRows(), 'a,b\n1,2\r\n"x\n",4\r\n', size), `${size}`).to.deep.equal([
          { line: 2, input: { a: '1', b: '2' } },
          { line: 4, input: { a: 'x\n', b: '4' } },
        ]);
      }
    });

    it('should have a problem where a value is not UTF-8, and go on', () => {
      const ends = ['a,b\nM', 'ller,2\n3,4\n'].map((part) => Buffer.from(part));
      const text = Buffer.concat([ends[0] as Buffer, Buffer.from([0xfc]), ends[1] as Buffer]);
      for (const size of [1, 2, 3, 1_000]) {
        const [broken, good] = rowsOf(new CsvRows(), text, size);
        expect(broken, `${size}`).to.deep.include({ line: 2, problem: 'not valid UTF-8' });
        expect(good).to.deep.equal({ line: 3, input: { a: '3', b: '4' } });
        expect(rowsOf(new CsvRows(), 'a\nü\ufffd', size)).to.deep.equal([
          { line: 2, input: { a: 'ü\ufffd' } },
        ]);
      }
      const header = Buffer.from([0xff, 10, 49, 10]);
      expect(() => rowsOf(new CsvRows(), header, 9)).to.throw(UsageError, 'line 1: not valid UTF-8');
    });

    it('should be many in one piece', () => {
      const text = `n\n${Array.from({ length: 5_000 }, (_, n) => n).join('\n')}\n`;
      expect(rowsOf(new CsvRows(), text, 1_000_000)).to.have.length(5_000);
    });
  });
});

describe('the map of a batch', () => {
  const row = { sku: 'A', qty: '3', order: { id: 7 }, tags: ['x', 'y'], price: 1.5 };

  it('should leave a row as it is without one', () => {
    expect(asTheyAre(row)).to.deep.equal({ params: row });
    expect(asTheyAre([1])).to.deep.equal({ params: [1] });
    expect([asTheyAre('x'), asTheyAre(null)]).to.deep.equal([{ params: ['x'] }, { params: [null] }]);
  });

  it('should give params by position, or by name', () => {
    expect(mappingOf('[sku, order.id,tags.1]')(row)).to.deep.equal({ params: ['A', 7, 'y'] });
    expect(mappingOf('id=order.id,qty')(row)).to.deep.equal({ params: { id: 7, qty: '3' } });
    expect(mappingOf('[.]')('x')).to.deep.equal({ params: ['x'] });
    expect(mappingOf('all=.')(row)).to.deep.equal({ params: { all: row } });
  });

  it('should convert', () => {
    expect(mappingOf('[qty:number,price:string]')(row)).to.deep.equal({ params: [3, '1.5'] });
    expect(mappingOf('[a:boolean,b:json]')({ a: 'true', b: '{"c":1}' })).to.deep.equal({
      params: [true, { c: 1 }],
    });
    for (const value of ['', 'x', '9007199254740993', '1e999']) {
      expect(mappingOf('[qty:number]')({ qty: value })).to.have.property('problem');
    }
  });

  it('should say what a row has not', () => {
    expect(mappingOf('[sku,count]')(row)).to.deep.equal({ problem: 'it has no field count' });
    expect(mappingOf('[toString]')(row)).to.deep.equal({ problem: 'it has no field toString' });
    expect(mappingOf('[a]')(5)).to.deep.equal({ problem: 'it has no field a' });
  });

  for (const spec of ['', '[]', '[a', 'a,,b', 'a=', '=a', '[x=a]', 'a=b=c', 'a.b', 'a:date', 'a,b=c,a']) {
    it(`should refuse ${JSON.stringify(spec)}`, () => {
      expect(() => mappingOf(spec)).to.throw(UsageError, '--map');
    });
  }
});
