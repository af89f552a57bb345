/**
 * Calls that may come twice (design: retries): those that carry an attempt or an idempotency key
 * are remembered until their deadline. A repeat joins the running call or gets the answer that was
 * given; it never runs again on this instance.
 */
import { errors, RpcError } from '../jsonrpc/error.js';
import type { Id } from '../jsonrpc/message.js';
import type { Deadlines, Expiring, Line } from './deadlines.js';
import type { Meta } from './envelope.js';
import { Reply } from './reply.js';
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

/** One remembered call, running or answered. */
export class Remembered implements Expiring {
  expiresAt = 0;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  line: Line | undefined;
  #answer: { readonly error: RpcError | undefined; readonly result: unknown } | undefined;
  #repeats: Reply[] = [];
  #streams = false;
  /** Its handler has been called. */
  begun = false;
  /** The latest deadline of all who asked. */
  until: number;

  constructor(
    readonly identity: string,
    readonly memory: Memory,
    readonly owner: { readonly caller: string; readonly id: Id | undefined },
    deadline: number,
  ) {
    this.until = deadline;
  }

  /** Whether others than the first caller wait: an idempotency key has no owner. */
  get shared(): boolean {
    return this.#repeats.some(({ work, id }) => !this.#isOwn(work, id));
  }

  /** What it was answered before it began, cancelled or expired in line, answers nobody else. */
  answers(work: Work, id: Id | undefined): boolean {
    return this.begun || this.#answer === undefined || this.#isOwn(work, id);
  }

  join(work: Work, id: Id | undefined, meta: Meta, deadline: number): void {
    if (deadline > this.until) {
      this.until = deadline;
      this.memory.keep(this, meta);
    }
    const repeat = new Reply(work, id, meta.attempt);
    if (this.#streams) this.#refuse(repeat);
    else if (this.#answer === undefined) this.#repeats.push(repeat);
    else repeat.send(this.#answer.error, this.#answer.result);
  }

  /** The call has its answer. One that may be tried again is not kept: the next repeat shall run. */
  settle(error: RpcError | undefined, result?: unknown): void {
    this.#answer = { error, result };
    for (const repeat of this.#repeats) repeat.send(error, result);
    this.#repeats = [];
    if (error?.retryable) this.memory.forget(this);
  }

  /** The call has become a stream: its client has the items already, nobody else can have them. */
  opened(): void {
    this.#streams = true;
    for (const repeat of this.#repeats) this.#refuse(repeat);
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

  #isOwn(work: Work, id: Id | undefined): boolean {
    return work.caller.id === this.owner.caller && id === this.owner.id;
  }

  #refuse(repeat: Reply): void {
    if (this.#isOwn(repeat.work, repeat.id)) repeat.work.finish();
    else
      repeat.send(
        new RpcError(errors.serverError.code, undefined, { data: 'this stream has a client already' }),
      );
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

  /** What this caller's call is a repeat of. */
  find(identity: string, work: Work, id: Id | undefined): Remembered | undefined {
    const known = this.#known.get(identity);
    if (known?.answers(work, id) !== false) return known;
    this.forget(known);
    return undefined;
  }

  /** Remembers a call that begins; -32002 where there is no room: forgetting could run one twice. */
  begin(
    identity: string,
    work: Work,
    id: Id | undefined,
    meta: Meta,
    deadline: number,
  ): Remembered | RpcError {
    if (this.#known.size >= this.#max) {
      return new RpcError(errors.overloaded.code, undefined, { data: `${this.#max} calls are remembered` });
    }
    const remembered = new Remembered(identity, this, { caller: work.caller.id, id }, deadline);
    this.#known.set(identity, remembered);
    this.keep(remembered, meta);
    return remembered;
  }

  /** Until a repeat would be dropped as expired, and one more: the last millisecond is still taken. */
  keep(remembered: Remembered, meta: Meta): void {
    this.#deadlines.remove(remembered);
    const timeout = (meta.timeout ?? NO_DEADLINE) + this.#tolerance + 1;
    if (remembered.until === Number.POSITIVE_INFINITY) this.#deadlines.add(remembered, timeout);
    else this.#deadlines.add(remembered, timeout, remembered.until + this.#tolerance + 1);
  }

  forget(remembered: Remembered): void {
    this.#deadlines.remove(remembered);
    if (this.#known.get(remembered.identity) === remembered) this.#known.delete(remembered.identity);
  }
}
