import { expect } from 'chai';
import fc from 'fast-check';
import { decodeMsgpack, encodeMsgpack } from '../../src/jsonrpc/msgpack.js';
import { validate } from '../../src/jsonrpc/validate.js';
import { depthOf, expectParseError, expectUnwritable, nested, right } from './outcome.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const decode = (text: string) => decodeMsgpack(hex(text));
const call = { jsonrpc: '2.0', method: 'e', params: ['\u00fc', 1.5, -1, 70_000, null, true], id: 1 };

/** Values MessagePack carries; `__proto__` is no key it may have. */
const value = fc.anything({
  key: fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
  values: [
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme', minLength: 60, maxLength: 300 }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.array(fc.nat(300), { maxLength: 300 }),
  ],
  maxDepth: 4,
});

describe('decodeMsgpack', () => {
  for (const [title, bytes, expected] of [
    ['nil', 'c0', null],
    ['false', 'c2', false],
    ['true', 'c3', true],
    ['a positive fixint', '7f', 127],
    ['a negative fixint', 'e0', -32],
    ['uint 8', 'cc ff', 255],
    ['uint 16', 'cd ffff', 65_535],
    ['uint 32', 'ce ffffffff', 4_294_967_295],
    ['uint 64', 'cf 001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['int 8', 'd0 80', -128],
    ['int 16', 'd1 8000', -32_768],
    ['int 32', 'd2 80000000', -2_147_483_648],
    ['int 64', 'd3 ffe0000000000001', -Number.MAX_SAFE_INTEGER],
    ['float 32', 'ca 3f800000', 1],
    ['float 64', 'cb 3ff8000000000000', 1.5],
    ['a fixstr', 'a1 61', 'a'],
    ['str 8', 'd9 01 61', 'a'],
    ['str 16', 'da 0001 61', 'a'],
    ['str 32', 'db 00000001 61', 'a'],
    ['an empty fixarray', '90', []],
    ['array 16', 'dc 0001 c0', [null]],
    ['array 32', 'dd 00000001 c0', [null]],
    ['an empty fixmap', '80', {}],
    ['map 16', 'de 0001 a161 01', { a: 1 }],
    ['map 32', 'df 00000001 a161 01', { a: 1 }],
    ['timestamp 32', 'd6 ff 00000001', new Date(1_000)],
    ['timestamp 64', 'd7 ff 0000000000000001', new Date(1_000)],
    ['timestamp 96', 'c7 0c ff 00000000 0000000000000001', new Date(1_000)],
    ['the last of duplicate keys', '82 a161 01 a161 02', { a: 2 }],
  ] as const) {
    it(`should read ${title}, and refuse it cut off or with bytes after it`, () => {
      const whole = hex(bytes);
      expect(right(decodeMsgpack(whole))).to.deep.equal(expected);
      for (let size = 0; size < whole.length; size++) {
        expectParseError(decodeMsgpack(whole.subarray(0, size)), /truncated|claims/);
      }
      expectParseError(
        decodeMsgpack(Buffer.concat([whole, Buffer.of(0xc0)])),
        /1 bytes after the value, at byte \d+/,
      );
    });
  }

  for (const [title, bytes] of [
    ['bin 8', 'c4 02 0102'],
    ['bin 16', 'c5 0002 0102'],
    ['bin 32', 'c6 00000002 0102'],
  ] as const) {
    it(`should read ${title} as bytes`, () => {
      const bin = right(decode(bytes)) as Uint8Array;
      expect(bin).to.be.instanceOf(Uint8Array);
      expect([...bin]).to.deep.equal([1, 2]);
      expectParseError(decodeMsgpack(hex(bytes).subarray(0, -1)), /truncated/);
    });
  }

  it('should refuse nothing at all, and two messages in a row', () => {
    expectParseError(decodeMsgpack(Buffer.alloc(0)), /truncated/);
    expectParseError(decode('8080'), /after the value/);
  });

  it('should refuse every message that is cut off', () => {
    const bytes = right(encodeMsgpack(call));
    for (let size = 0; size < bytes.length; size++) {
      expectParseError(decodeMsgpack(bytes.subarray(0, size)), /truncated|claims/);
    }
    expect(right(decodeMsgpack(bytes))).to.deep.equal(call);
  });

  it('should refuse the byte that is no type, and say where', () => {
    expectParseError(decode('92 01 c1'), /byte 2 is 0xc1/);
  });

  for (const [title, bytes, type] of [
    ['fixext 1', 'd4 01 00', 1],
    ['fixext 2', 'd5 02 0000', 2],
    ['fixext 4', 'd6 fe 00000000', -2],
    ['fixext 8', `d7 7f ${'00'.repeat(8)}`, 127],
    ['fixext 16', `d8 80 ${'00'.repeat(16)}`, -128],
    ['ext 8', 'c7 03 05 000000', 5],
    ['ext 16', 'c8 0003 05 000000', 5],
    ['ext 32', 'c9 00000003 05 000000', 5],
  ] as const) {
    it(`should refuse an extension: ${title}`, () => {
      expectParseError(decode(`91 ${bytes}`), new RegExp(`extension type ${type} at byte 1:`));
    });
  }

  it('should refuse a timestamp of another size', () => {
    expectParseError(decode('d4 ff 00'), /timestamp/);
  });

  for (const [title, bytes] of [
    ['an array', 'dd ffffffff'],
    ['an array inside arrays', '91 92 dd 7fffffff 01 01'],
    ['a map', 'df ffffffff a161 01'],
    ['many arrays', 'dd00ffffff '.repeat(200)],
  ] as const) {
    it(`should refuse a huge length claim at once, without memory: ${title}`, () => {
      const before = process.memoryUsage();
      expectParseError(decode(bytes), /claims \d+ values, \d+ bytes are left/);
      const after = process.memoryUsage();
      expect(after.heapUsed + after.external - before.heapUsed - before.external).to.be.below(10_000_000);
    });
  }

  for (const [title, bytes] of [
    ['a string', 'db ffffffff 61'],
    ['bytes', 'c6 ffffffff 61'],
    ['an extension', 'c9 ffffffff ff 61'],
  ] as const) {
    it(`should refuse a huge length claim: ${title}`, () => {
      expectParseError(decode(bytes), /truncated/);
    });
  }

  it('should bound the sum of claims of nested arrays, each of which would fit', () => {
    // each of 500 levels claims as many values as bytes are left at its own level
    const bytes = Buffer.alloc(100_000, 0xc0);
    for (let level = 0; level < 500; level++) {
      bytes[level * 5] = 0xdd;
      bytes.writeUInt32BE(bytes.length - (level + 1) * 5, level * 5 + 1);
    }
    expectParseError(decodeMsgpack(bytes), /byte 5 claims/);
  });

  for (const [title, bytes] of [
    ['a number', '81 01 02'],
    ['nil', '81 c0 02'],
    ['true', '81 c3 02'],
    ['an array', '81 90 02'],
    ['a map', '81 80 02'],
    ['bytes', '81 c4 01 61 02'],
    ['a timestamp', '81 d6 ff 00000000 02'],
  ] as const) {
    it(`should refuse ${title} as a key`, () => {
      expectParseError(decode(bytes), /keys must be strings/);
    });
  }

  it('should refuse __proto__ as a key and read constructor and toString', () => {
    const proto = Buffer.from('__proto__');
    expectParseError(decodeMsgpack(Buffer.concat([hex('81 a9'), proto, hex('80')])), /__proto__/);
    const odd = { constructor: 1, toString: 2 };
    expect(right(decodeMsgpack(right(encodeMsgpack(odd))))).to.deep.equal(odd);
  });

  it('should refuse invalid UTF-8, in short and long strings and keys, and say where', () => {
    expectParseError(decode('92 01 a2 c3 28'), /invalid UTF-8 in the string at byte 2/);
    expectParseError(decode('a1 c3'), /invalid UTF-8/);
    expectParseError(decode('81 a1 ff 01'), /invalid UTF-8 in the string at byte 1/);
    expectParseError(decode('a3 eda080'), /invalid UTF-8/);
    expectParseError(
      decodeMsgpack(Buffer.concat([hex('d9 ff'), Buffer.alloc(254, 0x61), hex('80')])),
      /invalid UTF-8/,
    );
  });

  it('should refuse to nest more than 1,000 deep, whatever the size', () => {
    const deep = Buffer.concat([Buffer.alloc(1_000, 0x91), hex('c0')]);
    expect(depthOf(right(decodeMsgpack(deep)))).to.equal(1_000);
    expectParseError(
      decodeMsgpack(Buffer.concat([hex('91'), deep])),
      /nested more than 1000 deep at byte 1000/,
    );
    expectParseError(decodeMsgpack(Buffer.alloc(1_000_000, 0x91)), /nested more than 1000 deep/);
    expectParseError(decodeMsgpack(Buffer.alloc(100_000, 0x81)), /nested more than 1000 deep/);
    expectParseError(
      decodeMsgpack(
        Buffer.concat([hex('81 a6'), Buffer.from('params'), Buffer.alloc(20_000, 0x91), hex('c0')]),
      ),
      /nested more than 1000 deep/,
    );
  });

  it('should read a 64-bit integer beyond 2^53 rounded, which is no id', () => {
    const big = Buffer.concat([
      right(encodeMsgpack({ jsonrpc: '2.0', method: 'e' })),
      hex('a2 6964 cf 0020000000000001'),
    ]);
    big[0] = 0x83;
    const message = right(decodeMsgpack(big));
    expect(message).to.have.property('id', 2 ** 53);
    expect(validate(message)).to.have.nested.property('left.id', null);
  });

  it('should never throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeMsgpack(bytes)).to.have.property('_tag');
      }),
      { numRuns: 2_000 },
    );
  });

  it('should read or refuse, never throw, when a byte of a message is changed', () => {
    const bytes = right(encodeMsgpack(call));
    for (let at = 0; at < bytes.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        expect(decodeMsgpack(changed)).to.have.property('_tag');
      }
    }
  });

  it('should read well-formed bytes after having refused malformed ones', () => {
    expectParseError(decode('93 81 01 02'), /./);
    expect(right(decode('92 01 02'))).to.deep.equal([1, 2]);
  });
});

describe('encodeMsgpack', () => {
  it('should write what decodeMsgpack reads back', () => {
    fc.assert(
      fc.property(value, (written) => {
        const read = right(decodeMsgpack(right(encodeMsgpack(written))));
        expect(normal(read)).to.deep.equal(normal(written));
      }),
      { numRuns: 500 },
    );
  });

  it('should write bytes that a later call leaves alone', () => {
    const first = right(encodeMsgpack(['first']));
    encodeMsgpack(['other']);
    expect(right(decodeMsgpack(first))).to.deep.equal(['first']);
  });

  it('should leave undefined members out and write undefined on top as nil', () => {
    expect(right(encodeMsgpack({ a: undefined, b: 1 })).toString('hex')).to.equal('81a16201');
    expect(right(encodeMsgpack(undefined)).toString('hex')).to.equal('c0');
  });

  it('should write -0 as 0, as JSON does', () => {
    expect(right(encodeMsgpack([-0])).toString('hex')).to.equal('9100');
  });

  it('should write numbers that JSON does not have', () => {
    expect(right(decodeMsgpack(right(encodeMsgpack([Number.NaN, -1 / 0]))))).to.deep.equal([
      Number.NaN,
      -1 / 0,
    ]);
  });

  for (const [title, unencodable, reason] of [
    ['a BigInt', 1n, /BigInt/],
    ['a function', () => 1, /function/],
    ['a symbol', Symbol('s'), /symbol/],
    ['an invalid Date', new Date(Number.NaN), /invalid Date/],
    ['half a surrogate pair', 'a\ud800', /UTF-8/],
    ['a __proto__ key', JSON.parse('{"__proto__":1}'), /__proto__/],
    ['what is nested 20,000 deep', nested(20_000), /nested more than 1000 deep/],
  ] as const) {
    it(`should refuse ${title}, on top and inside, and go on`, () => {
      expectUnwritable(encodeMsgpack(unencodable), reason);
      expectUnwritable(encodeMsgpack({ result: [unencodable] }), reason);
      expect(right(encodeMsgpack([1])).toString('hex')).to.equal('9101');
    });
  }

  it('should write half a surrogate pair in a long string as U+FFFD', () => {
    const read = right(decodeMsgpack(right(encodeMsgpack(`${'x'.repeat(60)}\ud800`))));
    expect(read).to.equal(`${'x'.repeat(60)}\ufffd`);
  });

  it('should refuse a circular value', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expectUnwritable(encodeMsgpack(circular), /circular/);
  });

  it('should read back the deepest value it writes', () => {
    const deepest = nested(999);
    expect(depthOf(right(decodeMsgpack(right(encodeMsgpack(deepest)))))).to.equal(999);
    expectUnwritable(encodeMsgpack(nested(1_000)), /deep/);
  });

  it('should take what looks like a surrogate or a __proto__ key and is none', () => {
    for (const harmless of [
      '__proto__',
      ['__proto__'],
      new Uint8Array([0xed, 0xa0, 0x80]),
      0xeda080,
      '\ud55c\uae00',
    ]) {
      expect(right(encodeMsgpack({ harmless }))).to.be.instanceOf(Buffer);
    }
  });

  it('should keep what a getter throws as the cause, and not send it', () => {
    const cause = new Error('secret');
    const throwing = {
      get result() {
        throw cause;
      },
    };
    const error = expectUnwritable(encodeMsgpack(throwing), /getter threw/);
    expect(error.cause).to.equal(cause);
    expect(JSON.stringify(error)).not.to.contain('secret');
  });

  it('should write values larger than its kept buffer, and small ones after', () => {
    const large = 'x'.repeat(3_000_000);
    expect(right(decodeMsgpack(right(encodeMsgpack([large]))))).to.deep.equal([large]);
    expect(right(encodeMsgpack([1])).toString('hex')).to.equal('9101');
  });
});

/** Plain objects all the way, undefined members gone: what is equal here is equal on the wire. */
const normal = (written: unknown): unknown => {
  if (written === undefined) return null;
  if (written === 0) return 0; // -0 is written as 0
  if (typeof written !== 'object' || written === null || written instanceof Date) return written;
  if (written instanceof Uint8Array) return [...written];
  if (Array.isArray(written)) return written.map(normal);
  return Object.entries(written).map(([key, member]) => [key, normal(member)]);
};
