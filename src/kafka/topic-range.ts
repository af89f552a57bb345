/**
 * From where to where a stream reads: the offsets that `from` and `to` mean for the partitions of a topic at this
 * moment. Asked once for each subscription.
 */
import { type Kafka, KafkaError, type TopicPartitionOffset } from './port.js';
import type { ReadSettings } from './topic-options.js';

export interface Range {
  /** Where each partition begins; for a group, those that don't begin at what `from` names. */
  readonly begin: readonly TopicPartitionOffset[];
  /** For a group without commits. */
  readonly from: 'earliest' | 'latest';
  /** Where each partition ends, by its number; undefined for a live stream. */
  readonly ends: readonly number[] | undefined;
}

/** Rejects with reason `no topic` where there is none. */
export async function rangeOf(kafka: Kafka, topic: string, settings: ReadSettings): Promise<Range> {
  const partitions = await kafka.partitions(topic);
  if (partitions === undefined)
    throw new KafkaError('no topic', `There is no topic ${topic}, or no right to see it`);
  const { from, to, group } = settings;
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const marks =
    group === undefined || to === 'now' ? await Promise.all(all.map((at) => kafka.watermarks(at))) : [];
  const ends =
    to === 'live'
      ? undefined
      : all.map(({ partition }) => (to === 'now' ? (marks[partition]?.high ?? 0) : (to[partition] ?? 0)));
  const fallback = from === 'latest' ? 'latest' : 'earliest';
  if (from instanceof Date)
    return { begin: await kafka.offsetsAt(topic, from.getTime()), from: fallback, ends };
  if (typeof from === 'object') {
    const named = all.filter(({ partition }) => from[partition] !== undefined);
    const begin = (group === undefined ? all : named).map((at) => {
      const low = marks[at.partition]?.low ?? 0;
      return { ...at, offset: Math.max(from[at.partition] ?? low, low) };
    });
    return { begin, from: fallback, ends };
  }
  if (group !== undefined) return { begin: [], from: fallback, ends };
  const begin = all.map((at) => {
    const { low = 0, high = 0 } = marks[at.partition] ?? {};
    return { ...at, offset: from === 'latest' ? high : low };
  });
  return { begin, from: fallback, ends };
}
