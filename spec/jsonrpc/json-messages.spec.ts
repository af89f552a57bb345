import { expect } from 'chai';
import * as fc from 'fast-check';
import { messagesJson } from '../../src/jsonrpc/json-messages.js';
import { failure, type Id, type Message, notification, request, success } from '../../src/jsonrpc/message.js';

const id: fc.Arbitrary<Id> = fc.oneof(fc.integer(), fc.string({ unit: 'binary' }), fc.constant(null));
const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, 1e21),
);
const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 12 }), fc.jsonValue() as fc.Arbitrary<unknown>);
const params = fc.oneof(fc.array(value), fc.dictionary(fc.string(), value), fc.constant(undefined));
const meta = fc.oneof(
  fc.constant(undefined),
  fc.record({ timeout: fc.nat(), headers: fc.dictionary(fc.string(), fc.string()) }),
  fc.record({ timeout: fc.nat() }).map(Object.freeze),
);
const method = fc.string({ unit: 'binary' });
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.tuple(id, method, params, meta).map((all) => request(...all)),
  fc.tuple(method, params, meta).map((all) => notification(...all)),
  fc.tuple(id, value).map((all) => success(...all)),
  fc.tuple(id, fc.string()).map(([id, text]) => failure(id, { code: -1, message: text, data: [text] })),
);

describe('messagesJson', () => {
  it('should write what JSON.stringify writes, alone and in batches', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
        const whole = messages.length === 1 ? messages[0] : messages;
        expect(messagesJson(messages)).to.equal(JSON.stringify(whole));
      }),
      { numRuns: 2_000 },
    );
  });

  it('should call toJSON, and leave out a member that has no text', () => {
    const timed = success(1, new Date(0));
    expect(messagesJson([timed])).to.equal(JSON.stringify(timed));
    const mute = success(1, { toJSON: () => undefined });
    expect(messagesJson([mute, timed])).to.equal(JSON.stringify([mute, timed]));
  });

  it('should see a meta that changed, unless it is frozen', () => {
    const shared = { headers: { token: 'a' } };
    const call = request(1, 'echo', [], shared);
    expect(messagesJson([call])).to.include('"token":"a"');
    shared.headers.token = 'b';
    expect(messagesJson([call])).to.include('"token":"b"');
  });

  it('should throw what JSON.stringify throws', () => {
    expect(() => messagesJson([request(1, 'echo', [1n])])).to.throw(TypeError, 'BigInt');
  });
});
