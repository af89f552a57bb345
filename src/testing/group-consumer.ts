/** A member of a consumer group, on the client's side. */
import { requireAssigned } from '../kafka/assigned.js';
import {
  type GroupHandlers,
  type GroupMember,
  type GroupOptions,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../kafka/port.js';
import type { Member, MemoryGroup } from './memory-group.js';
import type { MemoryLink } from './memory-link.js';
import type { MemoryLog } from './memory-log.js';
import { ReaderSet } from './reader-set.js';

type State = 'joining' | 'assigned' | 'revoking' | 'closed';

export class GroupConsumer implements GroupMember {
  /** Resolves at the first assignment. */
  readonly joined: Promise<void>;
  /** Resolves once it is closed. */
  readonly left: Promise<void>;
  readonly #link: MemoryLink;
  readonly #group: MemoryGroup;
  /** Topics, and where they begin, as they are at the moment. */
  #options: GroupOptions;
  /** Where the latest was first: a rebalance must not skip what has come since. */
  readonly #latest = new Map<MemoryLog, number>();
  readonly #handlers: GroupHandlers;
  readonly #readers: ReaderSet;
  readonly #id: number;
  readonly #name: string;
  readonly #unlisten: () => void;
  #state: State = 'joining';
  #generation = -1;
  #assigned: readonly TopicPartition[] = [];
  /** The same, up to the end of their hand-over. */
  #owned: readonly TopicPartition[] = [];
  #joins = 0;
  #revoking: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #session: (() => void) | undefined;
  #lost = false;
  #onJoined: () => void = () => {};
  #refuse: (() => void) | undefined;
  #onLeft: () => void = () => {};

  constructor(
    link: MemoryLink,
    group: MemoryGroup,
    name: string,
    options: GroupOptions,
    handlers: GroupHandlers,
  ) {
    this.#link = link;
    this.#group = group;
    this.#options = options;
    this.#handlers = handlers;
    this.#readers = new ReaderSet(link, handlers, options.isolation);
    this.#id = group.nextId();
    this.#name = name;
    this.joined = new Promise((resolve, reject) => {
      this.#onJoined = resolve;
      this.#refuse = () => reject(closed());
    });
    this.left = new Promise((resolve) => {
      this.#onLeft = resolve;
    });
    this.#unlisten = link.onChange(() => this.#watchSession());
    this.#watchSession();
    this.#join();
  }

  pause(): void {
    this.#readers.paused = true;
  }

  resume(): void {
    this.#readers.paused = false;
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    if (this.#state === 'closed') throw closed();
    requireAssigned(this.#owned, offsets);
    const generation = this.#generation;
    const copy = offsets.map((at) => ({ ...at }));
    return this.#link.request(() => this.#group.commit(this.#id, generation, copy));
  }

  resubscribe(topics: readonly string[], begin: readonly TopicPartitionOffset[]): void {
    if (this.#link.process.killed || this.#closing !== undefined) return;
    this.#options = { ...this.#options, topics, begin: [...(this.#options.begin ?? []), ...begin] };
    if (this.#state === 'assigned') void this.#handOver(false);
    else if (this.#state === 'joining') this.#join();
  }

  /** Its name to the group: offsets that a transaction commits are sent under it. Throws where they are not its own. */
  membership(offsets: readonly TopicPartitionOffset[]) {
    requireAssigned(this.#owned, offsets);
    return { group: this.#group, id: this.#id, generation: this.#generation };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { process, toBroker, hop } = this.#link;
    if (process.killed) return;
    await (this.#revoking ?? this.#revoke(this.#lost));
    this.#state = 'closed';
    this.#refuse?.();
    this.#readers.close();
    this.#onLeft();
    const delay = hop();
    toBroker.push(delay, () => {
      this.#unlisten();
      this.#session?.();
      this.#group.leave(this.#id);
    });
    await new Promise<void>((resolve) => {
      process.after(delay + hop(), resolve);
    });
  }

  #join(): void {
    this.#state = 'joining';
    this.#joins += 1;
    const member = this.#asMember(this.#joins);
    this.#link.toBroker.push(this.#link.hop(), () => this.#group.join(member));
  }

  /** The group's messages to this member; those that answer an earlier join come too late. */
  #asMember(join: number): Member {
    const { toProcess, hop } = this.#link;
    const tell = (work: () => void) =>
      toProcess.push(hop(), () => {
        if (join === this.#joins) work();
      });
    return {
      id: this.#id,
      name: this.#name,
      topics: this.#options.topics,
      prepare: (generation) => tell(() => this.#onPrepare(generation)),
      assign: (generation, logs) => tell(() => this.#onAssign(generation, logs)),
    };
  }

  #onPrepare(generation: number): void {
    if (this.#lost) this.#onLost();
    else if (this.#state === 'assigned' && generation === this.#generation) void this.#handOver(false);
  }

  #onAssign(generation: number, logs: readonly MemoryLog[]): void {
    if (this.#lost) {
      this.#onLost();
      return;
    }
    if (this.#state !== 'joining' || this.#closing !== undefined) return;
    this.#state = 'assigned';
    this.#generation = generation;
    this.#assigned = logs.map(({ topic, partition }) => ({ topic, partition }));
    this.#owned = this.#assigned;
    for (const log of logs) this.#read(log, generation);
    this.#handlers.onAssigned(this.#assigned);
    this.#onJoined();
    this.#refuse = undefined;
  }

  /** From what is committed, which a transaction that is open still may be about to change. */
  #read(log: MemoryLog, generation: number): void {
    let waited = false;
    const read = (): void => {
      if (this.#state === 'assigned' && this.#generation === generation)
        this.#readers.add(log, this.#position(log));
    };
    this.#group.whenStable(log, () => (waited ? this.#link.toProcess.push(this.#link.hop(), read) : read()));
    waited = true;
  }

  /** Where nothing, or something deleted since, was committed, `from` decides. */
  #position(log: MemoryLog): number {
    const committed = this.#group.committed(log);
    if (committed !== undefined && committed >= log.low && committed <= log.high) return committed;
    const named = this.#options.begin?.find((at) => at.topic === log.topic && at.partition === log.partition);
    if (named !== undefined) return named.offset;
    if (this.#options.from === 'earliest') return log.low;
    const latest = this.#latest.get(log) ?? log.high;
    this.#latest.set(log, latest);
    return Math.max(latest, log.low);
  }

  async #handOver(lost: boolean): Promise<void> {
    await this.#revoke(lost);
    if (this.#closing === undefined) this.#join();
  }

  #revoke(lost: boolean): Promise<void> {
    const partitions = this.#assigned;
    this.#assigned = [];
    this.#state = 'revoking';
    this.#readers.clear();
    if (partitions.length === 0) return Promise.resolve();
    this.#revoking = new Promise<void>((resolve) => {
      const stopWaiting = this.#link.process.after(this.#options.revokeTimeout, resolve);
      const done = () => {
        stopWaiting();
        resolve();
      };
      this.#handlers.onRevoked(partitions, lost).then(done, (error) => {
        this.#handlers.onError(new KafkaError('failed', `onRevoked failed: ${error}`));
        done();
      });
    }).finally(() => {
      this.#owned = [];
      this.#revoking = undefined;
    });
    return this.#revoking;
  }

  /** Both sides end a session in which nothing was heard; a frozen process learns of it when it goes on. */
  #watchSession(): void {
    const { alive, base, process, toProcess, up, hop } = this.#link;
    if (!alive) {
      if (!process.running) this.#readers.fence(true);
      this.#session ??= base.after(this.#options.sessionTimeout, () => {
        this.#lost = true;
        this.#group.leave(this.#id);
        if (process.running) process.soon(() => this.#onLost());
      });
    } else {
      this.#session?.();
      this.#session = undefined;
      if (!this.#lost) this.#readers.fence(false);
    }
    if (this.#lost && process.running) {
      if (up) toProcess.push(hop(), () => this.#onLost());
      else process.soon(() => this.#onLost());
    }
  }

  #onLost(): void {
    if (!this.#lost) return;
    this.#lost = false;
    if (this.#state === 'assigned') void this.#handOver(true);
    else if (this.#state === 'joining') this.#join();
  }
}

const closed = () => new KafkaError('closed', 'this consumer is closed', { notSent: true });
