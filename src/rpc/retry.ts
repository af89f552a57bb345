/**
 * When a call is tried again, and when not any more: same id, same partition, a higher attempt, so
 * that the server knows a repeat for what it is. The call stays in the correlation all the while:
 * the first answer wins, also a late one to an earlier attempt.
 */
import type { Clock } from '../clock.js';
import { RpcError } from '../jsonrpc/error.js';
import type { Meta } from './envelope.js';
import { type CallError, UnknownError } from './error.js';
import { count, milliseconds } from './options.js';

/** How a call is tried again. */
export interface RetryOptions {
  /** Times that a call is sent, at most, the first included. @default 3 */
  readonly attempts?: number;
  /** Milliseconds before the second attempt, at most: the wait is drawn between 0 and this, and doubles. @default 50 */
  readonly backoff?: number;
  /** Milliseconds that the wait doubles up to. @default 2000 */
  readonly maxBackoff?: number;
  /** Milliseconds after which an attempt without an answer is followed by the next. @default none: the call's timeout alone */
  readonly perTry?: number;
  /** Which errors are worth another attempt. @default -32002 (overloaded), and what Kafka did not deliver */
  readonly retryOn?: (error: CallError) => boolean;
}

/** The options with their defaults, checked. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly backoff: number;
  readonly maxBackoff: number;
  readonly perTry: number | undefined;
  readonly retryOn: (error: CallError) => boolean;
  readonly budget: RetryBudget;
}

export function retryPolicy(options: RetryOptions, budget: RetryBudget): RetryPolicy {
  if (typeof options !== 'object')
    throw new TypeError(`retry: expected options, as { attempts: 3 }, got ${String(options)}`);
  if (options.retryOn !== undefined && typeof options.retryOn !== 'function') {
    throw new TypeError(`retry.retryOn: expected a function, got ${String(options.retryOn)}`);
  }
  return {
    attempts: count('retry.attempts', options.attempts ?? 3),
    backoff: milliseconds('retry.backoff', options.backoff ?? 50),
    maxBackoff: milliseconds('retry.maxBackoff', options.maxBackoff ?? 2_000),
    perTry: options.perTry === undefined ? undefined : milliseconds('retry.perTry', options.perTry),
    retryOn: options.retryOn ?? worthAnotherTry,
    budget,
  };
}

/** Overloaded, or not delivered. */
export function worthAnotherTry(error: CallError): boolean {
  return error instanceof RpcError ? error.retryable : error.reason === 'kafka';
}

/**
 * Keeps retries from multiplying an overload, as gRPC's throttling does: a failed attempt takes a
 * token, an answered call gives a tenth back, and below half of the tokens nothing is retried.
 */
export class RetryBudget {
  static readonly TOKENS = 100;
  #tokens = RetryBudget.TOKENS;

  answered(): void {
    this.#tokens = Math.min(RetryBudget.TOKENS, this.#tokens + 0.1);
  }

  /** Takes a token for what nobody asked for: only where there is one to spare. */
  take(): boolean {
    if (this.#tokens - 1 <= RetryBudget.TOKENS / 2) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes a token; false where the budget is spent. */
  spend(): boolean {
    this.#tokens = Math.max(0, this.#tokens - 1);
    return this.#tokens > RetryBudget.TOKENS / 2;
  }
}

/** What the attempts need to know of their call. */
export interface Retriable {
  readonly sent: boolean;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The attempts of one call. */
export class Retry {
  readonly #call: Retriable;
  readonly #clock: Clock;
  readonly #policy: RetryPolicy;
  readonly #resend: (meta: Pick<Meta, 'attempt' | 'timeout'>) => void;
  #attempt = 1;
  /** The last attempt has failed: the next comes after its wait. */
  #waits = false;
  /** An earlier attempt may have run. */
  uncertain = false;
  #stopTimer: (() => void) | undefined;
  #closed = false;

  /** `resend` sends the call's request again, with its `meta` changed by what it is given. */
  constructor(
    call: Retriable,
    clock: Clock,
    policy: RetryPolicy,
    resend: (meta: Pick<Meta, 'attempt' | 'timeout'>) => void,
  ) {
    this.#call = call;
    this.#clock = clock;
    this.#policy = policy;
    this.#resend = resend;
  }

  /** The last that was sent. */
  get attempt(): number {
    return this.#attempt;
  }

  /**
   * Whether the failure of an attempt is followed by another: then it does not end the call. One that
   * another has followed already fails late: what became of its record, or that it was not worth
   * running, ends nothing any more; nor does a refusal, whatever `retryOn` says. An answer that is final still does.
   */
  after(error: CallError, attempt = this.#attempt): boolean {
    const { attempts, budget } = this.#policy;
    const followed = this.#waits || attempt < this.#attempt;
    if (followed && error._tag !== 'RpcError') return true;
    if (!followed && this.#attempt >= attempts) return false;
    const refused = error._tag === 'RpcError' && error.retryable;
    if (!(followed && refused) && !this.#worth(error)) return false;
    if (!followed) {
      if (!budget.spend()) return false;
      const wait = this.#backoff();
      if (this.#clock.now() + wait >= this.#call.expiresAt) return false;
      this.#schedule(wait, () => this.#again());
      this.#waits = true;
    }
    if (error._tag !== 'NotSent' && error._tag !== 'Failed') this.uncertain = true;
    return true;
  }

  /** An attempt was handed to Kafka: its time begins. */
  onSent(): void {
    this.#limitTry();
  }

  /** The call has ended. */
  close(answered: boolean): void {
    this.#closed = true;
    this.#stopTimer?.();
    if (answered) this.#policy.budget.answered();
  }

  /** A `retryOn` that throws says nothing: the call ends with its own error. */
  #worth(error: CallError): boolean {
    try {
      return this.#policy.retryOn(error);
    } catch {
      return false;
    }
  }

  /** Full jitter: callers that failed together don't come back together. */
  #backoff(): number {
    const { backoff, maxBackoff } = this.#policy;
    return Math.random() * Math.min(maxBackoff, backoff * 2 ** (this.#attempt - 1));
  }

  #again(): void {
    // Where the process stood still, the deadline is due as well: it ends the call.
    const left = this.#call.expiresAt - this.#clock.now();
    if (left <= 0 || this.#closed) return;
    this.#waits = false;
    this.#attempt += 1;
    this.#resend({ attempt: this.#attempt, timeout: Math.max(1, left) });
  }

  /** An attempt without an answer is followed by the next at once: its time was the wait. */
  #limitTry(): void {
    const { perTry, attempts, budget } = this.#policy;
    if (perTry === undefined || this.#attempt >= attempts) return;
    // Timers of one instant fire in any order: the deadline must not find a new attempt there.
    if (this.#clock.now() + perTry >= this.#call.expiresAt) return;
    this.#schedule(perTry, () => {
      this.uncertain = this.#call.sent;
      const silence = new UnknownError('timeout', `no answer within ${perTry} ms`);
      const again = this.#policy.retryOn === worthAnotherTry || this.#worth(silence);
      if (again && budget.spend()) this.#again();
    });
  }

  /** Not for a call that its own `retryOn` has ended. */
  #schedule(ms: number, work: () => void): void {
    if (this.#closed) return;
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.after(ms, work);
  }
}
