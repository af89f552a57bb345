/**
 * Inputs on their way through calls: collected into batches, a bounded number of batches at once, each output beside
 * its input. The operators that make calls stand on it; `start` makes one call.
 */
import type { Either } from 'fp-ts/lib/Either.js';
import { Observable, type OperatorFunction, type Subscriber, takeWhile } from 'rxjs';
import { isAcknowledgeable } from '../acknowledgeable.js';
import type { Clock } from '../clock.js';
import { type CallError, NotSentError } from '../rpc/error.js';
import type { Made } from '../rpc/prepared.js';
import { Fifo } from './fifo.js';

/** What came of one input: it, beside its result or its error. */
export interface Called<I, R> {
  readonly input: I;
  readonly result: Either<CallError, R>;
}

/** Makes one call; `settle` hears its end, at once where it can't be sent. */
export type Start<I, R> = (input: I, settle: (result: Either<CallError, R>) => void) => Made;

/** When a batch is full, and how much there can be. */
export interface Bounds {
  /** Batches without their last output. */
  readonly concurrency: number;
  readonly ordered: boolean;
  /** Inputs that wait. */
  readonly maxBuffered: number;
  readonly maxSize: number;
  readonly maxBytes: number;
  /** Milliseconds that the first input of a batch waits for more. */
  readonly maxWait: number;
}

/** An input on its way. */
interface Entry<I, R> {
  readonly input: I;
  readonly bytes: number;
  readonly since: number;
  call: Made | undefined;
  result: Either<CallError, R> | undefined;
}

interface Batch<I, R> {
  readonly entries: readonly Entry<I, R>[];
  emitted: number;
}

/** `sizeOf` is asked only where `maxBytes` is finite. */
export function inFlight<I, R>(
  name: string,
  clock: Clock,
  bounds: Bounds,
  start: Start<I, R>,
  sizeOf: (input: I) => number = () => 0,
): OperatorFunction<I, Called<I, R>> {
  return (source) =>
    new Observable((subscriber) => {
      const calls = new InFlight(name, clock, bounds, start, subscriber);
      const bounded = bounds.maxBytes < Number.POSITIVE_INFINITY;
      const taken$ = source.pipe(takeWhile((input) => calls.push(input, bounded ? sizeOf(input) : 0)));
      subscriber.add(
        taken$.subscribe({
          error: (error: unknown) => calls.end({ error }),
          complete: () => calls.end({}),
        }),
      );
      // Behind the source: a stream that hears of room would send more.
      subscriber.add(() => calls.stop());
    });
}

interface End {
  readonly error?: unknown;
}

class InFlight<I, R> {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  readonly #start: Start<I, R>;
  readonly #subscriber: Subscriber<Called<I, R>>;
  readonly #waiting = new Fifo<Entry<I, R>>();
  #bytes = 0;
  /** In order. */
  readonly #batches = new Set<Batch<I, R>>();
  /** Calls are being made: what ends at once is emitted behind them, as an answer is. */
  #sending = false;
  #ended: End | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(
    name: string,
    clock: Clock,
    bounds: Bounds,
    start: Start<I, R>,
    subscriber: Subscriber<Called<I, R>>,
  ) {
    this.#name = name;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#start = start;
    this.#subscriber = subscriber;
  }

  /** False at the bound: the input isn't taken, and none after it. */
  push(input: I, bytes: number): boolean {
    const { maxBuffered } = this.#bounds;
    if (this.#waiting.length >= maxBuffered) {
      if (isAcknowledgeable(input)) input.nack();
      const text = `${this.#name}: ${maxBuffered} inputs wait already (maxBuffered)`;
      this.end({ error: new NotSentError('too many pending', text) });
      return false;
    }
    this.#waiting.push({ input, bytes, since: this.#clock.now(), call: undefined, result: undefined });
    this.#bytes += bytes;
    this.#advance();
    return true;
  }

  /** No input follows; what was taken is called, then the subscriber hears the end. */
  end(how: End): void {
    this.#ended ??= how;
    this.#advance();
  }

  /** Cancels what is in flight; what isn't emitted is given up. */
  stop(): void {
    this.#stopTimer?.();
    const left = this.#waiting.clear();
    const { ordered } = this.#bounds;
    for (const { entries, emitted } of this.#batches) {
      for (const { call } of entries) call?.drop();
      left.push(
        ...entries.filter(({ result }, place) => (ordered ? place >= emitted : result === undefined)),
      );
    }
    for (const { input } of left) if (isAcknowledgeable(input)) input.nack();
  }

  #advance(): void {
    const { concurrency, maxWait } = this.#bounds;
    while (this.#batches.size < concurrency && this.#due()) this.#send();
    const { first } = this.#waiting;
    if (first !== undefined && this.#batches.size < concurrency) {
      this.#stopTimer ??= this.#clock.after(first.since + maxWait - this.#clock.now(), () => {
        this.#stopTimer = undefined;
        this.#advance();
      });
    }
    if (this.#ended === undefined || first !== undefined || this.#batches.size > 0) return;
    if ('error' in this.#ended) this.#subscriber.error(this.#ended.error);
    else this.#subscriber.complete();
  }

  #due(): boolean {
    const { maxSize, maxBytes, maxWait } = this.#bounds;
    const { first, length } = this.#waiting;
    if (first === undefined) return false;
    if (length >= maxSize || this.#bytes >= maxBytes || this.#ended !== undefined) return true;
    return this.#clock.now() - first.since >= maxWait;
  }

  #send(): void {
    const batch: Batch<I, R> = { entries: this.#take(), emitted: 0 };
    this.#batches.add(batch);
    this.#sending = true;
    for (const entry of batch.entries) {
      entry.call = this.#start(entry.input, (result) => {
        if (this.#sending) queueMicrotask(() => this.#settled(batch, entry, result));
        else this.#settled(batch, entry, result);
      });
    }
    this.#sending = false;
  }

  #take(): Entry<I, R>[] {
    const { maxSize, maxBytes } = this.#bounds;
    const entries: Entry<I, R>[] = [];
    let bytes = 0;
    for (
      let { first } = this.#waiting;
      first !== undefined && entries.length < maxSize;
      { first } = this.#waiting
    ) {
      bytes += first.bytes;
      if (entries.length > 0 && bytes > maxBytes) break;
      entries.push(first);
      this.#bytes -= first.bytes;
      this.#waiting.shift();
    }
    return entries;
  }

  #settled(batch: Batch<I, R>, entry: Entry<I, R>, result: Either<CallError, R>): void {
    if (this.#subscriber.closed) return;
    entry.result = result;
    if (this.#bounds.ordered) this.#emitInOrder();
    else this.#emit(batch, entry.input, result);
    this.#advance();
  }

  #emitInOrder(): void {
    for (const batch of this.#batches) {
      for (;;) {
        const { input, result } = batch.entries[batch.emitted] ?? {};
        if (result === undefined) break;
        this.#emit(batch, input as I, result);
      }
      if (this.#batches.has(batch)) return;
    }
  }

  /** Takes the batch off with its last output. */
  #emit(batch: Batch<I, R>, input: I, result: Either<CallError, R>): void {
    batch.emitted += 1;
    if (batch.emitted === batch.entries.length) this.#batches.delete(batch);
    this.#subscriber.next({ input, result });
  }
}
