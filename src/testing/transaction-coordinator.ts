/**
 * The broker's side of transactions: who has which id, what is open under it, and its end, which all its logs and
 * groups learn at once.
 */
import type { Clock } from '../clock.js';
import { KafkaError, type TopicPartitionOffset, type TransactionalOptions } from '../kafka/port.js';
import type { MemoryGroup } from './memory-group.js';
import type { LogTransaction, MemoryLog, StoredRecord } from './memory-log.js';

/** What a producer says with each request: it was the last to open the id. */
export interface Claim {
  readonly id: string;
  readonly epoch: number;
}

interface Open {
  readonly transaction: LogTransaction;
  readonly logs: Set<MemoryLog>;
  readonly groups: Set<MemoryGroup>;
  readonly stopTimeout: () => void;
}

interface Entry {
  epoch: number;
  timeout: number;
  open: Open | undefined;
  failing: { readonly how: 'written' | 'unwritten'; left: number } | undefined;
}

export class Coordinator {
  readonly #clock: Clock;
  readonly #ids = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Aborts what is open, fences who had the id; returns the new epoch. */
  open({ id, timeout }: TransactionalOptions): number {
    const entry = this.#entry(id);
    this.#end(entry, 'aborted');
    entry.epoch += 1;
    entry.timeout = timeout;
    return entry.epoch;
  }

  append(claim: Claim, log: MemoryLog, record: StoredRecord, visibleAt: number): number {
    const { transaction, logs } = this.#begun(claim);
    logs.add(log);
    return log.append(record, this.#clock.now(), visibleAt, transaction);
  }

  stage(
    claim: Claim,
    member: { group: MemoryGroup; id: number; generation: number },
    offsets: readonly TopicPartitionOffset[],
  ): void {
    const { transaction, groups } = this.#begun(claim);
    member.group.stage(transaction, member.id, member.generation, offsets);
    groups.add(member.group);
  }

  end(claim: Claim, state: 'committed' | 'aborted'): void {
    const entry = this.#claimed(claim);
    const { failing } = entry;
    if (state === 'aborted' || failing === undefined || failing.left === 0) {
      this.#end(entry, state);
      return;
    }
    failing.left -= 1;
    if (failing.how === 'written') this.#end(entry, state);
    throw new KafkaError('failed', 'Local: Timed out', { code: -185 });
  }

  failCommits(id: string, how: 'written' | 'unwritten', times: number): void {
    this.#entry(id).failing = { how, left: times };
  }

  #entry(id: string): Entry {
    let entry = this.#ids.get(id);
    if (entry === undefined) {
      entry = { epoch: 0, timeout: 0, open: undefined, failing: undefined };
      this.#ids.set(id, entry);
    }
    return entry;
  }

  #claimed({ id, epoch }: Claim): Entry {
    const entry = this.#entry(id);
    if (entry.epoch !== epoch)
      throw new KafkaError('fenced', `another producer has opened the transactional id ${id}`, {
        code: -144,
      });
    return entry;
  }

  #begun(claim: Claim): Open {
    const entry = this.#claimed(claim);
    entry.open ??= {
      transaction: { state: 'open' },
      logs: new Set(),
      groups: new Set(),
      stopTimeout: this.#clock.after(entry.timeout, () => {
        this.#end(entry, 'aborted');
        entry.epoch += 1;
      }),
    };
    return entry.open;
  }

  #end(entry: Entry, state: 'committed' | 'aborted'): void {
    const { open } = entry;
    if (open === undefined) return;
    entry.open = undefined;
    open.stopTimeout();
    open.transaction.state = state;
    for (const log of open.logs) log.mark(open.transaction, this.#clock.now());
    for (const group of open.groups) group.settle(open.transaction);
  }
}
