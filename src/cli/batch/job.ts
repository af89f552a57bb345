/**
 * A job at work: keeps so many calls in flight, and hands each answer on. What it reads comes in
 * chunks, and the calls that end in one turn are followed by others in the same turn, so that a
 * row costs its call and little else. Below: input.ts, results.ts.
 */
import { type CallError, errors, RpcError, type UntypedClient } from '../../index.js';
import { shown } from '../output.js';
import { Stopped } from '../stop.js';
import { badRow, failedCall } from './failure.js';
import type { Entry, Input } from './input.js';
import { Pace } from './pace.js';
import type { Results } from './results.js';

/** Rows from the first without an answer to the last that is sent, at most: answers that come early are held. */
const WINDOW = 65_536;
/** Milliseconds after which a call without an answer is made again: by then its server has let go of it. */
const AGAIN = 2_500;
/** Times that a row is sent at most, those included that the broker or a busy server made necessary. */
const MAX_SENDS = 100;
/** Calls without an answer, with none in between that had one, after which the job stops: these, or all in flight. */
const MAX_SILENT = 100;
/** So many rows in succession take the same partition: a repeat goes to the server that may know it. */
const BLOCK = 256;

export interface JobOptions {
  readonly method: string;
  readonly concurrency: number;
  /** Calls a second. */
  readonly rate: number | undefined;
  /** Times that a row's call is made, at most. */
  readonly attempts: number;
  /** Begins the idempotency keys; without it calls have none, and what may have run is not sent again. */
  readonly key: string | undefined;
  /** One line of JSON. */
  readonly line: (value: unknown) => string;
  /** Says something to the person. */
  readonly tell: (text: string) => void;
}

export class Job {
  readonly #client: UntypedClient;
  readonly #input: Input;
  readonly #results: Results;
  readonly #options: JobOptions;
  readonly #pace: Pace;
  #resolve: () => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #queue: Entry[] = [];
  #position = 0;
  /** Rows whose call is to be made once more; they go first. */
  readonly #again: Entry[] = [];
  /** Rows that wait for that. */
  #waiting = 0;
  /** Ended without an answer since the last one that came: failures of their own, or a service that has gone. */
  #silent: { readonly entry: Entry; readonly error: CallError }[] = [];
  /** The service has answered. */
  #heard = false;
  #reading = false;
  #scheduled = false;
  #connected = true;
  #outages = 0;
  #overloads = 0;
  #stop: unknown;
  #ended = false;
  answered = 0;
  failed = 0;
  inFlight = 0;
  /** Whether a call may have run. */
  touched = false;

  constructor(client: UntypedClient, input: Input, results: Results, options: JobOptions) {
    this.#client = client;
    this.#input = input;
    this.#results = results;
    this.#options = options;
    this.#pace = new Pace(options.rate, () => this.pump());
  }

  /** Resolves when every row has its answer or its failure; rejects with what has stopped it. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.pump();
    });
  }

  /** Sends no more; ends with the reason when what is in flight has its answers. */
  stop(reason: unknown): void {
    this.#stop ??= reason;
    this.pump();
  }

  /** Ends at once. */
  abort(reason: unknown): void {
    this.#ended = true;
    this.#pace.close();
    this.#reject(reason);
  }

  /** While the broker is lost nothing is sent, and what was is sent again. */
  connected(connected: boolean): void {
    if (this.#connected && !connected) this.#outages += 1;
    this.#connected = connected;
    this.pump();
  }

  /** Sends as much as may be, and ends the job when nothing is left. */
  pump(): void {
    this.#scheduled = false;
    if (this.#ended) return;
    while (this.#stop === undefined && this.#connected && this.inFlight < this.#options.concurrency) {
      const again = this.#again.at(-1);
      const entry = again ?? this.#queue[this.#position];
      if (entry === undefined) break;
      if (again === undefined && (this.#results.full || entry.index - this.#results.next >= WINDOW)) break;
      if (entry.problem === undefined && !this.#pace.take()) break;
      if (again === undefined) this.#position += 1;
      else this.#again.pop();
      if (entry.problem === undefined) this.#send(entry);
      else this.#fail(entry, badRow(entry));
    }
    if (this.#stop === undefined) this.#read();
    if (this.inFlight > 0) return;
    if (this.#stop !== undefined) this.abort(this.#stop);
    else if (this.#isDone()) this.#finish();
  }

  #isDone(): boolean {
    const left = this.#waiting + this.#again.length + this.#queue.length - this.#position;
    return left === 0 && this.#input.ended && !this.#reading;
  }

  /** The silence of a job without a single answer is the service's. */
  #finish(): void {
    const [first] = this.#silent;
    if (first !== undefined && !this.#heard) this.abort(first.error);
    else {
      this.#endSilence();
      this.#ended = true;
      this.#pace.close();
      this.#resolve();
    }
  }

  /** Fetches the next chunk when this one is nearly used up. */
  #read(): void {
    const left = this.#queue.length - this.#position;
    if (this.#reading || this.#input.ended || left > this.#options.concurrency) return;
    this.#reading = true;
    this.#input.next().then(
      (entries = []) => {
        this.#reading = false;
        // A resumed job has the answers of the first ones.
        const from = this.#results.next;
        const fresh =
          entries.length > 0 && (entries[0] as Entry).index < from
            ? entries.filter(({ index }) => index >= from)
            : entries;
        this.#queue = this.#queue.slice(this.#position).concat(fresh);
        this.#position = 0;
        this.pump();
      },
      (error) => {
        this.#reading = false;
        this.stop(error);
      },
    );
  }

  #send(entry: Entry): void {
    const { method, key } = this.#options;
    const { index } = entry;
    this.inFlight += 1;
    this.touched = true;
    entry.sends += 1;
    entry.outages = this.#outages;
    const options =
      key === undefined
        ? undefined
        : { idempotencyKey: `${key}-${index}`, key: `${key}-${Math.floor(index / BLOCK)}` };
    this.#client.call(method, entry.params, options).then(
      (result) => {
        if (this.#ended) return;
        this.#answer();
        this.answered += 1;
        this.#results.add(index, this.#options.line({ index, result: result ?? null }), false);
      },
      (error: CallError) => {
        if (!this.#ended) this.#refused(entry, error);
      },
    );
  }

  /** A call has ended: others follow, once for all that end in this turn. */
  #end(): void {
    this.inFlight -= 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.pump());
  }

  /** The service is there. */
  #answer(): void {
    this.#heard = true;
    this.#end();
    this.#pace.quicken();
    if (this.#silent.length > 0) this.#endSilence();
  }

  #endSilence(): void {
    for (const { entry, error } of this.#silent) this.#fail(entry, failedCall(entry, error));
    this.#silent = [];
  }

  #refused(entry: Entry, error: CallError): void {
    if (error instanceof RpcError && error.retryable && entry.sends < MAX_SENDS) {
      this.#end();
      this.#slow(error);
      this.#again.push(entry);
    } else if (this.#isUnknown(error)) {
      this.touched = false;
      const what = `error ${error.code} ${error.message}: ${shown(error.data ?? this.#options.method)}`;
      this.abort(new Stopped(1, what));
    } else if (this.#isWorthAnother(entry, error)) {
      this.#end();
      this.#later(entry);
    } else if (!(error instanceof RpcError) && SILENCE.has(error.reason)) {
      this.#end();
      this.#silent.push({ entry, error });
      if (this.#silent.length >= Math.max(MAX_SILENT, this.#options.concurrency)) this.stop(error);
    } else {
      this.#answer();
      this.#fail(entry, failedCall(entry, error));
    }
  }

  /** As long as no row had another answer, none will. */
  #isUnknown(error: CallError): error is RpcError {
    return (
      error instanceof RpcError &&
      error.code === errors.methodNotFound.code &&
      this.answered === 0 &&
      this.#results.next === 0
    );
  }

  #isWorthAnother(entry: Entry, error: CallError): boolean {
    const { attempts, key } = this.#options;
    if (entry.sends >= MAX_SENDS || (error instanceof RpcError && !GONE.has(error.code))) return false;
    if (error instanceof RpcError) return entry.sends > 1;
    if (error.reason !== 'timeout' && error.reason !== 'kafka') return false;
    const lost = !this.#connected || entry.outages !== this.#outages;
    return (lost && (key !== undefined || error._tag === 'NotSent')) || entry.sends < attempts;
  }

  #later(entry: Entry): void {
    this.#waiting += 1;
    setTimeout(() => {
      this.#waiting -= 1;
      this.#again.push(entry);
      this.pump();
    }, AGAIN);
  }

  #slow(error: RpcError): void {
    this.#overloads += 1;
    this.#pace.slow();
    if (this.#overloads > 1) return;
    this.#options.tell(`the server is busy, so the job slows down: ${shown(error.data ?? error.message)}`);
  }

  #fail(entry: Entry, text: string): void {
    this.failed += 1;
    this.#results.add(entry.index, text, true);
  }
}

/** Why a call has no answer where nobody serves, or nobody any more. */
const SILENCE: ReadonlySet<string> = new Set(['timeout', 'no topic']);
/** What a repeat finds where the call before it was given up: it runs when that is forgotten. */
const GONE: ReadonlySet<number> = new Set([errors.expired.code, errors.cancelled.code]);
