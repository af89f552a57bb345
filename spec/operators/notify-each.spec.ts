import { expect } from 'chai';
import { from } from 'rxjs';
import { notifyEach } from '../../src/index.js';
import { Seen } from '../topic/harness.js';
import { brief, Counter } from './harness.js';

describe('notifyEach', () => {
  it('should emit each input when Kafka has it, each time it is subscribed to', async () => {
    const counter = await Counter.open();
    counter.bench.broker.inject({ topic: 's.requests', partition: 0, reportDelay: 500 });
    const told$ = from(['a', 'b']).pipe(notifyEach(counter.client, 'log'));
    for (const calls of [
      ['a', 'b'],
      ['a', 'b', 'a', 'b'],
    ]) {
      const seen = new Seen(told$, brief);
      expect(seen.log).deep.equal([]);
      await counter.bench.advance(1_000);
      expect(seen.log).deep.equal(['a: undefined', 'b: undefined', 'complete']);
      expect(counter.calls).deep.equal(calls);
    }
    await counter.bench.close();
  });

  it('should go on behind one that fails, in order where it is asked to', async () => {
    const counter = await Counter.open();
    counter.bench.broker.inject({ topic: 's.requests', partition: 0, report: 'unwritten', times: 1 });
    const options = { concurrency: 1, ordered: true };
    const seen = new Seen(from(['a', 'b']).pipe(notifyEach(counter.client, 'log', options)), brief);
    await counter.bench.advance(1_000);
    expect(seen.log).deep.equal(['a: Unknown kafka', 'b: undefined', 'complete']);
    expect(counter.calls).deep.equal(['b']);
    await counter.bench.close();
  });

  it('should send no more after an unsubscribe', async () => {
    const counter = await Counter.open();
    const seen = new Seen(from(['a', 'b', 'c']).pipe(notifyEach(counter.client, 'log', { concurrency: 1 })));
    seen.subscription.unsubscribe();
    await counter.bench.advance(1_000);
    expect(counter.calls).deep.equal(['a']);
    await counter.bench.close();
  });
});
