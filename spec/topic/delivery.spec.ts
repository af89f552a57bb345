import { expect } from 'chai';
import { Delivery } from '../../src/kafka/librdkafka-delivery.js';

const at = (offset: number) => ({ topic: 't', partition: 0, offset });
const message = (offset: number) =>
  ({ ...at(offset), size: 1, key: null, value: null, headers: [] }) as never;

describe('delivery while paused', () => {
  it('should let the consumer go on only when everything held is delivered, ends behind it', () => {
    const log: unknown[] = [];
    const delivery: Delivery = new Delivery(
      {
        onRecord: ({ offset }) => {
          log.push(offset);
          if (offset % 2 === 1) delivery.pause();
        },
        onError: () => {},
        onEnd: ({ offset }) => log.push(`end ${offset}`),
      },
      { hold: (pause) => log.push(pause ? 'hold' : 'go on'), positions: () => [] },
    );
    delivery.add([at(0)]);
    delivery.pause();
    for (const offset of [0, 1, 2, 3, 4]) delivery.accept(message(offset));
    delivery.end(at(5));
    expect(log).deep.equal(['hold']);
    delivery.resume();
    expect(log.splice(0)).deep.equal(['hold', 0, 1]);
    delivery.resume();
    expect(log.splice(0)).deep.equal([2, 3]);
    delivery.resume();
    expect(log.splice(0)).deep.equal([4, 'go on', 'end 5']);
    delivery.accept(message(5));
    expect(log).deep.equal([5, 'hold']);
    delivery.remove([at(0)]);
    delivery.end(at(6));
    delivery.resume();
    expect(log).deep.equal([5, 'hold', 'go on']);
  });
});
