import { expect } from 'chai';
import { errors, RpcError } from '../../src/jsonrpc/error.js';
import { failure, isReserved, notification, request, success } from '../../src/jsonrpc/message.js';

describe('the constructors of messages', () => {
  it('should make requests without members that are absent', () => {
    expect(Object.entries(request(1, 'a'))).to.deep.equal(
      Object.entries({ jsonrpc: '2.0', method: 'a', id: 1 }),
    );
    expect(request(null, 'a', [])).to.deep.equal({ jsonrpc: '2.0', method: 'a', params: [], id: null });
    expect(request('x', 'a', undefined, 0)).to.deep.equal({ jsonrpc: '2.0', method: 'a', id: 'x', meta: 0 });
    expect(request('x', 'a', { b: 1 }, { timeout: 5 })).to.deep.equal({
      jsonrpc: '2.0',
      method: 'a',
      params: { b: 1 },
      id: 'x',
      meta: { timeout: 5 },
    });
    expect(request(1, 'a')).not.to.have.any.keys('params', 'meta');
  });

  it('should make notifications without an id and without members that are absent', () => {
    expect(notification('a')).to.have.all.keys('jsonrpc', 'method');
    expect(notification('a', [1])).to.deep.equal({ jsonrpc: '2.0', method: 'a', params: [1] });
    expect(notification('a', undefined, 0)).to.deep.equal({ jsonrpc: '2.0', method: 'a', meta: 0 });
    expect(notification('a', [1], 0)).to.deep.equal({ jsonrpc: '2.0', method: 'a', params: [1], meta: 0 });
  });

  it('should make a result of undefined null, and keep other falsy ones', () => {
    expect(success(1, undefined)).to.deep.equal({ jsonrpc: '2.0', result: null, id: 1 });
    for (const result of [0, '', false, null]) expect(success(1, result).result).to.equal(result);
  });

  it('should make a failure of an error object or an RpcError', () => {
    const error = { code: -32601, message: 'Method not found' };
    expect(failure('x', errors.methodNotFound)).to.deep.equal({ jsonrpc: '2.0', error, id: 'x' });
    expect(failure('x', new RpcError(-32601))).to.deep.equal({ jsonrpc: '2.0', error, id: 'x' });
  });

  it('should know the reserved method names', () => {
    expect(['rpc.', 'rpc.discover'].map(isReserved)).to.deep.equal([true, true]);
    expect(['rpc', 'rpcs', 'RPC.x', '$/cancel', ''].some(isReserved)).to.equal(false);
  });
});
