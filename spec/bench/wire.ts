/**
 * Bytes that one call takes, counted in a pass of its own that isn't timed. Over Kafka: keys, values and
 * headers of the records that the calls wrote, requests and replies, read back from their topics (the
 * framing of Kafka's batches comes on top). Over TCP: what passed a relay before the server, both ways.
 */
import type { Contender } from './contender.js';
import { contenderOf } from './contenders.js';
import { measure } from './measure.js';
import { type Pair, Worker } from './processes.js';
import { endOf, openConsumer, type Raw } from './raw-kafka.js';
import { startRelay } from './relay.js';

export interface Wire {
  readonly inFlight: number;
  readonly bytesPerCall: number;
  /** Records of the requests and the replies together; a call without coalescing makes 2. */
  readonly recordsPerCall?: number;
}

const MILLISECONDS = 300;
const LOADS = [1, 1_000];

export async function measureWire(pair: Pair, brokers: string, address: string): Promise<Wire[]> {
  const { topics } = (await contenderOf(pair.name).load()) as Contender;
  const wires: Wire[] = [];
  for (const inFlight of LOADS) {
    wires.push(
      topics === undefined
        ? await throughRelay(pair, address, inFlight)
        : await inTopics(pair, brokers, topics, inFlight),
    );
  }
  return wires;
}

async function throughRelay(pair: Pair, address: string, inFlight: number): Promise<Wire> {
  const relay = await startRelay(address);
  const client = await Worker.start('call', pair.name, relay.address);
  try {
    const before = relay.bytes;
    const { calls } = await measure({ ...pair, client }, inFlight, MILLISECONDS);
    return { inFlight, bytesPerCall: (relay.bytes - before) / calls };
  } finally {
    await client.stop();
    relay.stop();
  }
}

async function inTopics(
  pair: Pair,
  brokers: string,
  topics: readonly string[],
  inFlight: number,
): Promise<Wire> {
  const consumer = await openConsumer(brokers);
  const partitions = await Promise.all(topics.map((topic) => partitionsOf(consumer, topic)));
  const all = partitions.flat();
  const ends = () => Promise.all(all.map(({ topic, partition }) => endOf(consumer, topic, partition)));
  const from = await ends();
  const { calls } = await measure(pair, inFlight, MILLISECONDS);
  const to = await ends();
  const expected = to.reduce((sum, end, index) => sum + end - (from[index] ?? 0), 0);
  const bytes = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the records could not be read back')), 30_000);
    let records = 0;
    let sum = 0;
    consumer.assign(all.map((at, index) => ({ ...at, offset: from[index] ?? 0 })));
    consumer.consume((error, record) => {
      if (error) return;
      records += 1;
      sum += sizeOf(record as unknown as Raw);
      if (records < expected) return;
      clearTimeout(timer);
      resolve(sum);
    });
  });
  consumer.unassign();
  consumer.disconnect();
  return { inFlight, bytesPerCall: bytes / calls, recordsPerCall: expected / calls };
}

type Consumer = Awaited<ReturnType<typeof openConsumer>>;

function partitionsOf(consumer: Consumer, topic: string): Promise<{ topic: string; partition: number }[]> {
  return new Promise((resolve, reject) => {
    consumer.getMetadata({ topic, timeout: 10_000 }, (error, { topics }) => {
      if (error) reject(error);
      else {
        const found = topics.find(({ name }) => name === topic)?.partitions ?? [];
        resolve(found.map(({ id }) => ({ topic, partition: id })));
      }
    });
  });
}

function sizeOf({ key, value, headers }: Raw): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers ?? []) {
    for (const name in header) bytes += name.length + (header[name]?.length ?? 0);
  }
  return bytes;
}
