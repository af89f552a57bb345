import { expect } from 'chai';
import { isRight } from 'fp-ts/lib/Either.js';
import {
  type Failure,
  type Id,
  isFailure,
  isNotification,
  isRequest,
  isResponse,
  type Message,
} from '../../src/jsonrpc/message.js';
import { emptyBatch, isId, validate } from '../../src/jsonrpc/validate.js';

const accepted = (value: unknown): Message => {
  const validated = validate(value);
  if (isRight(validated)) return validated.right;
  throw new Error(`refused: ${JSON.stringify(validated.left)}`);
};

const refused = (value: unknown): Failure => {
  const validated = validate(value);
  if (isRight(validated)) throw new Error(`accepted: ${JSON.stringify(validated.right)}`);
  return validated.left;
};

const expectInvalid = (value: unknown, id: Id): void => {
  const { jsonrpc, error, id: echoed } = refused(value);
  expect({ jsonrpc, code: error.code, message: error.message, id: echoed }).to.deep.equal({
    jsonrpc: '2.0',
    code: -32600,
    message: 'Invalid Request',
    id,
  });
  expect(error.data).to.be.a('string').and.not.to.equal('');
};

const parsed = (text: string): unknown => JSON.parse(text);

describe('validate', () => {
  describe('a request', () => {
    it('should return the value itself, not a copy', () => {
      const call = { jsonrpc: '2.0', method: 'echo', params: ['hi'], id: 1 };
      const notice = { jsonrpc: '2.0', method: 'echo' };
      expect(accepted(call)).to.equal(call);
      expect(accepted(notice)).to.equal(notice);
    });

    for (const id of ['a', '', 0, -1, 1.5, 1e-7, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, null]) {
      it(`should be a call with the id ${JSON.stringify(id)}`, () => {
        const message = accepted({ jsonrpc: '2.0', method: 'echo', id });
        expect(isRequest(message)).to.equal(true);
        expect(isNotification(message)).to.equal(false);
        expect(isResponse(message)).to.equal(false);
        expect(message.id).to.equal(id);
      });
    }

    it('should be a notification without an id', () => {
      const message = accepted({ jsonrpc: '2.0', method: 'echo' });
      expect(isNotification(message)).to.equal(true);
      expect(isRequest(message)).to.equal(false);
      expect(isResponse(message)).to.equal(false);
    });

    for (const id of [
      'true',
      '{}',
      '[1]',
      '9007199254740992',
      '9007199254740993',
      '-9007199254740992',
      '1e400',
      '1e17',
    ]) {
      it(`should be invalid with the id ${id}, which is not echoed`, () => {
        expectInvalid(parsed(`{"jsonrpc":"2.0","method":"echo","id":${id}}`), null);
      });
    }

    it('should be invalid with an id that is NaN or a timestamp', () => {
      expectInvalid({ jsonrpc: '2.0', method: 'echo', id: Number.NaN }, null);
      expectInvalid({ jsonrpc: '2.0', method: 'echo', id: new Date(0) }, null);
    });

    for (const params of [[], {}, [1, { a: 2 }], { a: 1 }, parsed('{"__proto__":1,"constructor":2}')]) {
      it(`should accept the params ${JSON.stringify(params)}`, () => {
        const message = accepted({ jsonrpc: '2.0', method: 'echo', params, id: 1 });
        expect(isRequest(message) && message.params).to.equal(params);
      });
    }

    for (const params of [null, 0, 1, '', 'bar', true, false, new Uint8Array(1), new Date(0)]) {
      it(`should be invalid with the params ${JSON.stringify(params)}, with and without an id`, () => {
        expectInvalid({ jsonrpc: '2.0', method: 'echo', params, id: 'x' }, 'x');
        expectInvalid({ jsonrpc: '2.0', method: 'echo', params }, null);
      });
    }

    for (const method of [null, 1, true, ['echo'], {}]) {
      it(`should be invalid with the method ${JSON.stringify(method)}`, () => {
        expectInvalid({ jsonrpc: '2.0', method, id: 'x' }, 'x');
      });
    }

    for (const jsonrpc of ['1.0', '2', 2, 2.0, null, undefined, ['2.0'], '2.0 ']) {
      it(`should be invalid with jsonrpc ${JSON.stringify(jsonrpc)}`, () => {
        expectInvalid({ jsonrpc, method: 'echo', id: 3 }, 3);
      });
    }

    for (const method of ['', 'constructor', 'toString', '__proto__', 'rpc.x', '$/cancel', 'ü']) {
      it(`should accept the method name ${JSON.stringify(method)}: the dispatcher looks it up`, () => {
        const message = accepted({ jsonrpc: '2.0', method, id: 1 });
        expect(isRequest(message) && message.method).to.equal(method);
      });
    }

    it('should keep the last of duplicate members', () => {
      const message = accepted(
        parsed('{"jsonrpc":"1.0","jsonrpc":"2.0","method":"a","method":"b","id":1,"id":2}'),
      );
      expect(message).to.deep.equal({ jsonrpc: '2.0', method: 'b', id: 2 });
    });

    it('should ignore unknown members, result and error included', () => {
      const value = { jsonrpc: '2.0', method: 'echo', id: 1, result: 1, error: 2, meta: {}, extra: [] };
      const message = accepted(value);
      expect(message).to.equal(value);
      expect(isRequest(message)).to.equal(true);
      expect(isResponse(message)).to.equal(false);
      expect(isFailure(message)).to.equal(false);
    });

    it('should not read members through __proto__', () => {
      expectInvalid(parsed('{"jsonrpc":"2.0","id":1,"__proto__":{"method":"echo"}}'), 1);
      expectInvalid(parsed('{"__proto__":{"jsonrpc":"2.0","method":"echo","id":1}}'), null);
    });

    it('should not take an inherited method for its own', () => {
      expectInvalid(Object.assign(Object.create({ method: 'echo' }), { jsonrpc: '2.0', id: 1 }), 1);
    });
  });

  describe('anything else', () => {
    for (const value of [
      undefined,
      null,
      0,
      1,
      'text',
      true,
      [],
      [1],
      [[]],
      {},
      { foo: 'boo' },
      new Uint8Array(3),
    ]) {
      it(`should be invalid: ${JSON.stringify(value)}`, () => expectInvalid(value, null));
    }

    it('should be invalid as a nested batch, whatever is in it', () => {
      expectInvalid([{ jsonrpc: '2.0', method: 'echo', id: 1 }], null);
    });

    it('should be invalid with an id to echo but neither method, result nor error', () => {
      expectInvalid({ jsonrpc: '2.0', id: 'x' }, 'x');
    });

    it('should have an answer for an empty batch', () => {
      const { error, id } = emptyBatch();
      expect([error.code, error.message, id]).to.deep.equal([-32600, 'Invalid Request', null]);
    });
  });

  describe('a response', () => {
    for (const result of [0, null, false, '', [], { method: 'x' }]) {
      it(`should succeed with the result ${JSON.stringify(result)}`, () => {
        const value = { jsonrpc: '2.0', result, id: 1 };
        const message = accepted(value);
        expect(message).to.equal(value);
        expect([
          isResponse(message),
          isFailure(message),
          isRequest(message),
          isNotification(message),
        ]).to.deep.equal([true, false, false, false]);
      });
    }

    it('should fail with an error object, itself and not a copy', () => {
      const value = { jsonrpc: '2.0', error: { code: -1, message: 'no', data: 0 }, id: null };
      const message = accepted(value);
      expect(message).to.equal(value);
      expect([isResponse(message), isFailure(message)]).to.deep.equal([true, true]);
    });

    for (const code of ['-1', 1.5, null, undefined, Number.POSITIVE_INFINITY, 2 ** 53]) {
      it(`should get -32603 for the code ${String(code)}, and keep message and data`, () => {
        expect(accepted({ jsonrpc: '2.0', error: { code, message: 'no', data: 0 }, id: 1 })).to.deep.equal({
          jsonrpc: '2.0',
          error: { code: -32603, message: 'no', data: 0 },
          id: 1,
        });
      });
    }

    it('should get an empty message where it has none', () => {
      expect(accepted({ jsonrpc: '2.0', error: { code: 5 }, id: 1 })).to.deep.equal({
        jsonrpc: '2.0',
        error: { code: 5, message: '' },
        id: 1,
      });
    });

    it('should be invalid with its id when it has both a result and an error', () => {
      expectInvalid({ jsonrpc: '2.0', result: 1, error: { code: 1, message: '' }, id: 4 }, 4);
      expectInvalid({ jsonrpc: '2.0', result: 1, error: null, id: 4 }, 4);
    });

    for (const error of [null, 'no', 1, []]) {
      it(`should be invalid with its id when the error is ${JSON.stringify(error)}`, () => {
        expectInvalid({ jsonrpc: '2.0', error, id: 4 }, 4);
      });
    }

    it('should be invalid with its id when jsonrpc is missing', () => {
      expectInvalid({ result: 1, id: 4 }, 4);
    });

    it('should be invalid without an id, or with one of the wrong type', () => {
      expectInvalid({ jsonrpc: '2.0', result: 1 }, null);
      expectInvalid({ jsonrpc: '2.0', result: 1, id: {} }, null);
      expectInvalid({ jsonrpc: '2.0', result: 1, id: 2 ** 60 }, null);
    });
  });

  it('should tell ids that can be echoed exactly from those that cannot', () => {
    for (const id of ['', null, 0, -0, 0.1, 2 ** 53 - 1]) expect(isId(id), String(id)).to.equal(true);
    for (const id of [2 ** 53, 1e300, Number.NaN, -1 / 0, 1n, undefined, {}, true]) {
      expect(isId(id), String(id)).to.equal(false);
    }
  });
});
