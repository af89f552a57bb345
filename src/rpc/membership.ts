/**
 * A server's place in its consumer group: taken, handed over with what is done committed, left, and taken anew where
 * the topic was gone. Above: server.ts. Below: Kafka's consumer.
 */
import type { ConsumerRecord, GroupOptions, Kafka, KafkaError } from '../kafka/port.js';
import type { Commits } from './commits.js';

/** Milliseconds that the commit at a hand-over has, behind the time for what is open. */
const COMMIT_TIME = 500;

export interface MembershipHandlers {
  onRecord(record: ConsumerRecord): void;
  onError(error: KafkaError): void;
  /** Whether a hand-over waits for what is open. */
  waits(): boolean;
}

export class Membership {
  readonly #kafka: Kafka;
  readonly #options: GroupOptions & { readonly revokeTimeout: number };
  readonly #commits: Commits;
  readonly #handlers: MembershipHandlers;
  #rejoining = false;
  #left = false;

  /** `revokeTimeout` of the options is the time for what is open. */
  constructor(
    kafka: Kafka,
    options: GroupOptions & { readonly revokeTimeout: number },
    commits: Commits,
    handlers: MembershipHandlers,
  ) {
    this.#kafka = kafka;
    this.#options = options;
    this.#commits = commits;
    this.#handlers = handlers;
  }

  /** Resolves when it has its partitions. */
  async join(): Promise<void> {
    const { onRecord, onError, waits } = this.#handlers;
    const { revokeTimeout } = this.#options;
    const { offsets } = this.#commits;
    this.#commits.consumer = await this.#kafka.subscribe(
      { ...this.#options, revokeTimeout: revokeTimeout + COMMIT_TIME },
      {
        onRecord,
        onError,
        onAssigned: (partitions) => offsets.assign(partitions),
        onRevoked: async (partitions, lost) => {
          const end = offsets.handOver(partitions);
          if (!lost) {
            if (waits()) await this.#commits.idle(revokeTimeout, partitions);
            await this.#commits.flush();
          }
          end();
        },
      },
    );
  }

  /** librdkafka's member stays without the partitions of a topic that is made again after it joined. */
  async rejoin(): Promise<void> {
    if (this.#rejoining || this.#left) return;
    this.#rejoining = true;
    try {
      await this.#commits.consumer?.close();
      if (!this.#left) await this.join();
      if (this.#left) await this.#commits.consumer?.close();
    } catch (error) {
      this.#handlers.onError(error as KafkaError);
    }
    this.#rejoining = false;
  }

  /** What was not done is another instance's. */
  async leave(): Promise<void> {
    this.#left = true;
    await this.#commits.leave(this.#kafka);
  }
}
