/** A peer of another kind, in records: what it answers to each that arrives on a topic. */
import type { ConsumerRecord, ProducerRecord } from '../../src/kafka/port.js';
import type { Bench } from './harness.js';

type Answer = Omit<ProducerRecord, 'partition'> & { readonly partition?: number };

/** Answers every record of a topic, partition 0; resolves when it reads. */
export async function answerTo(
  bench: Bench,
  topic: string,
  answer: (record: ConsumerRecord) => Answer | readonly Answer[] | undefined,
): Promise<() => Promise<void>> {
  const kafka = bench.broker.connect();
  const onRecord = (record: ConsumerRecord) => {
    for (const reply of [answer(record) ?? []].flat() as readonly Answer[]) {
      void kafka.send({ partition: 0, ...reply });
    }
  };
  await bench.until(kafka.assign([{ topic, partition: 0, offset: 0 }], { onRecord, onError: () => {} }));
  return () => bench.until(kafka.close());
}

/** The record that came last on a topic. */
export function last(bench: Bench, topic: string): ConsumerRecord {
  const record = bench.broker.records(topic).at(-1);
  if (record === undefined) throw new Error(`nothing on ${topic}`);
  return record;
}

/** Headers by name, as text. */
export const headersOf = (record: ConsumerRecord): Record<string, string> =>
  Object.fromEntries(
    record.headers.flatMap((header) => Object.entries(header).map(([name, value]) => [name, String(value)])),
  );
