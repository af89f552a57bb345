import { expect } from 'chai';
import type { Binding } from '../../src/kafka/librdkafka-binding.js';
import { LibrdkafkaProducer } from '../../src/kafka/librdkafka-producer.js';
import type { DeliveryObserver } from '../../src/kafka/port.js';

/** A native producer that takes everything, and reports at its polls. */
class Native {
  polls = 0;
  #sent: unknown[] = [];
  readonly #onReport: (error: null, report: object) => void;

  constructor({ dr_cb }: { dr_cb: (error: null, report: object) => void }) {
    this.#onReport = dr_cb;
    native = this;
  }

  on(): void {}

  produce(...[topic, , , , , opaque]: unknown[]): void {
    this.#sent.push({ topic, partition: 0, offset: 0, opaque });
  }

  poll(): void {
    this.polls += 1;
    for (const report of this.#sent.splice(0)) this.#onReport(null, report as object);
  }
}

let native: Native;

/** One interval of the producer's, which has no other at a time. */
class Interval {
  left: number;

  constructor(
    readonly work: () => void,
    readonly ms: number,
  ) {
    this.left = ms;
  }

  unref(): void {}
}

describe('Delivery reports', () => {
  let producer: LibrdkafkaProducer;
  const send = (patient: boolean): DeliveryObserver & { at: number } => {
    const observer = {
      patient,
      at: -1,
      delivered: () => {
        observer.at = now;
      },
      undelivered: () => {},
    };
    producer.produce({ topic: 'a', partition: 0, value: Buffer.from('b') }, observer, 0);
    return observer;
  };
  let now = 0;
  const { setInterval, clearInterval } = globalThis;
  const intervals = new Set<Interval>();
  /** Polls within so many milliseconds. */
  const pass = (ms: number): number => {
    const before = native.polls;
    for (let i = 0; i < ms; i += 1) {
      now += 1;
      for (const interval of [...intervals]) {
        interval.left -= 1;
        if (interval.left > 0) continue;
        interval.left = interval.ms;
        interval.work();
      }
    }
    return native.polls - before;
  };

  beforeEach(() => {
    now = 0;
    intervals.clear();
    const start = (work: () => void, ms: number) => {
      const interval = new Interval(work, ms);
      intervals.add(interval);
      return interval;
    };
    const stop = (interval: Interval) => intervals.delete(interval);
    Object.assign(globalThis, { setInterval: start, clearInterval: stop });
    const base = { brokers: '', clientId: '', user: { global: {}, topic: {} }, embedded: false };
    producer = new LibrdkafkaProducer({ Producer: Native } as unknown as Binding, base, () => {});
  });
  afterEach(() => void Object.assign(globalThis, { setInterval, clearInterval }));

  it('should be polled for each millisecond where somebody waits for one', () => {
    const sent = send(false);
    pass(1);
    expect(sent.at).to.equal(1);
  });

  it('should be polled for less often while nobody does', () => {
    const sent = send(true);
    expect(pass(20)).to.equal(4);
    expect(sent.at).to.equal(5);
  });

  it('should be polled for at once as often as the least patient needs, and for some time after', () => {
    send(true);
    pass(2);
    const sent = send(false);
    pass(1);
    expect(sent.at).to.equal(3);
    for (let i = 0; i < 10; i += 1) {
      send(true);
      pass(10);
    }
    send(true);
    expect(pass(10)).to.equal(2);
  });

  it('should be polled for now and then once none is due, and often again with the next', () => {
    send(true);
    pass(1_000);
    expect(pass(1_000)).to.equal(10);
    const sent = send(true);
    pass(5);
    expect(sent.at).to.equal(2_005);
  });
});
