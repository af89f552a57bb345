/**
 * What a log of claims says of each call: whose it is, and what its answer was. The order of the log decides, so that
 * everyone who reads it says the same. Nothing here knows who writes. Above: topic-store.ts.
 */
import type { StoredAnswer } from './call-store.js';

/** One record about a call. */
export interface Word {
  /** Names the call. */
  readonly call: string;
  readonly owner: string;
  /** One more with each claim of the call: the first claim of an epoch has the call. */
  readonly epoch: number;
  readonly state: 'claimed' | 'released' | 'answered';
  readonly answer?: StoredAnswer['answer'];
}

/** A sign of life. */
export interface Sign {
  readonly call?: undefined;
  readonly owner: string;
}

const STATES: readonly unknown[] = ['claimed', 'released', 'answered'];

/** Undefined for what is neither. */
export function readWord(value: unknown): Word | Sign | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { call, owner, epoch, state, answer } = value as Readonly<Record<string, unknown>>;
  if (typeof owner !== 'string') return undefined;
  if (call === undefined) return { owner };
  const whole = typeof call === 'string' && Number.isSafeInteger(epoch) && STATES.includes(state);
  if (!whole || (state === 'answered') !== (typeof answer === 'object' && answer !== null)) return undefined;
  return value as Word;
}

/** A call that has been claimed. */
export interface KnownCall {
  readonly epoch: number;
  /** Undefined: nobody's, it may be claimed. */
  readonly owner: string | undefined;
  readonly answer: StoredAnswer['answer'] | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly bytes: number;
}

export class Claims {
  readonly #retention: number;
  /** Those of which was heard last at the end. */
  readonly #calls = new Map<string, KnownCall>();
  /** Of the answers, as they were written. */
  bytes = 0;

  /** `retention`: milliseconds after which a call is forgotten. */
  constructor(retention: number) {
    this.#retention = retention;
  }

  get size(): number {
    return this.#calls.size;
  }

  find(call: string): KnownCall | undefined {
    return this.#calls.get(call);
  }

  /**
   * False where the word comes too late: behind another's claim, an answer or, from an owner that was taken for
   * dead, behind the claim of who came after it.
   */
  read({ call, owner, epoch, state, answer }: Word, at: number, bytes: number): boolean {
    const known = this.#calls.get(call);
    if (known !== undefined) {
      if (known.answer !== undefined && state !== 'answered') return false;
      // Only who has the claim answers or releases it, be it that compaction has taken a claim from before it.
      if (known.answer !== undefined && epoch === known.epoch) return false;
      if (state === 'claimed' ? epoch <= known.epoch : epoch < known.epoch) return false;
      this.#forget(call, known);
    }
    this.#calls.set(call, { epoch, owner: state === 'released' ? undefined : owner, answer, at, bytes });
    this.bytes += bytes;
    return true;
  }

  /** Forgets what is older than it must be. */
  expire(now: number): void {
    for (const [call, known] of this.#calls) {
      if (known.at + this.#retention > now) return;
      this.#forget(call, known);
    }
  }

  #forget(call: string, { bytes }: KnownCall): void {
    this.bytes -= bytes;
    this.#calls.delete(call);
  }
}
