/**
 * One flow after another: opens a new one, with growing delays, where a consuming thread has died of an error.
 * The reader and the group member stand on it.
 */
import type { NativeConsumer, NativeError } from './librdkafka-binding.js';
import type { Source } from './librdkafka-delivery.js';
import { toKafkaError } from './librdkafka-error.js';
import type { Flow } from './librdkafka-flow.js';
import { KafkaError, type TopicPartition, type TopicPartitionOffset } from './port.js';

/** Milliseconds before a dead flow is replaced, doubled by each attempt that fails. */
const RESTART = 100;
const MAX_RESTART = 5_000;

/** Milliseconds for which waking the fetching threads may hold one of libuv's. */
const WAKE = 250;

export class Flows implements Source {
  readonly #open: () => Promise<Flow>;
  readonly #assigned: () => readonly TopicPartition[];
  readonly #onDeath: (error: KafkaError) => void;
  #current: Flow | undefined;
  #opening: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;
  #closed = false;

  /**
   * `open` resolves with a flow that reads, `assigned` tells what it reads: librdkafka would have to ask its main
   * thread. `onDeath` is told of each that died and each that didn't open again.
   */
  constructor(
    open: () => Promise<Flow>,
    assigned: () => readonly TopicPartition[],
    onDeath: (error: KafkaError) => void,
  ) {
    this.#open = open;
    this.#assigned = assigned;
    this.#onDeath = onDeath;
  }

  get current(): Flow | undefined {
    return this.#current;
  }

  /** The native consumer, while there is one. */
  get native(): NativeConsumer | undefined {
    return this.#current?.closed === false ? this.#current.native : undefined;
  }

  /** Opens the first flow; rejects where that fails. */
  start(): Promise<void> {
    this.#opening = this.#start();
    return this.#opening;
  }

  /** A flow tells of its death. */
  readonly died = (error: NativeError | Error): void => {
    if (this.#closed) return;
    this.#current = undefined;
    const reason = toKafkaError(error, 'The consumer stopped');
    this.#onDeath(reason);
    // Opened again, it would fence in its turn whoever has taken its place.
    if (this.#closed || reason.reason === 'fenced') return;
    const delay = Math.min(RESTART * 2 ** this.#attempts, MAX_RESTART);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.start().catch(this.died), delay);
  };

  /** A record came: the next death begins with the shortest delay again. */
  alive(): void {
    this.#attempts = 0;
  }

  hold(pause: boolean): void {
    attempt(() => {
      const native = this.native;
      if (!native) return;
      const assigned = [...this.#assigned()];
      if (pause) native.pause(assigned);
      else {
        native.resume(assigned);
        // A resume doesn't wake the threads that fetch, which look again within a second; a request to the leaders
        // does. The callback keeps the handle from the garbage collector (see disconnect).
        const now = assigned.map(({ topic, partition }) => ({ topic, partition, offset: Date.now() }));
        native.offsetsForTimes(now, WAKE, () => native);
      }
    });
  }

  positions(of: readonly TopicPartition[]): readonly TopicPartitionOffset[] {
    let positions: TopicPartitionOffset[] = [];
    attempt(() => {
      // Without a list the binding asks librdkafka's main thread for the assignment, and waits for it.
      positions = this.native?.position([...of]) ?? [];
    });
    return positions;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#opening?.catch(() => {});
    await this.#current?.close();
  }

  async #start(): Promise<void> {
    const flow = await this.#open();
    if (this.#closed) {
      await flow.close();
      throw new KafkaError('closed', 'The consumer was closed while it opened');
    }
    this.#current = flow;
  }
}

/** For calls on a native consumer that may be going away at this moment. */
export function attempt(work: () => unknown): void {
  try {
    work();
  } catch {
    // It is gone, and with it what was to be changed.
  }
}
