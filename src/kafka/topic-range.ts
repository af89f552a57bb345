/**
 * From where to where a stream reads: the offsets that `from` and `to` mean for the partitions of its topics at this
 * moment. Asked once for each subscription.
 */
import { PartitionMap } from './partition-map.js';
import { type Kafka, KafkaError, type TopicPartition, type TopicPartitionOffset } from './port.js';
import type { ReadSettings } from './topic-options.js';

export interface Range {
  /** Where each partition begins; for a group, those that don't begin at what `from` names. */
  readonly begin: readonly TopicPartitionOffset[];
  /** For a group without commits. */
  readonly from: 'earliest' | 'latest';
  /** Where each partition ends; undefined for a live stream. */
  readonly ends: PartitionMap<number> | undefined;
}

interface Marks extends TopicPartition {
  readonly low: number;
  readonly high: number;
}

/** Rejects with reason `no topic` where one isn't there. */
export async function rangeOf(
  kafka: Kafka,
  topics: readonly string[],
  settings: ReadSettings,
): Promise<Range> {
  const { from, to, group } = settings;
  const all = await partitionsOf(kafka, topics);
  const asked = group === undefined || to === 'now';
  const marks: readonly Marks[] = asked
    ? await Promise.all(all.map(async (at) => ({ ...at, ...(await kafka.watermarks(at)) })))
    : all.map((at) => ({ ...at, low: 0, high: 0 }));
  const ends = to === 'live' ? undefined : new PartitionMap<number>();
  for (const { topic, partition, high } of marks) {
    const end = to === 'now' ? high : to === 'live' ? undefined : to.get(topic)?.[partition];
    if (end !== undefined) ends?.set({ topic, partition }, end);
  }
  return { begin: await beginOf(kafka, topics, marks, settings), from: newest(from), ends };
}

const newest = (from: ReadSettings['from']) => (from === 'latest' ? 'latest' : 'earliest');

async function beginOf(
  kafka: Kafka,
  topics: readonly string[],
  marks: readonly Marks[],
  { from, group }: ReadSettings,
): Promise<TopicPartitionOffset[]> {
  if (from instanceof Date) {
    const begin: TopicPartitionOffset[] = [];
    // One after the other: each question opens a consumer.
    for (const topic of topics) begin.push(...(await kafka.offsetsAt(topic, from.getTime())));
    return begin;
  }
  const named = typeof from === 'object' ? from : undefined;
  if (group !== undefined && named === undefined) return [];
  return marks.flatMap(({ topic, partition, low, high }) => {
    const offset = named?.get(topic)?.[partition];
    if (group !== undefined && offset === undefined) return [];
    return { topic, partition, offset: from === 'latest' ? high : Math.max(offset ?? low, low) };
  });
}

/** All partitions of topics; rejects with reason `no topic` where one isn't there. */
export async function partitionsOf(kafka: Kafka, topics: readonly string[]): Promise<TopicPartition[]> {
  const each = topics.map(async (topic) => {
    const count = await kafka.partitions(topic);
    if (count === undefined)
      throw new KafkaError('no topic', `There is no topic ${topic}, or no right to see it`);
    return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
  });
  return (await Promise.all(each)).flat();
}
