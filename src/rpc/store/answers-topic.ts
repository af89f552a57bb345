/**
 * The topic of a store: made where it is missing, read to its end and followed, written to. Above: topic-instance.ts.
 * Below: claims.ts, Kafka.
 */
import { isLeft, right } from 'fp-ts/lib/Either.js';
import { codecs } from '../../jsonrpc/codec.js';
import { partitionOf } from '../../kafka/murmur2.js';
import { type Consumer, type ConsumerRecord, type Kafka, KafkaError } from '../../kafka/port.js';
import { readWord, type Sign, type Word } from './claims.js';

const { msgpack } = codecs;
/** Milliseconds within which what is in the topic must have been read, before calls are taken. */
const READ = 60_000;

interface Listener {
  onWord(word: Word | Sign, timestamp: number, bytes: number): void;
  onError(error: KafkaError): void;
}

export class AnswersTopic {
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #partitions: number;
  #consumer: Consumer | undefined;
  #closed = false;

  /** Resolves when the listener has heard everything that is in the topic now. */
  static async open(
    kafka: Kafka,
    { topic, partitions, retention }: { topic: string; partitions: number; retention: number },
    listener: Listener,
  ): Promise<AnswersTopic> {
    await kafka.createTopic({
      topic,
      partitions,
      config: {
        'cleanup.policy': 'compact,delete',
        'retention.ms': String(retention),
        // Neither compaction nor retention touches the segment that is written to.
        'segment.ms': String(retention),
        'message.timestamp.type': 'CreateTime',
      },
    });
    const opened = new AnswersTopic(kafka, topic, (await kafka.partitions(topic)) ?? partitions);
    try {
      await opened.#follow(listener);
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  private constructor(kafka: Kafka, topic: string, partitions: number) {
    this.#kafka = kafka;
    this.#topic = topic;
    this.#partitions = partitions;
  }

  /**
   * Resolves when Kafka has it. All words on a call share a partition. Compaction leaves each owner's last claim or
   * release of a call, and its answer beside it: nothing written later hides an answer, or another's claim.
   */
  async write(word: Word | Sign): Promise<void> {
    if (this.#closed) throw new KafkaError('closed', 'the store is closed');
    const encoded = msgpack.encode(word);
    if (isLeft(encoded)) throw encoded.left;
    const call = word.call ?? '';
    await this.#kafka.send({
      topic: this.#topic,
      partition: partitionOf(call, this.#partitions),
      key: keyOf(word),
      value: encoded.right,
      headers: [{ 'content-type': msgpack.contentType }],
      timestamp: this.#kafka.clock.now(),
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#consumer?.close();
  }

  async #follow({ onWord, onError }: Listener): Promise<void> {
    const topic = this.#topic;
    const all = Array.from({ length: this.#partitions }, (_, partition) => ({ topic, partition }));
    const marks = await Promise.all(all.map((at) => this.#kafka.watermarks(at)));
    const behind = new Set(all.map(({ partition }) => partition));
    const onRecord = ({ value, timestamp }: ConsumerRecord) => {
      const decoded = value === null ? right(undefined) : msgpack.decode(value);
      const word = isLeft(decoded) ? undefined : readWord(decoded.right);
      if (word !== undefined) onWord(word, timestamp, value?.length ?? 0);
    };
    await new Promise<void>((resolve, reject) => {
      const late = () =>
        reject(new KafkaError('unreachable', `${topic} could not be read within ${READ} ms`));
      const stop = this.#kafka.clock.after(READ, late);
      const end = (settle: () => void) => {
        stop();
        settle();
      };
      const handlers = {
        onRecord,
        onError: (error: KafkaError) => {
          onError(error);
          if (error.reason === 'denied') end(() => reject(error));
        },
        onEnd: ({ partition, offset }: { readonly partition: number; readonly offset: number }) => {
          if (offset >= (marks[partition]?.high ?? 0)) behind.delete(partition);
          if (behind.size === 0) end(resolve);
        },
      };
      this.#kafka
        .assign(
          all.map((at) => ({ ...at, offset: marks[at.partition]?.low ?? 0 })),
          handlers,
        )
        .then(
          (consumer) => {
            this.#consumer = consumer;
            if (this.#closed) void consumer.close();
          },
          (error) => end(() => reject(error)),
        );
    });
  }
}

/** What compaction tells apart. */
export function keyOf(word: Word | Sign): string {
  if (word.call === undefined) return word.owner;
  return `${word.owner} ${word.state === 'answered' ? 'answer' : 'claim'} ${word.call}`;
}
