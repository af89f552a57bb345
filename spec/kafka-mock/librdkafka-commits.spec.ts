import { expect } from 'chai';
import { Commits } from '../../src/kafka/librdkafka-commits.js';
import { KafkaError, type TopicPartitionOffset } from '../../src/kafka/port.js';

const at = (partition: number, offset: number): TopicPartitionOffset => ({ topic: 't', partition, offset });

describe('Commits', () => {
  it('should have one request under way, and merge what is asked for meanwhile', async () => {
    const sent: TopicPartitionOffset[][] = [];
    const ends: string[] = [];
    const commits = new Commits((offsets) => sent.push(offsets));
    const all = [
      commits.commit([at(0, 1)]).then(() => ends.push('first')),
      commits.commit([at(0, 2), at(1, 7)]).then(() => ends.push('second')),
      commits.commit([at(0, 3)]).then(() => ends.push('third')),
    ];
    expect(sent).deep.equal([[at(0, 1)]]);
    commits.answered(undefined, [at(0, 1)]);
    await all[0];
    expect(ends).deep.equal(['first']);
    expect(sent[1]).deep.equal([at(0, 3), at(1, 7)]);
    commits.answered(undefined, [at(1, 7), at(0, 3)]);
    await Promise.all(all);
    expect(sent).length(2);
  });

  it('should take no answer that is not its own', async () => {
    const commits = new Commits(() => {});
    let settled = false;
    const commit = commits.commit([at(0, 5)]).finally(() => {
      settled = true;
    });
    commits.answered(undefined, [at(0, 4)]);
    commits.answered(undefined, []);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).equal(false);
    commits.answered({ code: 25, message: 'Broker: Unknown member' } as never, [at(0, 5)]);
    const error = await commit.catch((error: KafkaError) => error);
    expect(error).instanceOf(KafkaError).include({ code: 25, reason: 'failed' });
  });

  it('should reject what waits when it ends, or when it cannot be sent', async () => {
    const commits = new Commits(() => {});
    const both = [commits.commit([at(0, 1)]), commits.commit([at(0, 2)])];
    commits.fail(new KafkaError('closed', 'over'));
    for (const end of await Promise.allSettled(both))
      expect(end).nested.include({ 'reason.reason': 'closed' });
    const broken = new Commits(() => {
      throw new Error('Local: Erroneous state');
    });
    const error = await broken.commit([at(0, 1)]).catch((error: KafkaError) => error);
    expect(error).include({ reason: 'failed', code: -172 });
  });
});
