/** How records are transacted: the options, their defaults, and their checks at the edge. */

import type { TopicPartitionOffset } from '../kafka/port.js';
import type { Topic } from '../kafka/topic-api.js';
import { count, type ReadSettings, wrong } from '../kafka/topic-options.js';
import { known } from '../known.js';
import { type ProcessRetry, policyOf } from './process-each.js';

/** What becomes of a transaction in which the work on a record fails, or Kafka refuses its outputs. */
export type OnTransactError =
  | 'stop'
  | {
      /** It is aborted, and all its records are worked on again. @default attempts 3, delay 100, maxDelay 10000 */
      readonly retry?: ProcessRetry;
      /**
       * The topic that takes the record once its tries are used up, in the transaction of the others, as it was read,
       * with the error's message. @default none: the stream ends with the error
       */
      readonly deadLetter?: Topic<any, any>;
    };

/** How records are transacted. */
export interface TransactOptions {
  /**
   * Kafka's `transactional.id`: a name of this instance alone, best one that it has again after a restart, as
   * `billing-1` and `billing-2` with two instances. Then a restarted instance aborts at once what it has left open; with
   * another name at each start readers wait for `transactionTimeout`. Opening it anew fences who has it.
   */
  readonly transactionalId: string;
  /** Records in one transaction, at most. @default 1000 */
  readonly maxBatch?: number;
  /** Milliseconds after its first record in which a transaction takes more. @default 100 */
  readonly maxWait?: number;
  /** Records worked on at once; their outputs are written in the order of the records. @default 64 */
  readonly concurrency?: number;
  /**
   * Milliseconds that a transaction may take: the work on its records has 80% of them, then it fails. After a crash
   * readers of committed records wait that long, and up to 10 s more, unless the id is opened again. The broker's
   * `transaction.max.timeout.ms`, 15 minutes by default, bounds it. @default 30000
   */
  readonly transactionTimeout?: number;
  /** Failures of Kafka are tried again without an end, after the same delays. @default { retry: {} } */
  readonly onError?: OnTransactError;
}

/** A transaction that was committed. */
export interface Transaction {
  /** Records that it has consumed. */
  readonly records: number;
  /** Records that it has written. */
  readonly produced: number;
  /** Where the group stands now: the next record of each partition that it has read from. */
  readonly offsets: readonly TopicPartitionOffset[];
}

/** Every option decided. */
export interface TransactSettings extends Required<Omit<TransactOptions, 'onError'>> {
  readonly policy: {
    readonly attempts: number;
    readonly delay: number;
    readonly maxDelay: number;
    readonly deadLetter: Topic<any, any> | undefined;
  };
  /** The topic for records that don't decode. */
  readonly invalidTo: string | undefined;
}

const TRANSACT: Readonly<Record<keyof TransactOptions, true>> = {
  transactionalId: true,
  maxBatch: true,
  maxWait: true,
  concurrency: true,
  transactionTimeout: true,
  onError: true,
};
const MAX_TIMER = 2_147_483_647;
const STOP = { attempts: 0, delay: 100, maxDelay: 10_000, deadLetter: undefined };

/** Throws a TypeError that names the field and what it accepts. */
export function transactSettings(options: TransactOptions, reading: ReadSettings): TransactSettings {
  known(options ?? {}, TRANSACT);
  const { transactionalId, onError = { retry: {} } } = options ?? {};
  if (typeof transactionalId !== 'string' || transactionalId === '')
    throw wrong('transactionalId', 'a name that this instance has alone', transactionalId);
  if (reading.group === undefined)
    throw new TypeError('records$: transact needs one with a group, whose offsets it commits');
  if (reading.isolation === 'read_uncommitted')
    throw new TypeError(
      "isolation: transact reads 'read_committed', or its group's offsets could be repeated",
    );
  const policy = decided(onError);
  const letters = policy.deadLetter as Partial<Topic<any>> | undefined;
  if (letters !== undefined && typeof letters.name !== 'string')
    throw wrong('onError.deadLetter', 'a topic', letters);
  const invalid = reading.deadLetter as Partial<Topic<any>> | undefined;
  if (invalid !== undefined && typeof invalid.name !== 'string')
    throw wrong('deadLetter', 'a topic', invalid);
  return {
    transactionalId,
    maxBatch: count('maxBatch', options.maxBatch ?? 1_000),
    maxWait: count('maxWait', options.maxWait ?? 100, MAX_TIMER),
    concurrency: count('concurrency', options.concurrency ?? 64),
    transactionTimeout: count('transactionTimeout', options.transactionTimeout ?? 30_000, MAX_TIMER),
    policy,
    invalidTo: invalid?.name,
  };
}

function decided(onError: OnTransactError): TransactSettings['policy'] {
  if (onError === 'stop') return STOP;
  if (typeof onError !== 'object' || onError === null)
    throw wrong('onError', "'stop' or { retry, deadLetter }", onError);
  return { ...policyOf({ retry: {}, ...onError }), deadLetter: onError.deadLetter };
}
