import { expect } from 'chai';
import type { Flow } from '../../src/kafka/librdkafka-flow.js';
import { Flows } from '../../src/kafka/librdkafka-flows.js';
import type { KafkaError } from '../../src/kafka/port.js';
import { until } from '../kafka/port-support.js';

function fakeFlow(log: string[], name: string): Flow {
  const flow = {
    closed: false,
    native: name,
    close: async () => {
      flow.closed = true;
      log.push(`closed ${name}`);
      return true;
    },
  };
  return flow as unknown as Flow;
}

const passing = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('Flows', () => {
  it('should open another flow where one has died, and tell why', async () => {
    const log: string[] = [];
    const errors: KafkaError[] = [];
    let opened = 0;
    const flows = new Flows(
      async () => {
        opened += 1;
        if (opened === 2) throw new Error('not yet');
        return fakeFlow(log, `flow ${opened}`);
      },
      () => [],
      (error) => errors.push(error),
    );
    await flows.start();
    expect(flows.native).equal('flow 1');
    flows.died(Object.assign(new Error('broker: group authorization failed'), { code: -1 }));
    expect(flows.native).equal(undefined);
    await until(() => flows.native !== undefined, 'another flow');
    expect(flows.native).equal('flow 3');
    expect(errors.map(({ reason, code }) => [reason, code])).deep.equal([
      ['denied', 30],
      ['failed', undefined],
    ]);
    await flows.close();
    expect(log).deep.equal(['closed flow 3']);
  });

  it('should open none after it was closed', async () => {
    const log: string[] = [];
    let opened = 0;
    const flows = new Flows(
      async () => {
        opened += 1;
        await passing(20);
        return fakeFlow(log, `flow ${opened}`);
      },
      () => [],
      () => {},
    );
    const started = flows.start().catch((error: KafkaError) => error.reason);
    await flows.close();
    expect(await started).equal('closed');
    flows.died(new Error('late'));
    await passing(150);
    expect(opened).equal(1);
    expect(log).deep.equal(['closed flow 1']);
  });
});
