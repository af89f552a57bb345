import { expect } from 'chai';
import { brokers, describeOnKafka } from './brokers.js';
import { rollingRestart } from './load/rolling.js';
import { cancels, longStream, manyStreams } from './load/streams.js';

const MEGABYTE = 2 ** 20;

describeOnKafka('calls under load', () => {
  it('should complete 2,000 streams at once, each with every item in order', async () => {
    const { correct } = await manyStreams(brokers, 2_000, 100);
    expect(correct).to.equal(2_000);
  });

  it('should bring a long stream to a slow subscriber, the server in bounded memory', async () => {
    const { items, inOrder, serverRss } = await longStream(brokers, 200_000);
    expect({ items, inOrder }).to.deep.equal({ items: 200_000, inOrder: true });
    expect(serverRss).to.be.below(200 * MEGABYTE);
  });

  it('should tell the handler of a cancel', async () => {
    const { cancel } = await cancels(brokers, 20);
    expect(cancel).to.be.within(0, 1_000);
  });

  it('should lose no call and run none twice while its servers are restarted one by one', async () => {
    const { calls, failed, twice, restarts, errors } = await rollingRestart(brokers, {
      seconds: 8,
      rate: 500,
    });
    expect({ failed, twice, errors }).to.deep.equal({ failed: 0, twice: 0, errors: [] });
    expect(calls).to.be.above(3_000);
    expect(restarts).to.be.above(0);
  });
});
