/**
 * A member of a consumer group: joins, hands partitions over when `onRevoked` is done, commits, leaves.
 * Above it stands librdkafka.ts, below it one flow after another, and its commits.
 */
import { beginAt } from './librdkafka-begin.js';
import type { NativeConsumer, NativeError } from './librdkafka-binding.js';
import { Commits } from './librdkafka-commits.js';
import { Delivery } from './librdkafka-delivery.js';
import { Code, codeOf, toKafkaError } from './librdkafka-error.js';
import { Flow } from './librdkafka-flow.js';
import { attempt, Flows } from './librdkafka-flows.js';
import { consumerProperties } from './librdkafka-properties.js';
import type { ConsumerSettings } from './librdkafka-reader.js';
import { deferred, withinTime } from './librdkafka-wait.js';
import {
  type Consumer,
  type GroupHandlers,
  type GroupOptions,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from './port.js';

/** Milliseconds that leaving the group may take beyond `onRevoked`, and the question whether an assignment is lost. */
const LEAVE = 1_000;
const LOST = 250;

export class Member implements Consumer {
  readonly #settings: ConsumerSettings;
  readonly #options: GroupOptions;
  readonly #handlers: GroupHandlers;
  readonly #delivery: Delivery;
  readonly #commits: Commits;
  readonly #flows: Flows;
  readonly #joined = deferred();
  readonly #left = deferred();
  #assigned: readonly TopicPartition[] = [];
  /** A commit was refused because the group has gone on without this member. */
  #outcast = false;
  /** Rebalances happen one after the other. */
  #rebalances: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(settings: ConsumerSettings, options: GroupOptions, handlers: GroupHandlers) {
    this.#settings = settings;
    this.#options = options;
    this.#handlers = handlers;
    this.#commits = new Commits((offsets) => {
      const native = this.#flows.native;
      if (!native) throw new KafkaError('failed', 'Committing offsets: the consumer is being opened again');
      native.commit(offsets);
    });
    this.#flows = new Flows(
      () => this.#open(),
      (error) => this.#died(error),
    );
    this.#delivery = new Delivery(handlers, this.#flows);
  }

  /** Resolves at the first assignment; rejects, and closes, where the group can't be joined. */
  async start(): Promise<this> {
    try {
      await this.#flows.start();
      await this.#joined.promise;
      return this;
    } catch (error) {
      await this.close();
      throw toKafkaError(error as Error, `Joining the group ${this.#options.group}`);
    }
  }

  pause(): void {
    this.#delivery.pause();
  }

  resume(): void {
    this.#delivery.resume();
  }

  commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    return this.#commits.commit(offsets);
  }

  /** Lends the native consumer, whose group and generation speak for offsets that a transaction commits. */
  lend<T>(work: (native: NativeConsumer) => Promise<T>): Promise<T> {
    const flow = this.#flows.current;
    if (flow === undefined || flow.closed)
      return Promise.reject(new KafkaError('failed', 'Committing offsets: the consumer is closed'));
    return flow.using(work);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /**
   * Leaves by unsubscribing, so that the hand-over is an ordinary revocation while the consuming thread still
   * runs: a rebalance inside the native disconnect has crashed (node-rdkafka #1057) and hung (#1144).
   */
  async #close(): Promise<void> {
    this.#delivery.stop();
    this.#joined.reject(new KafkaError('closed', 'The consumer was closed'));
    const flow = this.#flows.current;
    if (flow && this.#flows.native) {
      attempt(() => flow.native.unsubscribe());
      if (this.#assigned.length > 0) {
        await withinTime(this.#left.promise, this.#options.revokeTimeout + LEAVE);
        if (this.#assigned.length > 0) await this.#revoke(flow, this.#assigned, true);
      }
    }
    await this.#rebalances;
    this.#commits.fail(new KafkaError('closed', 'Committing offsets: the consumer is closed'));
    await this.#flows.close();
    this.#settings.onClosed(this);
  }

  async #open(): Promise<Flow> {
    const { binding, base, connectTimeout } = this.#settings;
    const { group, from, sessionTimeout, isolation, topics } = this.#options;
    const ends = this.#delivery.ends;
    const properties = consumerProperties(base, { group, from, sessionTimeout, isolation, ends });
    const flow: Flow = new Flow(binding, properties, {
      onMessage: (message) => {
        this.#flows.alive();
        this.#delivery.accept(message);
      },
      onEnd: this.#delivery.end,
      onWarning: (error) => this.#warn(error),
      onDeath: this.#flows.died,
      onRebalance: (code, partitions) => this.#rebalance(flow, code, partitions),
      onCommit: (error, offsets) => {
        const code = error && codeOf(error);
        if (code === Code.illegalGeneration || code === Code.unknownMember) this.#outcast = true;
        this.#commits.answered(error, offsets);
      },
    });
    await flow.open(connectTimeout, (native) => native.subscribe([...topics]));
    return flow;
  }

  #rebalance(flow: Flow, code: number | undefined, given: readonly TopicPartition[]): void {
    if (flow.closed) {
      // The native close waits for this; there is nothing left to hand over.
      if (code === Code.revoke) attempt(() => flow.native.unassign());
      return;
    }
    const partitions = given.map(({ topic, partition }) => ({ topic, partition }));
    this.#rebalances = this.#rebalances.then(() => {
      if (code === Code.assign) return this.#assign(flow, partitions);
      if (code === Code.revoke) return this.#revoke(flow, partitions, false);
      if (code !== undefined) this.#handlers.onError(toKafkaError(code, 'Rebalancing'));
      return undefined;
    });
  }

  async #assign(flow: Flow, partitions: readonly TopicPartition[]): Promise<void> {
    this.#outcast = false;
    const begin = await beginAt(flow.native, partitions, this.#options, this.#settings.watermarks).catch(
      (error: KafkaError) => {
        this.#handlers.onError(error);
        return partitions;
      },
    );
    if (flow.closed) return;
    if (this.#closed === undefined) {
      this.#assigned = partitions;
      this.#delivery.add(partitions);
      this.#handlers.onAssigned(partitions);
    }
    try {
      flow.native.assign([...begin]);
      if (this.#delivery.holding) flow.native.pause([...partitions]);
    } catch (error) {
      this.#handlers.onError(toKafkaError(error as NativeError, 'Taking over partitions'));
    }
    this.#joined.resolve();
  }

  async #revoke(flow: Flow, partitions: readonly TopicPartition[], known: boolean): Promise<void> {
    this.#delivery.remove(partitions);
    const held = this.#assigned.length > 0;
    this.#assigned = [];
    if (held) {
      const lost = known || this.#outcast || (await this.#lost(flow));
      await withinTime(this.#handOver(partitions, lost), this.#options.revokeTimeout);
      // Offsets on their way into a transaction must not go out in the name of the next generation.
      await flow.unused;
    }
    if (!flow.closed) attempt(() => flow.native.unassign());
    if (this.#closed) this.#left.resolve();
  }

  async #handOver(partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    try {
      await this.#handlers.onRevoked(partitions, lost);
    } catch (error) {
      this.#handlers.onError(toKafkaError(error as Error, 'Handing partitions over'));
    }
  }

  async #lost(flow: Flow): Promise<boolean> {
    let lost = false;
    const asked = flow.ping().then((code) => {
      lost = code === Code.assignmentLost;
    });
    await withinTime(asked, LOST);
    return lost;
  }

  #died(error: KafkaError): void {
    this.#joined.reject(error);
    if (this.#closed) return;
    this.#handlers.onError(error);
    const partitions = this.#assigned;
    this.#commits.fail(new KafkaError('failed', 'Committing offsets: the consumer is being opened again'));
    if (partitions.length === 0) return;
    this.#delivery.remove(partitions);
    this.#assigned = [];
    this.#rebalances = this.#rebalances.then(() =>
      withinTime(this.#handOver(partitions, true), this.#options.revokeTimeout),
    );
  }

  #warn(error: NativeError): void {
    const warning = toKafkaError(error, `Reading ${this.#options.topics.join(', ')}`);
    this.#joined.reject(warning);
    this.#handlers.onError(warning);
  }
}
