/**
 * Calls that may come twice (design: retries): those that carry an attempt or an idempotency key
 * are remembered until their deadline. A repeat joins the running call or gets the answer that was
 * given; it never runs again on this instance.
 */
import { errors, RpcError } from '../jsonrpc/error.js';
import { failure, type Id, success } from '../jsonrpc/message.js';
import type { Outcome } from './coalesce.js';
import type { Deadlines, Expiring, Line } from './deadlines.js';
import type { Meta } from './envelope.js';
import type { Work } from './work.js';

/** Milliseconds that a call without a deadline is remembered. */
const NO_DEADLINE = 60_000;

/** What a call is remembered by; undefined for one that can't come twice. */
export function identityOf(
  caller: string,
  id: Id | undefined,
  { attempt, idempotencyKey }: Meta,
  method: string,
): string | undefined {
  // The length tells where the method ends: a key of one method is none of another.
  if (idempotencyKey !== undefined) return `key ${method.length} ${method} ${idempotencyKey}`;
  if (attempt === undefined || id === undefined) return undefined;
  return `call ${caller} ${JSON.stringify(id)}`;
}

/** A repeat's answer: it is delivered or not, its record is done. */
class Repeat implements Outcome {
  constructor(
    readonly work: Work,
    readonly id: Id | undefined,
  ) {}

  delivered(): void {
    this.work.finish();
  }

  undelivered(): void {
    this.work.stats.lost += 1;
    this.work.finish();
  }
}

/** One remembered call, running or answered. */
export class Remembered implements Expiring {
  expiresAt = 0;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Line | undefined;
  #answer: { readonly error: RpcError | undefined; readonly result: unknown } | undefined;
  #repeats: Repeat[] = [];
  #streams = false;

  constructor(
    readonly identity: string,
    readonly memory: Memory,
  ) {}

  join(work: Work, id: Id | undefined): void {
    const repeat = new Repeat(work, id);
    if (this.#streams) work.finish();
    else if (this.#answer === undefined) this.#repeats.push(repeat);
    else this.#tell(repeat);
  }

  /** The call has its answer. One that may be tried again is not kept: the next repeat shall run. */
  settle(error: RpcError | undefined, result?: unknown): void {
    this.#answer = { error, result };
    for (const repeat of this.#repeats) this.#tell(repeat);
    this.#repeats = [];
    if (error?.retryable) this.memory.forget(this);
  }

  /** The call has become a stream: its client has its items already, so that repeats need no answer. */
  opened(): void {
    this.#streams = true;
    for (const { work } of this.#repeats) work.finish();
    this.#repeats = [];
  }

  /** The call is left to another instance, its repeats too: their records stay uncommitted. */
  abandon(): void {
    this.#repeats = [];
    this.memory.forget(this);
  }

  expire(): void {
    this.memory.forget(this);
  }

  #tell(repeat: Repeat): void {
    const { work, id } = repeat;
    const { error, result } = this.#answer ?? { error: undefined, result: null };
    if (id === undefined) work.finish();
    else work.answer(error === undefined ? success(id, result) : failure(id, error), repeat);
  }
}

export class Memory {
  readonly #deadlines: Deadlines;
  readonly #max: number;
  /** Milliseconds after its deadline that a repeat is still taken: so long must a call be known. */
  readonly #tolerance: number;
  readonly #known = new Map<string, Remembered>();

  constructor(deadlines: Deadlines, max: number, tolerance: number) {
    this.#deadlines = deadlines;
    this.#max = max;
    this.#tolerance = tolerance;
  }

  get size(): number {
    return this.#known.size;
  }

  find(identity: string): Remembered | undefined {
    return this.#known.get(identity);
  }

  /** Remembers a call that begins; -32002 where there is no room: forgetting could run one twice. */
  begin(identity: string, meta: Meta, deadline: number): Remembered | RpcError {
    if (this.#known.size >= this.#max) {
      return new RpcError(errors.overloaded.code, undefined, { data: `${this.#max} calls are remembered` });
    }
    const remembered = new Remembered(identity, this);
    this.#known.set(identity, remembered);
    // One more: a repeat is taken up to and including the last millisecond.
    const timeout = (meta.timeout ?? NO_DEADLINE) + this.#tolerance + 1;
    if (deadline === Number.POSITIVE_INFINITY) this.#deadlines.add(remembered, timeout);
    else this.#deadlines.add(remembered, timeout, deadline + this.#tolerance + 1);
    return remembered;
  }

  forget(remembered: Remembered): void {
    this.#deadlines.remove(remembered);
    if (this.#known.get(remembered.identity) === remembered) this.#known.delete(remembered.identity);
  }
}
