import { expect } from 'chai';
import fc from 'fast-check';
import { type Codec, codecFor, codecs } from '../../src/jsonrpc/codec.js';
import { encodable } from '../../src/jsonrpc/encodable.js';
import { failure, type Message, notification, request, success } from '../../src/jsonrpc/message.js';
import { validate } from '../../src/jsonrpc/validate.js';
import { expectUnwritable, right } from './outcome.js';

/** Its JSON is null; its MessagePack an empty map. */
class Custom {
  toJSON(): null {
    return null;
  }
}

const unknownBytes = Buffer.alloc(0);
const jsonText = Buffer.from('{"a":1}');
const packed = Buffer.of(0x81, 0xa1, 0x61, 0x01);

describe('codecFor', () => {
  for (const contentType of [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    ' application/json ;x=y',
  ]) {
    it(`should take ${JSON.stringify(contentType)} for JSON, as text and as bytes, whatever follows`, () => {
      expect(codecFor(contentType, packed)).to.equal(codecs.json);
      expect(codecFor(Buffer.from(contentType), packed)).to.equal(codecs.json);
    });
  }

  for (const contentType of ['application/msgpack', 'application/msgpack;v=5', 'APPLICATION/MsgPack']) {
    it(`should take ${JSON.stringify(contentType)} for MessagePack, as text and as bytes, whatever follows`, () => {
      expect(codecFor(contentType, jsonText)).to.equal(codecs.msgpack);
      expect(codecFor(Buffer.from(contentType), jsonText)).to.equal(codecs.msgpack);
    });
  }

  for (const contentType of [
    undefined,
    '',
    'text/plain',
    'constructor',
    'application/jsonp',
    Buffer.from('x/y'),
    unknownBytes,
  ]) {
    it(`should let the first byte decide for ${contentType === undefined ? 'no content type' : `'${contentType}'`}`, () => {
      expect(codecFor(contentType, jsonText)).to.equal(codecs.json);
      expect(codecFor(contentType, packed)).to.equal(codecs.msgpack);
      expect(codecFor(contentType, unknownBytes)).to.equal(codecs.json);
    });
  }

  it('should take the bytes of MessagePack arrays and maps, and no others, for MessagePack', () => {
    const bytes = Array.from({ length: 256 }, (_, byte) => byte);
    const chosen = bytes.filter((byte) => codecFor(undefined, Buffer.of(byte)) === codecs.msgpack);
    expect(chosen).to.deep.equal(
      bytes.filter((byte) => (byte >= 0x80 && byte <= 0x9f) || (byte >= 0xdc && byte <= 0xdf)),
    );
  });
});

const id = fc.oneof(fc.string(), fc.maxSafeInteger(), fc.constant(null), fc.constant(0.5));
/** JSON has one zero, MessagePack no `__proto__` key. */
const json = fc
  .jsonValue({ stringUnit: 'grapheme' })
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
  .filter((value) => !JSON.stringify(value).includes('"__proto__":'));
const params = fc.option(
  fc.oneof(
    fc.array(json),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      json,
    ),
  ),
  {
    nil: undefined,
  },
);
const meta = fc.option(fc.record({ timeout: fc.nat() }), { nil: undefined });
const error = fc.record(
  { code: fc.maxSafeInteger(), message: fc.string(), data: json },
  { requiredKeys: ['code', 'message'] },
);
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.tuple(id, fc.string(), params, meta).map((parts) => request(...parts)),
  fc.tuple(fc.string(), params, meta).map((parts) => notification(...parts)),
  fc.tuple(id, json).map((parts) => success(...parts)),
  fc.tuple(id, error).map((parts) => failure(...parts)),
);

for (const codec of Object.values<Codec>(codecs)) {
  describe(`the codec ${codec.name}`, () => {
    it('should be found by its name, its content type and its first byte', () => {
      const bytes = right(codec.encode([{}]));
      expect(codecs[codec.name]).to.equal(codec);
      expect(codecFor(codec.contentType, bytes)).to.equal(codec);
      expect(codecFor(undefined, bytes)).to.equal(codec);
    });

    it('should carry every message to the other side, valid and unchanged', () => {
      fc.assert(
        fc.property(message, (sent) => {
          const received = right(codec.decode(right(codec.encode(sent))));
          expect(received).to.deep.equal(sent);
          expect(validate(received)).to.deep.equal({ _tag: 'Right', right: received });
        }),
      );
    });

    it('should carry a batch', () => {
      fc.assert(
        fc.property(fc.array(message), (sent) => {
          expect(right(codec.decode(right(codec.encode(sent))))).to.deep.equal(sent);
        }),
      );
    });

    it('should refuse a whole batch for one entry that cannot be written', () => {
      expectUnwritable(codec.encode([success(1, 1), success(2, 1n)]), /BigInt/);
    });

    it('should carry every encodable result as a response that has one', () => {
      const results = [
        undefined,
        null,
        0,
        '',
        [],
        {},
        new Date(0),
        new Custom(),
        Buffer.from('x'),
        Number.NaN,
      ];
      for (const result of results) {
        const received = right(codec.decode(right(codec.encode(success(1, right(encodable(result)))))));
        expect(received).to.have.property('result');
        expect(validate(received)).to.have.property('_tag', 'Right');
      }
    });
  });
}

describe('encodable', () => {
  it('should make undefined null and keep anything else', () => {
    expect(right(encodable(undefined))).to.equal(null);
    const date = new Date(Number.NaN);
    const custom = { toJSON: () => 'x' };
    for (const result of [null, 0, '', false, 'x', date, custom])
      expect(right(encodable(result))).to.equal(result);
  });

  it('should refuse what JSON would leave out, and a BigInt', () => {
    expectUnwritable(
      encodable(() => 1),
      /function/,
    );
    expectUnwritable(encodable(class {}), /function/);
    expectUnwritable(encodable(Symbol('s')), /symbol/);
    expectUnwritable(encodable(1n), /bigint/);
    expectUnwritable(encodable({ toJSON: () => undefined }), /undefined/);
    expectUnwritable(encodable({ toJSON: () => Symbol('s') }), /symbol/);
  });

  it('should refuse a result whose toJSON throws, and not send why', () => {
    const cause = new Error('secret');
    const throwing = {
      toJSON: () => {
        throw cause;
      },
    };
    const error = expectUnwritable(encodable(throwing), /threw/);
    expect(error.cause).to.equal(cause);
    expect(JSON.stringify(error)).not.to.contain('secret');
  });
});
