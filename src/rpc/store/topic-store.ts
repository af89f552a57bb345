/**
 * A store of answers in a compacted topic: a claim is valid once it is read back as the first of its epoch, so the
 * order of the partition decides between instances. Each instance reads the topic to its end before it takes calls, and
 * follows it. Above: stored-entries.ts. Below: topic-instance.ts.
 */
import { known } from '../../known.js';
import { count, milliseconds, oneOf } from '../options.js';
import type { CallStore } from './call-store.js';
import { TopicInstance, type TopicStoreSettings } from './topic-instance.js';

/** How a topic keeps what calls were answered. */
export interface TopicStoreOptions {
  /** Created where it is missing: compacted, and cut at `retention`. @default the service's name with `.answers` */
  readonly topic?: string;
  /** For a new topic. @default 4 */
  readonly partitions?: number;
  /** Milliseconds that an answer is kept, more than any call may take; then its key may run again. @default 600000 */
  readonly retention?: number;
  /** Milliseconds of silence after which an instance that holds a claim counts as gone. @default 10000 */
  readonly lease?: number;
  /**
   * What becomes of a call whose instance is gone before it kept the answer, so that nobody knows whether it ran:
   * `fail` answers it, and every repeat, with -32000; `run` runs it again. @default 'fail'
   */
  readonly orphans?: 'fail' | 'run';
  /** Calls that an instance knows; at the bound further ones with a key are refused with -32002. @default 100000 */
  readonly maxKnown?: number;
  /** Bytes of their answers; at the bound as `maxKnown`. @default 67108864 */
  readonly maxBytes?: number;
}

const STORE: Readonly<Record<keyof TopicStoreOptions, true>> = {
  topic: true,
  partitions: true,
  retention: true,
  lease: true,
  orphans: true,
  maxKnown: true,
  maxBytes: true,
};

/**
 * Keeps the answers of calls with an `idempotencyKey` in a topic that all instances of the service read: one that an
 * instance has claimed runs on no other, and whoever asks again gets the answer that was given.
 *
 * @example
 * await connection.serve(payments, handlers, { store: topicStore() });
 * await client.call('charge', [order], { idempotencyKey: order.id, retry: { attempts: 3 } });
 */
export function topicStore(options: TopicStoreOptions = {}): CallStore {
  known(options, STORE);
  const settings: TopicStoreSettings = {
    topic: options.topic,
    partitions: count('partitions', options.partitions ?? 4),
    retention: milliseconds('retention', options.retention ?? 600_000),
    lease: milliseconds('lease', options.lease ?? 10_000),
    orphans: oneOf('orphans', options.orphans ?? 'fail', ['fail', 'run']),
    maxKnown: count('maxKnown', options.maxKnown ?? 100_000),
    maxBytes: count('maxBytes', options.maxBytes ?? 67_108_864),
  };
  return { open: (context) => TopicInstance.open(settings, context) };
}
