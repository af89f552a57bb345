/**
 * The broker's side of one consumer group, by the classic protocol: members join, each change
 * asks all of them to give up their partitions and to join again, and who has not done so is
 * waited for until its session ends. Committed offsets outlive the members.
 */
import { KafkaError, type TopicPartition, type TopicPartitionOffset } from '../kafka/port.js';
import type { LogTransaction, MemoryLog } from './memory-log.js';
import { rangeAssignment, type Subscriber } from './range.js';

/** A member as the group sees it; its functions send messages to the client. */
export interface Member extends Subscriber {
  readonly name: string;
  /** The generation ends: hand over, then join again. */
  prepare(generation: number): void;
  assign(generation: number, logs: readonly MemoryLog[]): void;
}

interface Seat {
  readonly member: Member;
  joined: boolean;
  logs: readonly MemoryLog[];
}

export class MemoryGroup {
  readonly name: string;
  readonly #logsOf: (topic: string) => readonly MemoryLog[];
  readonly #seats = new Map<number, Seat>();
  readonly #committed = new Map<string, number>();
  /** Offsets that transactions will commit, or not. */
  readonly #pending = new Map<LogTransaction, TopicPartitionOffset[]>();
  readonly #stable = new Set<() => boolean>();
  #generation = 0;
  #preparing = false;
  #lastId = 0;

  constructor(name: string, logsOf: (topic: string) => readonly MemoryLog[]) {
    this.name = name;
    this.#logsOf = logsOf;
  }

  get generation(): number {
    return this.#generation;
  }

  /** True while members are waited for. */
  get rebalancing(): boolean {
    return this.#preparing;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  reads(topic: string): boolean {
    return [...this.#seats.values()].some(({ member }) => member.topics.includes(topic));
  }

  /** Who has what; a member waiting in a rebalance has nothing. */
  members(): { name: string; partitions: TopicPartition[] }[] {
    return [...this.#seats.values()].map(({ member, logs }) => ({
      name: member.name,
      partitions: logs.map(({ topic, partition }) => ({ topic, partition })),
    }));
  }

  join(member: Member): void {
    this.#prepare();
    this.#seats.set(member.id, { member, joined: true, logs: [] });
    this.#complete();
  }

  /** At a member's own wish, or when its session has ended. */
  leave(id: number): void {
    if (!this.#seats.delete(id)) return;
    this.#prepare();
    this.#complete();
  }

  rebalance(): void {
    this.#prepare();
    this.#complete();
  }

  /** Throws as the broker refuses: the member was thrown out, or speaks for an earlier generation. */
  commit(id: number, generation: number, offsets: readonly TopicPartitionOffset[]): void {
    this.#check(id, generation);
    this.#set(offsets);
  }

  /** As `commit`, once the transaction is. */
  stage(
    transaction: LogTransaction,
    id: number,
    generation: number,
    offsets: readonly TopicPartitionOffset[],
  ): void {
    this.#check(id, generation);
    this.#pending.set(transaction, [...(this.#pending.get(transaction) ?? []), ...offsets]);
  }

  /** The transaction has ended. */
  settle(transaction: LogTransaction): void {
    const offsets = this.#pending.get(transaction) ?? [];
    this.#pending.delete(transaction);
    if (transaction.state === 'committed') this.#set(offsets);
    for (const check of [...this.#stable]) if (check()) this.#stable.delete(check);
  }

  /** Calls back when no open transaction can change what is committed there: at once, or later. */
  whenStable(at: TopicPartition, work: () => void): void {
    const check = (): boolean => {
      const pending = [...this.#pending.values()].flat();
      if (pending.some(({ topic, partition }) => topic === at.topic && partition === at.partition))
        return false;
      work();
      return true;
    };
    if (!check()) this.#stable.add(check);
  }

  #check(id: number, generation: number): void {
    if (!this.#seats.has(id)) throw new KafkaError('failed', 'Broker: Unknown member', { code: 25 });
    if (generation !== this.#generation) {
      throw new KafkaError('failed', 'Broker: Specified group generation id is not valid', { code: 22 });
    }
  }

  #set(offsets: readonly TopicPartitionOffset[]): void {
    for (const at of offsets) this.#committed.set(`${at.topic}/${at.partition}`, at.offset);
  }

  committed(at: TopicPartition): number | undefined {
    return this.#committed.get(`${at.topic}/${at.partition}`);
  }

  #prepare(): void {
    if (this.#preparing) return;
    this.#preparing = true;
    for (const seat of this.#seats.values()) {
      seat.joined = false;
      seat.member.prepare(this.#generation);
    }
  }

  #complete(): void {
    const seats = [...this.#seats.values()];
    if (seats.some((seat) => !seat.joined)) return;
    this.#preparing = false;
    this.#generation += 1;
    const assignment = rangeAssignment(
      seats.map(({ member }) => member),
      this.#logsOf,
    );
    for (const seat of seats) {
      seat.logs = assignment.get(seat.member.id) ?? [];
      seat.member.assign(this.#generation, seat.logs);
    }
  }
}
