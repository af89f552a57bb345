import { expect } from 'chai';
import { errorName, errors, RpcError } from '../../src/jsonrpc/error.js';

describe('RpcError', () => {
  it("should have the specification's codes and messages, both directions", () => {
    expect(errors.parseError).to.deep.equal({ code: -32700, message: 'Parse error' });
    expect(errors.invalidRequest).to.deep.equal({ code: -32600, message: 'Invalid Request' });
    expect(errors.methodNotFound).to.deep.equal({ code: -32601, message: 'Method not found' });
    expect(errors.invalidParams).to.deep.equal({ code: -32602, message: 'Invalid params' });
    expect(errors.internalError).to.deep.equal({ code: -32603, message: 'Internal error' });
    for (const [name, { code }] of Object.entries(errors)) expect(errorName(code)).to.equal(name);
    expect(errorName(1)).to.equal(undefined);
  });

  it("should take its code's message where none is given", () => {
    expect(new RpcError(-32002).message).to.equal('Overloaded');
    expect(new RpcError(7).message).to.equal('Error 7');
    expect(new RpcError(-32002, '').message).to.equal('');
  });

  for (const code of [1.5, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number]) {
    it(`should make the code ${String(code)} -32603`, () => {
      expect(new RpcError(code, 'no').code).to.equal(-32603);
      expect(RpcError.of({ code, message: 'no', data: 1 }).toObject()).to.deep.equal({
        code: -32603,
        message: 'no',
        data: 1,
      });
    });
  }

  it('should write data only where there is some', () => {
    expect(new RpcError(1, 'no').toObject()).to.have.all.keys('code', 'message');
    expect(new RpcError(1, 'no', { data: null }).toObject()).to.deep.equal({
      code: 1,
      message: 'no',
      data: null,
    });
  });

  it('should survive the wire', () => {
    const sent = new RpcError(1404, 'No such symbol', { data: { symbol: 'X' } });
    expect(RpcError.of(sent.toObject()).toObject()).to.deep.equal(sent.toObject());
  });

  it('should be retryable only when overloaded', () => {
    const retryable = Object.entries(errors).filter(([, { code }]) => new RpcError(code).retryable);
    expect(retryable.map(([name]) => name)).to.deep.equal(['overloaded']);
  });

  it('should keep an RpcError that was thrown', () => {
    const thrown = new RpcError(1, 'no');
    expect(RpcError.from(thrown)).to.equal(thrown);
  });

  it('should keep code, message and data of an RpcError of another copy of the package', () => {
    const foreign = Object.assign(new Error('no'), { _tag: 'RpcError', code: 5, data: 'why' });
    const error = RpcError.from(foreign);
    expect(error).to.be.instanceOf(RpcError);
    expect(error.toObject()).to.deep.equal({ code: 5, message: 'no', data: 'why' });
    expect(error.cause).to.equal(foreign);
  });

  for (const thrown of [new TypeError('secret'), 'secret', undefined, null, { code: 1, message: 'secret' }]) {
    it(`should say nothing about a thrown ${thrown instanceof Error ? 'Error' : JSON.stringify(thrown)}, and keep it as the cause`, () => {
      const error = RpcError.from(thrown);
      expect(error.toObject()).to.deep.equal({ code: -32603, message: 'Internal error' });
      expect(error.cause).to.equal(thrown);
      expect(JSON.stringify(error)).to.equal('{"code":-32603,"message":"Internal error"}');
    });
  }
});
