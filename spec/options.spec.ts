/** What is no option is refused where it is given: misspelt, it would be as good as absent. */
import { expect } from 'chai';
import { of } from 'rxjs';
import { callBatch, callEach, notifyEach, processEach, topicStore, transact } from '../src/index.js';
import { World } from './topic/harness.js';

/** Whatever its types say. */
const wrong = (options: object): any => options;

describe('options', () => {
  let world: World;

  beforeEach(async () => {
    world = await World.open();
  });
  afterEach(() => world.clock.until(world.connection.close()));

  const topic = () => world.connection.topic('orders');
  const client = () => world.connection.client('s');

  for (const [where, name, make] of [
    ['topic', 'codek', () => world.connection.topic('orders', wrong({ codek: 'raw' }))],
    ['topics', 'codek', () => world.connection.topics(['orders'], wrong({ codek: 'raw' }))],
    ['records$', 'gruop', () => topic().records$(wrong({ gruop: 'g' }))],
    ['records', 'gruop', () => topic().records(wrong({ gruop: 'g' }))],
    ['sink', 'maxInFligth', () => topic().sink(wrong({ maxInFligth: 1 }))],
    ['publishAll', 'ky', () => topic().publishAll([], wrong({ ky: () => 'k' }))],
    ['processEach', 'orderd', () => processEach(() => of(1), wrong({ orderd: false }))],
    ['processEach', 'onError.deadLeter', () => processEach(of, wrong({ onError: { deadLeter: topic() } }))],
    [
      'processEach',
      'onError.retry.atempts',
      () => processEach(of, wrong({ onError: { retry: { atempts: 1 } } })),
    ],
    [
      'transact',
      'batch',
      () => transact(topic().records$({ group: 'g' }), () => [], wrong({ transactionalId: 't', batch: 1 })),
    ],
    ['callEach', 'concurency', () => callEach(client(), 'x', wrong({ concurency: 1 }))],
    ['callBatch', 'size', () => callBatch(client(), 'x', wrong({ size: 1 }))],
    ['notifyEach', 'signal', () => notifyEach(client(), 'x', wrong({ signal: AbortSignal.abort() }))],
    ['topicStore', 'retain', () => topicStore(wrong({ retain: 1 }))],
    ['client', 'timeuot', () => world.connection.client('s', wrong({ timeuot: 1 }))],
  ] as const)
    it(`should refuse ${name} of ${where}, and say which there are`, () => {
      expect(make).throw(TypeError, new RegExp(`^${name}: no such option, there are \\w+, `));
    });

  it('should refuse what is none of create, as a Promise does', async () => {
    const error = await topic()
      .create(wrong({ partitons: 3 }))
      .catch((reason) => reason);
    expect(error).instanceOf(TypeError);
    expect(error.message).equal('partitons: no such option, there are partitions, replicationFactor, config');
  });
});
