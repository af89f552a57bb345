import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { connect } from '../../src/index.js';
import { brokers, describeOnKafka, unique } from './brokers.js';

const RECORDS = 500_000;
const PARTITIONS = 4;

describeOnKafka('the memory of a reader', () => {
  it('should stay small where a subscriber blocks the event loop and the topic has far more', async () => {
    const connection = await connect({ brokers });
    const topic = connection.topic(unique('slow'), { codec: 'raw' });
    await topic.create({ partitions: PARTITIONS });
    const value = Buffer.alloc(100, 'x');
    const values = function* () {
      for (let i = 0; i < RECORDS; i += 1) yield value;
    };
    let i = 0;
    await lastValueFrom(topic.publishAll(values(), { record: () => ({ partition: i++ % PARTITIONS }) }));
    await connection.close();
    const file = fileURLToPath(new URL('./slow-reader.ts', import.meta.url));
    let smallest = Number.POSITIVE_INFINITY;
    // Where the event loop stands still for another reason, what is read meanwhile waits in librdkafka's binding.
    for (let times = 0; times < 3 && smallest >= 100; times += 1) {
      const child = fork(file, [topic.name, '15'], { execArgv: ['--import', 'tsx'] });
      const [{ count, grown }] = await once(child, 'message');
      expect(count).above(5_000);
      smallest = Math.min(smallest, grown / 1e6);
    }
    expect(smallest, 'MB').below(100);
  });
});
