/**
 * Commits of one group member, one request at a time: what is asked for meanwhile is merged into the next,
 * so that an answer belongs to its request without doubt. Used by the group member.
 */
import type { NativeError } from './librdkafka-binding.js';
import { toKafkaError } from './librdkafka-error.js';
import { KafkaError, type TopicPartitionOffset } from './port.js';

/** Milliseconds; librdkafka keeps a commit back while it looks for the group's coordinator. */
const ANSWER = 30_000;

interface Request {
  readonly offsets: Map<string, TopicPartitionOffset>;
  readonly settle: ((error?: KafkaError) => void)[];
}

export class Commits {
  readonly #send: (offsets: TopicPartitionOffset[]) => void;
  #asked: Request | undefined;
  #next: Request | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (offsets: TopicPartitionOffset[]) => void) {
    this.#send = send;
  }

  commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#next ??= { offsets: new Map(), settle: [] };
      for (const { topic, partition, offset } of offsets)
        this.#next.offsets.set(`${topic}/${partition}`, { topic, partition, offset });
      this.#next.settle.push((error) => (error ? reject(error) : resolve()));
      if (!this.#asked) this.#ask();
    });
  }

  /** An answer to something else, or one that comes too late, is not for the request under way. */
  answered(error: NativeError | undefined, offsets: readonly TopicPartitionOffset[]): void {
    const asked = this.#asked;
    if (asked?.offsets.size !== offsets.length) return;
    const same = offsets.every(
      ({ topic, partition, offset }) => asked.offsets.get(`${topic}/${partition}`)?.offset === offset,
    );
    if (same) this.#settle(error && toKafkaError(error, 'Committing offsets'));
  }

  /** Ends whatever is under way or waits. */
  fail(error: KafkaError): void {
    const next = this.#next;
    this.#next = undefined;
    this.#settle(error);
    for (const settle of next?.settle ?? []) settle(error);
  }

  #ask(): void {
    const asked = this.#next;
    this.#next = undefined;
    this.#asked = asked;
    if (!asked) return;
    this.#timer = setTimeout(() => {
      this.#settle(new KafkaError('failed', `Committing offsets: no answer within ${ANSWER} ms`));
    }, ANSWER);
    try {
      this.#send([...asked.offsets.values()]);
    } catch (error) {
      this.#settle(toKafkaError(error as NativeError, 'Committing offsets'));
    }
  }

  #settle(error?: KafkaError): void {
    clearTimeout(this.#timer);
    const asked = this.#asked;
    this.#asked = undefined;
    for (const settle of asked?.settle ?? []) settle(error);
    if (!this.#asked) this.#ask();
  }
}
