/**
 * The librdkafka properties of each handle: what callstream needs for its promises and its latency, with the
 * user's own on top, checked by name when a connection opens. Values never reach an error or a log: many are secrets.
 */
import type { Binding, Properties } from './librdkafka-binding.js';
import { type GroupOptions, type Isolation, KafkaError, type TransactionalOptions } from './port.js';

export type UserProperties = Readonly<Record<string, string | number | boolean>>;

/** What callstream's promises rest on, so that nobody else may set it. */
const RESERVED = new Map([
  ['bootstrap.servers', 'give the brokers as `brokers`'],
  ['metadata.broker.list', 'give the brokers as `brokers`'],
  ['client.id', 'give it as `clientId`'],
  ['plugin.library.paths', 'libraries are not loaded by configuration'],
  ...[
    'group.id',
    'group.protocol',
    'group.instance.id',
    'enable.auto.commit',
    'enable.auto.offset.store',
    'enable.partition.eof',
    'allow.auto.create.topics',
    'auto.offset.reset',
    'partition.assignment.strategy',
    'transactional.id',
    'test.mock.num.brokers',
    'test.mock.broker.rtt',
    'default_topic_conf',
    'opaque',
    'event_cb',
  ].map((name) => [name, 'callstream sets it itself'] as const),
]);

/** Room that a record's own framing and its batch's take in `message.max.bytes`. */
const FRAMING = 512;

/** The user's properties, checked once and sorted into librdkafka's two tables. */
export function checkProperties(binding: Binding, given: UserProperties): Properties {
  const checked: Properties = { global: {}, topic: {} };
  for (const [name, value] of Object.entries(given)) {
    const why = name.endsWith('_cb') ? 'callbacks are callstream’s own' : RESERVED.get(name);
    if (why !== undefined)
      throw new KafkaError('failed', `The librdkafka property ${name} can't be set: ${why}.`);
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw new KafkaError(
        'failed',
        `The librdkafka property ${name} takes a string, a number or a boolean.`,
      );
    // A topic's property in the global table is lost, because the binding then sets a default topic configuration.
    const topic = trial(() => new binding.Producer({}, { [name]: value }));
    const global = topic === 'unknown' ? trial(() => new binding.Producer({ [name]: value })) : topic;
    if (global === 'unknown') throw new KafkaError('failed', `There is no librdkafka property ${name}.`);
    if (global === 'invalid')
      throw new KafkaError(
        'failed',
        `The value of the librdkafka property ${name} is not one that it accepts.`,
      );
    (topic === 'unknown' ? checked.global : checked.topic)[name] = value;
  }
  return checked;
}

function trial(create: () => unknown): 'ok' | 'unknown' | 'invalid' {
  try {
    create();
    return 'ok';
  } catch (error) {
    // librdkafka's own message would quote the value.
    return (error as Error).message.startsWith('No such configuration property') ? 'unknown' : 'invalid';
  }
}

/** Milliseconds between a member's heartbeats, by whose answers it learns that the group is changing. */
const HEARTBEAT = 500;

/** What all handles of a connection share. */
export interface Base {
  readonly brokers: string;
  readonly clientId: string;
  readonly user: Properties;
  /** A mock cluster, whose fetches no produce wakes. */
  readonly embedded: boolean;
}

export function maxRecordBytes(user: Properties): number {
  return Number(user.global['message.max.bytes'] ?? 1_000_000) - FRAMING;
}

export function commonProperties({ brokers, clientId, user }: Base): Record<string, unknown> {
  return {
    'client.id': clientId,
    'socket.nagle.disable': true,
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 1_000,
    'log.connection.close': false,
    ...user.global,
    'bootstrap.servers': brokers,
  };
}

export function producerProperties(base: Base): Properties {
  return {
    global: {
      // Off by default; without it a retried record can overtake its successor.
      'enable.idempotence': true,
      'linger.ms': 0,
      'message.timeout.ms': 120_000,
      // How long a send to an unknown topic waits for it to appear; librdkafka's own is 30 s.
      'topic.metadata.propagation.max.ms': 5_000,
      'sticky.partitioning.linger.ms': 0,
      ...commonProperties(base),
      'allow.auto.create.topics': false,
    },
    topic: { partitioner: 'murmur2_random', ...base.user.topic },
  };
}

/** As another producer's, whose records are given up no later than their transaction. */
export function transactionalBase(base: Base, { id, timeout }: TransactionalOptions): Base {
  return {
    ...base,
    user: {
      global: { ...base.user.global, 'transactional.id': id, 'transaction.timeout.ms': timeout },
      topic: { ...base.user.topic, 'message.timeout.ms': timeout },
    },
  };
}

export interface ConsumerPlan extends Pick<GroupOptions, 'assignor' | 'protocol' | 'groupInstanceId'> {
  readonly group: string;
  readonly from: 'earliest' | 'latest';
  readonly sessionTimeout?: number;
  readonly isolation?: Isolation | undefined;
  /** Whether the ends of partitions are told. */
  readonly ends?: boolean;
}

export function consumerProperties(base: Base, plan: ConsumerPlan): Properties {
  const largest = Number(base.user.global['message.max.bytes'] ?? 0);
  return {
    global: {
      'fetch.min.bytes': 1,
      // A real broker answers a waiting fetch as soon as there is a record; the mock cluster only when the wait ends.
      'fetch.wait.max.ms': base.embedded ? 5 : 500,
      'fetch.error.backoff.ms': 50,
      'fetch.queue.backoff.ms': 20,
      // Prefetched records of a partition and bytes of all, over which fetching waits, and bytes of a partition that one
      // fetch brings. The consuming thread takes what is prefetched far faster than the event loop delivers it, so this
      // is what one turn may have to deliver, and what a pause throws away to be fetched again.
      'queued.min.messages': 2_000,
      'queued.max.messages.kbytes': 16_384,
      'fetch.message.max.bytes': 262_144,
      'fetch.max.bytes': Math.max(16_777_216, largest),
      ...(plan.sessionTimeout === undefined || plan.protocol === 'consumer'
        ? {}
        : {
            'session.timeout.ms': plan.sessionTimeout,
            'heartbeat.interval.ms': Math.max(100, Math.min(HEARTBEAT, Math.floor(plan.sessionTimeout / 3))),
          }),
      ...commonProperties(base),
      ...(plan.isolation === undefined ? {} : { 'isolation.level': plan.isolation }),
      'group.id': plan.group,
      'enable.auto.commit': false,
      'enable.auto.offset.store': false,
      'enable.partition.eof': plan.ends ?? false,
      'allow.auto.create.topics': false,
      ...(plan.groupInstanceId === undefined ? {} : { 'group.instance.id': plan.groupInstanceId }),
      // The new protocol's assignor is the broker's, and librdkafka refuses the property with it.
      ...(plan.protocol === 'consumer'
        ? { 'group.protocol': 'consumer' }
        : {
            'partition.assignment.strategy':
              plan.assignor === 'cooperative' ? 'cooperative-sticky' : 'range,roundrobin',
          }),
    },
    topic: { ...base.user.topic, 'auto.offset.reset': plan.from },
  };
}
