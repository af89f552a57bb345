import { expect } from 'chai';
import { Delivery, MAX_BACKLOG_RECORDS } from '../../src/kafka/librdkafka-delivery.js';

const at = (offset: number) => ({ topic: 't', partition: 0, offset });
const message = (offset: number) =>
  ({ ...at(offset), size: 1, key: null, value: null, headers: [] }) as never;

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('delivery that is behind', () => {
  /** One turn that brings `records`, of which the consuming thread had taken `taken` by then. */
  function open(taken: number) {
    const log: unknown[] = [];
    let delivered = 0;
    const delivery = new Delivery(
      {
        onRecord: () => {
          delivered += 1;
        },
        onError: () => {},
      },
      {
        hold: (pause) => log.push(`${pause ? 'hold' : 'go on'} at ${delivered}`),
        positions: () => [at(taken)],
      },
    );
    delivery.add([at(0)]);
    const deliver = (from: number, to: number) => {
      for (let offset = from; offset < to; offset += 1) delivery.accept(message(offset));
    };
    return { log, deliver, count: () => delivered };
  }

  it('should let the consumer go on when half of what waited is delivered', () => {
    const { log, deliver } = open(2 * MAX_BACKLOG_RECORDS);
    deliver(0, 2 * MAX_BACKLOG_RECORDS);
    // Looked at before the 16th record, whose 15 forerunners are delivered.
    const half = (2 * MAX_BACKLOG_RECORDS - 16) / 2;
    expect(log).deep.equal(['hold at 15', `go on at ${15 + half}`]);
  });

  it('should let it go on at the end of a turn, and drop what is fetched a second time in the next', async () => {
    const { log, deliver, count } = open(MAX_BACKLOG_RECORDS + 1_000);
    deliver(0, 1_000);
    expect(log.splice(0)).deep.equal(['hold at 15']);
    await nextTurn();
    expect(log).deep.equal(['go on at 1000']);
    deliver(998, 1_010);
    expect(count()).equal(1_010);
  });

  it('should drop what is fetched a second time behind all that waited when it went on', async () => {
    const { deliver, count } = open(2 * MAX_BACKLOG_RECORDS);
    deliver(0, 2 * MAX_BACKLOG_RECORDS);
    await nextTurn();
    deliver(2 * MAX_BACKLOG_RECORDS - 2, 2 * MAX_BACKLOG_RECORDS + 2);
    expect(count()).equal(2 * MAX_BACKLOG_RECORDS + 2);
  });

  it('should drop it behind what waited over several turns, too', async () => {
    const { deliver, count } = open(2 * MAX_BACKLOG_RECORDS);
    deliver(0, MAX_BACKLOG_RECORDS + 1_000);
    await nextTurn();
    deliver(MAX_BACKLOG_RECORDS + 1_000, 2 * MAX_BACKLOG_RECORDS);
    await nextTurn();
    deliver(2 * MAX_BACKLOG_RECORDS - 2, 2 * MAX_BACKLOG_RECORDS + 2);
    expect(count()).equal(2 * MAX_BACKLOG_RECORDS + 2);
  });
});

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
