import { expect } from 'chai';
import { murmur2, partitionOf } from '../../src/kafka/murmur2.js';

describe('murmur2', () => {
  // The values that Apache Kafka's own UtilsTest expects.
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of known) {
    it(`should hash ${key} as Java does`, () => expect(murmur2(Buffer.from(key))).to.equal(hash));
  }

  it('should clear the sign bit rather than take the absolute value', () => {
    expect(partitionOf('21', 1000)).to.equal((-973932308 & 0x7fffffff) % 1000);
    expect(partitionOf('abc', 7)).to.equal(479470107 % 7);
  });

  it('should hash a string as its UTF-8 bytes', () => {
    expect(partitionOf('zażółć', 97)).to.equal(partitionOf(Buffer.from('zażółć', 'utf8'), 97));
  });

  it('should take an empty key', () => expect(partitionOf('', 4)).to.be.within(0, 3));
});
