/** From where to where `callstream tail` reads, and which partitions. */
import { filter, type Observable } from 'rxjs';
import type { Connection, ReadOptions, TopicRecord } from '../../index.js';
import { UsageError } from '../usage-error.js';

export interface RangeOptions {
  readonly since?: Date | 'earliest';
  readonly until?: 'now';
  readonly partition?: number;
}

export async function recordsOf(
  connection: Connection,
  name: string,
  { since, until, partition }: RangeOptions,
): Promise<Observable<TopicRecord<Buffer, Buffer>>> {
  const topic = connection.topic(name, { codec: 'raw' });
  const begin = since ?? (until === 'now' ? 'earliest' : 'latest');
  // The embedded cluster can't look a time up.
  const from = begin instanceof Date && connection.embedded ? 'earliest' : begin;
  const to = partition === undefined ? (until ?? 'live') : await end(topic, partition, until);
  const records$ = topic.records$({ from, to });
  if (!(begin instanceof Date)) return records$;
  return records$.pipe(filter(({ timestamp }) => timestamp >= begin.getTime()));
}

/** Partitions that aren't named here are not read. */
async function end(
  topic: { readonly name: string; positions(): Promise<readonly { readonly high: number }[]> },
  partition: number,
  until: 'now' | undefined,
): Promise<ReadOptions['to']> {
  const positions = await topic.positions();
  const found = positions[partition];
  if (found === undefined)
    throw new UsageError(`--partition ${partition}: ${topic.name} has ${positions.length}, from 0`);
  return { [partition]: until === 'now' ? found.high : Number.MAX_SAFE_INTEGER };
}
