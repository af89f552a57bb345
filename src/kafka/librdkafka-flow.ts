/**
 * One native consumer that flows: librdkafka's records come from a thread of its own, so that any number of
 * consumers leave libuv's four threads alone (a waiting poll would hold one each). Above it stand the reader and
 * the group member, which open another flow where one has died.
 */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type {
  Binding,
  NativeConsumer,
  NativeError,
  NativeMessage,
  Properties,
} from './librdkafka-binding.js';
import { connect, disconnect } from './librdkafka-client.js';
import { Code, codeOf } from './librdkafka-error.js';
import type { TopicPartition, TopicPartitionOffset } from './port.js';

/**
 * Milliseconds that the consuming thread waits for a record at a time. The native disconnect joins that thread on
 * the event loop and so blocks it for up to as long; each end of a wait costs some 10 µs of an idle consumer.
 */
const CONSUME_WAIT = 10;

/** Milliseconds between heartbeats, and how many may be missed: on a busy machine an answer has taken over a second. */
const HEARTBEAT = 500;
const MISSED = 8;

/** Milliseconds that a close waits for the consuming thread's last word. */
const DRAIN = 1_000;

let disconnects: Promise<void> = Promise.resolve();

export interface FlowHandlers {
  onMessage(message: NativeMessage): void;
  /** A partition has no more; only where librdkafka is told to tell. */
  onEnd?(at: TopicPartitionOffset): void;
  /** An error that the thread survives. */
  onWarning(error: NativeError): void;
  /** The thread ended by itself; the flow is closed by the time this is called. */
  onDeath(error: NativeError | Error): void;
  onRebalance?(code: number | undefined, partitions: TopicPartition[]): void;
  onCommit?(error: NativeError | undefined, offsets: TopicPartitionOffset[]): void;
}

export class Flow {
  readonly native: NativeConsumer;
  readonly #handlers: FlowHandlers;
  #heartbeat: NodeJS.Timeout | undefined;
  #missed = 0;
  #pings: ((code: number | undefined) => void)[] = [];
  #death: NativeError | undefined;
  /** What other threads do with the native consumer. */
  #used: Promise<unknown> = Promise.resolve();
  #closed: Promise<boolean> | undefined;

  constructor(binding: Binding, { global, topic }: Properties, handlers: FlowHandlers) {
    this.#handlers = handlers;
    const callbacks = {
      offset_commit_cb: (error: NativeError | undefined, offsets: TopicPartitionOffset[]) =>
        this.#answered(error, offsets),
      ...(handlers.onRebalance && {
        rebalance_cb: (error: NativeError | undefined, partitions: TopicPartition[]) =>
          handlers.onRebalance?.(error?.code, partitions),
      }),
    };
    this.native = new binding.KafkaConsumer({ ...global, ...callbacks } as never, topic);
    // The binding waits 500 ms after each consume timeout unless told otherwise.
    this.native.setDefaultConsumeLoopTimeoutDelay(0);
    this.native.setDefaultConsumeTimeout(CONSUME_WAIT);
    this.native.on('warning' as never, ((error: NativeError) => handlers.onWarning(error)) as never);
    this.native.on('event.error', () => {});
    this.native.on('partition.eof', (at: TopicPartitionOffset) => handlers.onEnd?.(at));
  }

  /** Connects, lets the caller assign or subscribe, and flows. A flow that fails to open is closed. */
  async open(timeout: number, begin: (native: NativeConsumer) => void): Promise<void> {
    await connect(this.native, timeout);
    try {
      begin(this.native);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.native.consume(((error: NativeError | null, message: NativeMessage) => {
      if (error) this.#death = error;
      else this.#handlers.onMessage(message);
    }) as never);
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT);
    this.#heartbeat.unref();
  }

  /**
   * Asks for an answer that only the consuming thread can bring: a commit of nothing, answered at once without the
   * broker. Resolves with the code that came back: noOffset, or assignmentLost.
   */
  ping(): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.#pings.push(resolve);
      try {
        this.native.commit();
      } catch {
        this.#pong(undefined);
      }
    });
  }

  /** Work on the native consumer in another thread: its close, which would free it, waits. */
  using<T>(work: (native: NativeConsumer) => Promise<T>): Promise<T> {
    const result = work(this.native);
    this.#used = Promise.allSettled([this.#used, result]);
    return result;
  }

  /** Resolves when nobody uses the native consumer. */
  get unused(): Promise<unknown> {
    return this.#used;
  }

  /** Idempotent; false where the watchdog ended it. What is to be revoked or committed was, before. */
  close(): Promise<boolean> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  async #close(): Promise<boolean> {
    clearInterval(this.#heartbeat);
    await this.#used;
    if (!this.native.isConnected()) return true;
    await this.#drain();
    // One join a turn, so that many consumers that close together don't block the event loop in a row.
    disconnects = disconnects.then(() => nextTurn());
    await disconnects;
    const gone = await disconnect(this.native);
    while (this.#pings.length > 0) this.#pong(undefined);
    return gone;
  }

  /**
   * Takes every record that the thread has handed over. One left in the binding's queue would keep a reference to its
   * broker, and then librdkafka's destroy waits for ever, in one of libuv's four threads (a cause of node-rdkafka #1144).
   */
  async #drain(): Promise<void> {
    try {
      this.native.unassign();
    } catch {
      // Nothing was assigned.
    }
    // An answer brought after the unassign: the thread has handed over what it had taken before. None from a dead one.
    if (this.#missed < MISSED) await Promise.race([this.ping(), delay(DRAIN, undefined, { ref: false })]);
    // Two, because the first can end in the very turn in which the records were announced.
    await nextTurn();
    await nextTurn();
  }

  /** The thread ends for good on most errors, and the binding tells of it only in the disconnect. */
  #beat(): void {
    if (this.#pings.length === 0) {
      this.#missed = 0;
      this.ping();
      return;
    }
    this.#missed += 1;
    if (this.#missed < MISSED) return;
    this.close().then(() => {
      this.#handlers.onDeath(this.#death ?? new Error('The consuming thread stopped answering'));
    });
  }

  #answered(error: NativeError | undefined, offsets: TopicPartitionOffset[]): void {
    const code = error && codeOf(error);
    if (code === Code.noOffset || code === Code.assignmentLost) this.#pong(code);
    else this.#handlers.onCommit?.(error, offsets);
  }

  #pong(code: number | undefined): void {
    this.#missed = 0;
    this.#pings.shift()?.(code);
  }
}
