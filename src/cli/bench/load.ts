/**
 * Load at work: keeps so many calls in flight, at a rate where one is asked for, and measures those
 * that began after the warm-up. Above: run.ts; below: latencies.ts.
 */
import { type CallError, errors, type Params, RpcError, type UntypedClient } from '../../index.js';
import { Pace } from '../batch/pace.js';
import { shown } from '../output.js';
import { Latencies } from './latencies.js';

/** Reasons for failures that are counted one by one; the rest are one. */
const MAX_REASONS = 20;
/** Milliseconds before the next call where one was refused in this process: it would be again. */
const PAUSE = 100;

export interface LoadOptions {
  readonly method: string;
  readonly params: Params | undefined;
  readonly concurrency: number;
  /** Calls a second. */
  readonly rate: number | undefined;
  /** Milliseconds. */
  readonly warmup: number;
  /** Milliseconds after the warm-up; undefined where calls are counted. */
  readonly duration: number | undefined;
  readonly count: number;
}

export class Load {
  readonly latencies = new Latencies();
  /** How many failed, by reason. */
  readonly failures = new Map<string, number>();
  readonly #client: UntypedClient;
  readonly #options: LoadOptions;
  readonly #pace: Pace;
  readonly #begin = performance.now();
  #resolve: () => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastAnswer = 0;
  #end: number | undefined;
  #scheduled = false;
  /** Whether any call was answered, be it in the warm-up. */
  #alive = false;
  /** Whether a rate was held up because as many calls were in flight as may be. */
  full = false;
  failed = 0;
  inFlight = 0;

  constructor(client: UntypedClient, options: LoadOptions) {
    this.#client = client;
    this.#options = options;
    this.#pace = new Pace(options.rate, () => this.#pump());
  }

  get answered(): number {
    return this.latencies.count;
  }

  /** Seconds measured so far, till the last answer once no more are sent; negative in the warm-up. */
  get seconds(): number {
    const end = this.#end === undefined ? performance.now() : Math.max(this.#end, this.#lastAnswer);
    return (end - this.#begin - this.#options.warmup) / 1_000;
  }

  /** Resolves when the measured calls have their answers; rejects where nobody can answer. */
  run(): Promise<void> {
    const { warmup, duration } = this.#options;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (duration !== undefined) this.#timer = setTimeout(() => this.#close(), warmup + duration);
      this.#pump();
    });
  }

  /** Ends at once: what is in flight isn't waited for. */
  abort(reason: unknown): void {
    this.#close();
    this.#reject(reason);
  }

  #close(): void {
    this.#end ??= performance.now();
    clearTimeout(this.#timer);
    this.#pace.close();
    if (this.inFlight === 0) this.#resolve();
  }

  #pump(): void {
    this.#scheduled = false;
    while (this.#end === undefined) {
      if (this.inFlight >= this.#options.concurrency) {
        this.full = true;
        return;
      }
      if (!this.#pace.take()) return;
      this.#send();
    }
    if (this.inFlight === 0) this.#resolve();
  }

  #send(): void {
    const { method, params, warmup, duration, count } = this.#options;
    const start = performance.now();
    const measured = start - this.#begin >= warmup;
    this.inFlight += 1;
    if (measured) this.#sent += 1;
    if (measured && duration === undefined && this.#sent >= count) this.#close();
    this.#client.call(method, params).then(
      () => {
        this.#alive = true;
        if (measured) {
          this.#lastAnswer = performance.now();
          this.latencies.add(this.#lastAnswer - start);
        }
        this.#next(0);
      },
      (error: CallError) => {
        this.#refused(error, measured);
      },
    );
  }

  #refused(error: CallError, measured: boolean): void {
    const remote = error instanceof RpcError;
    if (!this.#alive && (!remote || error.code === errors.methodNotFound.code)) {
      this.abort(error);
      return;
    }
    this.#alive = true;
    if (measured) {
      this.failed += 1;
      const reason = remote ? `error ${error.code} ${shown(error.message)}` : error.reason;
      const known = this.failures.has(reason) || this.failures.size < MAX_REASONS;
      const key = known ? reason : 'other reasons';
      this.failures.set(key, (this.failures.get(key) ?? 0) + 1);
    }
    this.#next(remote || error.reason === 'timeout' ? 0 : PAUSE);
  }

  /** A call has ended: others follow, once for all that end in this turn. */
  #next(pause: number): void {
    this.inFlight -= 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (pause > 0) setTimeout(() => this.#pump(), pause);
    else queueMicrotask(() => this.#pump());
  }
}
