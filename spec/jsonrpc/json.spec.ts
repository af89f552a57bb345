import { expect } from 'chai';
import fc from 'fast-check';
import { decodeJson, encodeJson } from '../../src/jsonrpc/json.js';
import { validate } from '../../src/jsonrpc/validate.js';
import { depthOf, expectParseError, expectUnwritable, nested, right } from './outcome.js';

const decode = (text: string) => decodeJson(Buffer.from(text));
const bom = [0xef, 0xbb, 0xbf];

describe('decodeJson', () => {
  it('should read a Uint8Array that is a part of a larger buffer', () => {
    const bytes = new Uint8Array(Buffer.from('xx[1]xx'));
    expect(right(decodeJson(bytes.subarray(2, 5)))).to.deep.equal([1]);
  });

  it('should skip one leading byte order mark, and only one', () => {
    expect(right(decodeJson(Buffer.from([...bom, ...Buffer.from('{"a":1}')])))).to.deep.equal({ a: 1 });
    expectParseError(decodeJson(Buffer.from([...bom, ...bom, 0x31])), /JSON/);
    expectParseError(decodeJson(Buffer.from([0x31, ...bom])), /JSON/);
  });

  for (const [title, bytes] of [
    ['a stray continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a sequence cut off', [0x22, 0xe2, 0x82, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x5b, 0x00, 0x5d, 0x00]],
  ] as const) {
    it(`should refuse invalid UTF-8: ${title}`, () => {
      expectParseError(decodeJson(Buffer.from(bytes)), /invalid UTF-8/);
    });
  }

  for (const text of [
    '',
    ' ',
    '{',
    '[1,',
    '"abc',
    '{"a":',
    'tru',
    '{}{}',
    '[] []',
    '1 2',
    "{'a':1}",
    '[1,]',
    'NaN',
    '{}\0',
  ]) {
    it(`should refuse ${JSON.stringify(text)}`, () => {
      expectParseError(decode(text), new RegExp(`^invalid JSON in ${text.length} bytes: .+`));
    });
  }

  it('should refuse every message that is cut off', () => {
    const text = '{"jsonrpc":"2.0","method":"e","params":["\u00fc",1.5],"id":1}';
    const bytes = Buffer.from(text);
    for (let size = 0; size < bytes.length; size++)
      expectParseError(decodeJson(bytes.subarray(0, size)), /./);
    expect(right(decodeJson(bytes))).to.deep.equal(JSON.parse(text));
  });

  it('should refuse 100,000 open brackets', () => {
    expectParseError(decode('['.repeat(100_000)), /invalid JSON/);
    expectParseError(decode('{"a":'.repeat(100_000)), /invalid JSON/);
  });

  it('should read params nested 20,000 deep, as a valid call', () => {
    const text = `{"jsonrpc":"2.0","method":"e","params":${'['.repeat(20_000)}${']'.repeat(20_000)},"id":1}`;
    const call = right(decode(text)) as { params: unknown };
    expect(depthOf(call.params)).to.equal(20_000);
    expect(validate(call)._tag).to.equal('Right');
  });

  it('should round numbers beyond 2^53 in params and refuse them as ids', () => {
    const call = right(
      decode('{"jsonrpc":"2.0","method":"e","params":[9007199254740993],"id":9007199254740993}'),
    );
    expect((call as { params: unknown[] }).params).to.deep.equal([9007199254740992]);
    expect(validate(call)).to.have.nested.property('left.id', null);
  });

  it('should read __proto__, constructor and toString as members like any other', () => {
    const value = right(decode('{"__proto__":{"polluted":1},"constructor":2,"toString":3}')) as object;
    expect(Object.keys(value)).to.deep.equal(['__proto__', 'constructor', 'toString']);
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
  });

  it('should never throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeJson(bytes)).to.have.property('_tag');
      }),
    );
  });
});

describe('encodeJson', () => {
  it('should write what decodeJson reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        // JSON has one zero
        const expected = JSON.parse(JSON.stringify(value));
        expect(right(decodeJson(right(encodeJson(value))))).to.deep.equal(expected);
      }),
    );
  });

  it('should write half a surrogate pair so that it is read back', () => {
    expect(right(decodeJson(right(encodeJson('\ud800'))))).to.equal('\ud800');
  });

  it('should write undefined on top as null and leave undefined members out', () => {
    expect(right(encodeJson(undefined)).toString()).to.equal('null');
    expect(right(encodeJson({ a: undefined, b: 1 })).toString()).to.equal('{"b":1}');
  });

  it('should refuse what JSON has no text for', () => {
    expectUnwritable(
      encodeJson(() => 1),
      /function/,
    );
    expectUnwritable(encodeJson(Symbol('s')), /symbol/);
    expectUnwritable(encodeJson({ toJSON: () => undefined }), /object/);
  });

  it('should refuse a circular value, a BigInt and one nested too deeply', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expectUnwritable(encodeJson({ result: circular }), /circular/);
    expectUnwritable(encodeJson({ result: 1n }), /BigInt/);
    expectUnwritable(encodeJson(nested(1_000_000)), /nested too deeply/);
  });

  it('should keep what a toJSON throws as the cause, and not send it', () => {
    const cause = new TypeError('secret');
    const throwing = {
      toJSON: () => {
        throw cause;
      },
    };
    const error = expectUnwritable(encodeJson(throwing), /threw/);
    expect(error.cause).to.equal(cause);
    expect(JSON.stringify(error)).not.to.contain('secret');
  });
});
