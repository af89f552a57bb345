/**
 * What happens around a topic's streams beyond their records: rebalances, lag, ends, errors, records that
 * don't decode. Told by reading and by the sink, on the topic's `events$`.
 */
import type { ConsumerRecord, KafkaError, TopicPartition } from './port.js';

/** Something that happened to one of a topic's streams. `group` is undefined for streams without one. */
export type TopicEvent =
  | {
      readonly type: 'assigned';
      readonly group: string;
      readonly partitions: readonly TopicPartition[];
    }
  | {
      readonly type: 'revoked';
      readonly group: string;
      readonly partitions: readonly TopicPartition[];
      /** The group had given them away before: nothing could be committed any more. */
      readonly lost: boolean;
      /** Records that were not acked in time and that somebody else will get again. */
      readonly unfinished: number;
    }
  | {
      readonly type: 'lag';
      readonly group: string | undefined;
      readonly topic: string;
      readonly partition: number;
      /** Records between what was emitted and the end. */
      readonly lag: number;
    }
  | {
      readonly type: 'end';
      readonly group: string | undefined;
      readonly topic: string;
      readonly partition: number;
      /** Where the next record will be. */
      readonly offset: number;
    }
  | {
      readonly type: 'invalid';
      readonly group: string | undefined;
      readonly record: ConsumerRecord;
      /** What is wrong with it. */
      readonly reason: string;
    }
  | {
      readonly type: 'error';
      readonly group: string | undefined;
      /** Reading recovers from it by itself; what ends a stream is the stream's own error. */
      readonly error: KafkaError;
    };

/** A record that its topic's codec or type refuses: how a stream with `onInvalid: 'stop'` ends. */
export class InvalidRecordError extends Error {
  override readonly name = 'InvalidRecordError';
  /** As it was read. */
  readonly record: ConsumerRecord;

  constructor(record: ConsumerRecord, reason: string) {
    super(`${nameOf(record)}: ${reason}`);
    this.record = record;
  }
}

/** As `orders/3@17`. */
export const nameOf = ({ topic, partition, offset }: ConsumerRecord): string =>
  `${topic}/${partition}@${offset}`;
