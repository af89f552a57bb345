/**
 * Topics: how many partitions, where they begin and end, creating one, and whether the cluster is librdkafka's mock.
 * Above it stands librdkafka.ts; it asks through the producer's handle, which creates nothing by asking.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { committedBy, offsetsAt } from './librdkafka-ask.js';
import type { Binding, NativeError, NativeMetadata, NativeProducer } from './librdkafka-binding.js';
import { allMetadata, connect, disconnect, metadata } from './librdkafka-client.js';
import { Code, codeOf, toKafkaError } from './librdkafka-error.js';
import { type Base, commonProperties } from './librdkafka-properties.js';
import { KafkaError, type TopicPartition, type TopicPartitionOffset, type TopicSpec } from './port.js';

/** Milliseconds within which the cluster answers a question, and a new topic becomes usable. */
const ANSWER = 5_000;
const USABLE = 10_000;
const RETRY = 20;

/** A new or moving partition answers so for a moment. */
const PASSING = new Set<number | undefined>([
  Code.unknownPartition,
  Code.unknownTopic,
  Code.leaderNotAvailable,
  Code.notLeader,
]);

export class Topics {
  readonly #binding: Binding;
  readonly #base: Base;
  readonly #handle: NativeProducer;
  readonly #asked = new Map<string, Promise<number | undefined>>();
  #creating: Promise<unknown> = Promise.resolve();

  constructor(binding: Binding, base: Base, handle: NativeProducer) {
    this.#binding = binding;
    this.#base = base;
    this.#handle = handle;
  }

  /** Each question makes the binding leak a topic handle of some 200 bytes, so equal ones at one time share it. */
  partitions(topic: string): Promise<number | undefined> {
    let answer = this.#asked.get(topic);
    if (!answer) {
      answer = metadata(this.#handle, ANSWER, topic)
        .then((found) => partitionCount(found, topic))
        .catch((error) => {
          throw toKafkaError(error, `Looking for the topic ${topic}`);
        })
        .finally(() => this.#asked.delete(topic));
      this.#asked.set(topic, answer);
    }
    return answer;
  }

  async watermarks({ topic, partition }: TopicPartition): Promise<{ low: number; high: number }> {
    for (const end = Date.now() + ANSWER; ; await delay(RETRY)) {
      try {
        return await this.#queryWatermarks(topic, partition);
      } catch (error) {
        const passing = PASSING.has(codeOf(error as NativeError)) && Date.now() < end;
        if (passing && partition < ((await this.partitions(topic)) ?? 0)) continue;
        throw toKafkaError(error as NativeError, `Asking for the offsets of ${topic}/${partition}`);
      }
    }
  }

  async offsetsAt(topic: string, timestamp: number): Promise<TopicPartitionOffset[]> {
    // The mock would answer that nothing is younger than any time.
    if (this.#base.embedded)
      throw new KafkaError('failed', `${topic}: a mock cluster knows no offsets by time`);
    const count = (await this.partitions(topic)) ?? 0;
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
    const found = await offsetsAt(this.#binding, this.#base, partitions, timestamp);
    return Promise.all(
      found.map(async (at) => (at.offset >= 0 ? at : { ...at, offset: (await this.watermarks(at)).high })),
    );
  }

  /** What `isMock` has asked for is none. */
  async names(): Promise<string[]> {
    try {
      const { topics } = await allMetadata(this.#handle, ANSWER);
      const found = topics.filter(({ partitions }) => partitions.length > 0).map(({ name }) => name);
      return found.filter((name) => !name.startsWith('__') && name !== IMPOSSIBLE_TOPIC).sort();
    } catch (error) {
      throw toKafkaError(error as NativeError, 'Asking for the topics');
    }
  }

  async committed(group: string, topic: string): Promise<TopicPartitionOffset[]> {
    const count = (await this.partitions(topic)) ?? 0;
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
    const found = await committedBy(this.#binding, this.#base, group, partitions);
    return found.filter(({ offset }) => offset >= 0);
  }

  /** One creation at a time: each holds one of libuv's threads. */
  create(spec: TopicSpec): Promise<'created' | 'exists'> {
    const created = this.#creating.then(() => this.#create(spec));
    this.#creating = created.catch(() => {});
    return created;
  }

  async #create(spec: TopicSpec): Promise<'created' | 'exists'> {
    const { topic } = spec;
    if ((await this.partitions(topic)) !== undefined) return 'exists';
    const made = this.#base.embedded ? await this.#createByAsking(topic) : await this.#createByAdmin(spec);
    await this.#usable(topic);
    return made;
  }

  async #createByAdmin(spec: TopicSpec): Promise<'created' | 'exists'> {
    const { topic, partitions, replicationFactor = -1, config = {} } = spec;
    const admin = this.#binding.AdminClient.create(commonProperties(this.#base));
    try {
      const native = { topic, num_partitions: partitions, replication_factor: replicationFactor, config };
      await new Promise<void>((resolve, reject) => {
        admin.createTopic(native, USABLE, (error) => (error ? reject(error) : resolve()));
      });
      return 'created';
    } catch (error) {
      const code = codeOf(error as NativeError);
      if (code === Code.topicExists) return 'exists';
      if (code === Code.topicDenied || code === Code.clusterDenied) {
        if ((await this.partitions(topic)) !== undefined) return 'exists';
        const text = `The topic ${topic} isn't there, and creating it needs the right Create on it (or on the cluster)`;
        throw new KafkaError('denied', text, { code });
      }
      throw toKafkaError(error as NativeError, `Creating the topic ${topic}`);
    } finally {
      // Takes about 1 ms. It waits for a creation under way, so never earlier.
      admin.disconnect();
    }
  }

  /** The mock cluster never answers CreateTopics: a topic comes to be there when one asks for it and means it. */
  async #createByAsking(topic: string): Promise<'created'> {
    await asking(this.#binding, this.#base, ANSWER, (handle) => metadata(handle, ANSWER, topic)).catch(
      (error) => {
        throw toKafkaError(error, `Creating the topic ${topic}`);
      },
    );
    return 'created';
  }

  /** Metadata of a new topic arrives late, and its partitions have no leader at first. */
  async #usable(topic: string): Promise<void> {
    for (const end = Date.now() + USABLE; Date.now() < end; await delay(RETRY)) {
      const count = await this.partitions(topic);
      if (count === undefined) continue;
      const each = Array.from({ length: count }, (_, partition) => this.watermarks({ topic, partition }));
      await Promise.all(each);
      return;
    }
    throw new KafkaError('failed', `The new topic ${topic} didn't appear within ${USABLE} ms`);
  }

  #queryWatermarks(topic: string, partition: number): Promise<{ low: number; high: number }> {
    return new Promise((resolve, reject) => {
      this.#handle.queryWatermarkOffsets(topic, partition, ANSWER, (error, offsets) => {
        if (error) reject(error);
        else resolve({ low: offsets.lowOffset, high: offsets.highOffset });
      });
    });
  }
}

/** No Kafka takes this name for a topic; the mock cluster makes a topic of whatever it is asked for. */
const IMPOSSIBLE_TOPIC = 'callstream: is this a mock cluster?';

/**
 * Whether the brokers are librdkafka's mock. It listens on the loopback address only and has no security,
 * so real clusters are hardly ever asked; one that is refuses the name and keeps nothing.
 */
export async function isMock(binding: Binding, base: Base, found: NativeMetadata): Promise<boolean> {
  if (found.brokers.some(({ host }) => host !== '127.0.0.1')) return false;
  if (![undefined, 'plaintext'].includes(base.user.global['security.protocol'] as undefined)) return false;
  const answer = await asking(binding, base, ANSWER, (handle) => metadata(handle, ANSWER, IMPOSSIBLE_TOPIC));
  return partitionCount(answer, IMPOSSIBLE_TOPIC) !== undefined;
}

/** Runs a question on a handle of its own that may create topics by asking. */
async function asking<T>(
  binding: Binding,
  base: Base,
  timeout: number,
  question: (handle: NativeProducer) => Promise<T>,
): Promise<T> {
  const handle = new binding.Producer({
    ...commonProperties(base),
    'allow.auto.create.topics': true,
  } as never);
  await connect(handle, timeout);
  try {
    return await question(handle);
  } finally {
    await disconnect(handle);
  }
}

function partitionCount(found: NativeMetadata, topic: string): number | undefined {
  const count = found.topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
  return count === 0 ? undefined : count;
}
