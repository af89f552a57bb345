import { expect } from 'chai';
import { decode } from '../../src/jsonrpc/decode.js';

describe('decode', () => {
  it('should read what the content type names, else what the first byte is of', () => {
    const msgpack = Buffer.from([0x81, 0xa1, 0x61, 0x01]);
    expect(decode(msgpack)).to.deep.equal({ _tag: 'Right', right: { as: 'msgpack', value: { a: 1 } } });
    expect(decode(Buffer.from('{"a":1}'))).to.have.nested.property('right.as', 'json');
    expect(decode(Buffer.from([0x07]), 'application/msgpack')).to.have.nested.property('right.value', 7);
  });

  it('should say why bytes are neither', () => {
    expect(decode(Buffer.from('not JSON'), 'application/json')).to.have.nested.property('left.code', -32700);
  });
});
