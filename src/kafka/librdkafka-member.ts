/**
 * A member of a consumer group: joins, hands partitions over when `onRevoked` is done, commits, leaves.
 * Above it stands librdkafka.ts, below it one flow after another, and its commits.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { requireAssigned } from './assigned.js';
import { Beginnings } from './librdkafka-begin.js';
import type { NativeConsumer, NativeError } from './librdkafka-binding.js';
import { Commits } from './librdkafka-commits.js';
import { Delivery } from './librdkafka-delivery.js';
import { Code, codeOf, toKafkaError } from './librdkafka-error.js';
import { Flow } from './librdkafka-flow.js';
import { attempt, Flows } from './librdkafka-flows.js';
import { consumerProperties } from './librdkafka-properties.js';
import type { ConsumerSettings } from './librdkafka-reader.js';
import { handOverTime, quietly, withinTime } from './librdkafka-wait.js';
import { among } from './partition-map.js';
import {
  type GroupHandlers,
  type GroupMember,
  type GroupOptions,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from './port.js';

/** Milliseconds that leaving the group may take behind the hand-over, and the question whether an assignment is lost. */
const LEAVE = 1_000;
const LOST = 250;

/** Milliseconds before a commit is tried again that came between two generations, and how those are refused. */
const COMMIT_AGAIN = 100;
const PASSING = new Set<number | undefined>([Code.illegalGeneration, Code.rebalancing, Code.staleEpoch]);

export class Member implements GroupMember {
  readonly #settings: ConsumerSettings;
  /** With the topics as they are at the moment. */
  #options: GroupOptions;
  readonly #beginnings: Beginnings;
  readonly #handlers: GroupHandlers;
  readonly #delivery: Delivery;
  readonly #commits: Commits;
  readonly #flows: Flows;
  readonly #joined = quietly();
  readonly #left = quietly();
  /** Only what moves is handed over, not all at each change. */
  readonly #incremental: boolean;
  readonly #handOverTime: number;
  #assigned: readonly TopicPartition[] = [];
  /** Of those that are being handed over too, until librdkafka is told that they are. */
  #owned: readonly TopicPartition[] = [];
  /** A commit was refused because the group has gone on without this member. */
  #outcast = false;
  /** Rebalances happen one after the other. */
  #rebalances: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(settings: ConsumerSettings, options: GroupOptions, handlers: GroupHandlers) {
    this.#settings = settings;
    this.#options = options;
    this.#beginnings = new Beginnings(options, settings.watermarks);
    this.#handlers = handlers;
    this.#incremental = options.assignor === 'cooperative' || options.protocol === 'consumer';
    this.#handOverTime = handOverTime(options);
    this.#commits = new Commits((offsets) => {
      const native = this.#flows.native;
      if (!native) throw new KafkaError('failed', 'Committing offsets: the consumer is being opened again');
      requireAssigned(this.#owned, offsets);
      native.commit(offsets);
    });
    this.#flows = new Flows(
      () => this.#open(),
      () => this.#owned,
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

  resubscribe(topics: readonly string[], begin: readonly TopicPartitionOffset[]): void {
    this.#options = { ...this.#options, topics };
    this.#beginnings.add(begin);
    const { native } = this.#flows;
    if (native === undefined || this.#closed !== undefined) return;
    try {
      native.subscribe([...topics]);
    } catch (error) {
      this.#handlers.onError(toKafkaError(error as NativeError, this.#doing));
    }
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    for (let end: number | undefined; ; await delay(COMMIT_AGAIN)) {
      try {
        return await this.#commits.commit(offsets);
      } catch (error) {
        const passing = this.#incremental && PASSING.has((error as KafkaError).code);
        end ??= Date.now() + this.#options.revokeTimeout;
        if (!passing || Date.now() > end) throw error;
      }
    }
  }

  /** Lends the native consumer, whose group and generation speak for offsets that a transaction commits. */
  async lend<T>(
    offsets: readonly TopicPartitionOffset[],
    work: (native: NativeConsumer) => Promise<T>,
  ): Promise<T> {
    const flow = this.#flows.current;
    if (!flow || flow.closed) throw new KafkaError('failed', 'Committing offsets: the consumer is closed');
    requireAssigned(this.#owned, offsets);
    return flow.using(work);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /**
   * Hands over, then leaves by unsubscribing, so that the group's end is an ordinary revocation while the consuming
   * thread still runs: a rebalance inside the native disconnect has crashed (node-rdkafka #1057) and hung (#1144).
   * In this order, because librdkafka puts an unsubscribe off while the group rebalances. A member with a name stays in
   * the group, which unsubscribing would leave.
   */
  async #close(): Promise<void> {
    this.#delivery.stop();
    this.#joined.reject(new KafkaError('closed', 'The consumer was closed'));
    const flow = this.#flows.current;
    const { groupInstanceId, protocol } = this.#options;
    if (flow && this.#flows.native) {
      this.#rebalances = this.#rebalances.then(() => this.#handOver(flow, this.#assigned));
      await this.#rebalances;
      if (groupInstanceId === undefined || protocol === 'consumer') {
        attempt(() => flow.native.unsubscribe());
        if (this.#owned.length > 0) await withinTime(this.#left.promise, LEAVE);
      }
      if (this.#owned.length > 0) this.#release(flow, this.#owned);
    }
    await this.#rebalances;
    this.#commits.fail(new KafkaError('closed', 'Committing offsets: the consumer is closed'));
    await this.#flows.close();
    this.#settings.onClosed(this);
  }

  async #open(): Promise<Flow> {
    const { binding, base, connectTimeout } = this.#settings;
    const properties = consumerProperties(base, { ...this.#options, ends: this.#delivery.ends });
    const flow: Flow = new Flow(binding, properties, {
      onMessage: (message) => {
        this.#flows.alive();
        this.#delivery.accept(message);
      },
      onEnd: this.#delivery.end,
      onWarning: (error) => this.#warn(error),
      onDeath: (error) => this.#flows.died(this.#fenced(error) ?? toKafkaError(error, this.#doing)),
      onRebalance: (code, partitions) => this.#rebalance(flow, code, partitions),
      onCommit: (error, offsets) => {
        const code = error && codeOf(error);
        // A member that keeps its partitions commits through a rebalance, at times for a generation too early.
        if (code === Code.illegalGeneration) this.#outcast ||= !this.#incremental;
        else if (code === Code.unknownMember || code === Code.fencedEpoch) this.#outcast = true;
        this.#commits.answered(error, offsets);
      },
    });
    await flow.open(connectTimeout, (native) => native.subscribe([...this.#options.topics]));
    return flow;
  }

  /** The text of an error, of a right that is missing say, names neither the topic nor the group. */
  get #doing(): string {
    return `Reading ${this.#options.topics.join(', ')} in the group ${this.#options.group}`;
  }

  #rebalance(flow: Flow, code: number | undefined, given: readonly TopicPartition[]): void {
    if (flow.closed) {
      // The native close waits for this; there is nothing left to hand over.
      if (code === Code.revoke) this.#release(flow, given);
      return;
    }
    const partitions = given.map(({ topic, partition }) => ({ topic, partition }));
    this.#rebalances = this.#rebalances.then(() => {
      if (code === Code.assign) return this.#assign(flow, partitions);
      if (code === Code.revoke) return this.#revoke(flow, partitions);
      if (code !== undefined) this.#handlers.onError(toKafkaError(code, 'Rebalancing'));
      return undefined;
    });
  }

  async #assign(flow: Flow, partitions: readonly TopicPartition[]): Promise<void> {
    this.#outcast = false;
    const begin = await this.#beginnings.of(flow.native, partitions).catch((error: KafkaError) => {
      this.#handlers.onError(error);
      return partitions;
    });
    if (flow.closed) return;
    if (this.#closed === undefined) {
      this.#assigned = [...this.#assigned, ...partitions];
      this.#owned = [...this.#owned, ...partitions];
      this.#delivery.add(partitions);
      this.#handlers.onAssigned(partitions);
    }
    try {
      if (this.#incremental) flow.native.incrementalAssign([...begin]);
      else flow.native.assign([...begin]);
      if (this.#delivery.holding) flow.native.pause([...partitions]);
    } catch (error) {
      this.#handlers.onError(toKafkaError(error as NativeError, 'Taking over partitions'));
    }
    this.#joined.resolve();
  }

  async #revoke(flow: Flow, partitions: readonly TopicPartition[]): Promise<void> {
    await this.#handOver(flow, partitions);
    this.#owned = without(this.#owned, partitions);
    if (!flow.closed) this.#release(flow, partitions);
    if (this.#closed && this.#owned.length === 0) this.#left.resolve();
  }

  async #handOver(flow: Flow, partitions: readonly TopicPartition[]): Promise<void> {
    this.#delivery.remove(partitions);
    const before = this.#assigned;
    this.#assigned = without(before, partitions);
    if (this.#assigned.length === before.length) return;
    await this.#giveUp(partitions, this.#outcast || (await this.#lost(flow)));
    // Offsets on their way into a transaction must not go out in the name of the next generation.
    await flow.unused;
  }

  #release({ native }: Flow, partitions: readonly TopicPartition[]): void {
    attempt(() => (this.#incremental ? native.incrementalUnassign([...partitions]) : native.unassign()));
  }

  #giveUp(partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    const given = (async () => this.#handlers.onRevoked(partitions, lost))().catch((error: Error) =>
      this.#handlers.onError(toKafkaError(error, 'Handing partitions over')),
    );
    return withinTime(given, this.#handOverTime);
  }

  async #lost(flow: Flow): Promise<boolean> {
    let lost = false;
    const asked = flow.ping().then((code) => {
      lost = code === Code.assignmentLost;
    });
    await withinTime(asked, LOST);
    return lost;
  }

  /** The consuming thread is told of a fatal error only, without its cause: with a name, that is who else has it. */
  #fenced(error: NativeError | Error): KafkaError | undefined {
    const { group, groupInstanceId } = this.#options;
    if (groupInstanceId === undefined || codeOf(error) !== Code.fatal) return undefined;
    const text = `Another member of the group ${group} has the groupInstanceId ${groupInstanceId}`;
    return new KafkaError('fenced', text, { code: Code.fatal });
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
    this.#owned = [];
    this.#rebalances = this.#rebalances.then(() => this.#giveUp(partitions, true));
  }

  #warn(error: NativeError): void {
    const warning = toKafkaError(error, this.#doing);
    this.#joined.reject(warning);
    this.#handlers.onError(warning);
  }
}

const without = (all: readonly TopicPartition[], gone: readonly TopicPartition[]) => {
  const isGone = among(gone);
  return all.filter((at) => !isGone(at));
};
