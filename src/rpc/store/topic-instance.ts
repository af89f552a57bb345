/**
 * One server's part in a store that is a topic: claims calls, waits for those of others, and gives a sign of life while
 * it holds claims. Above: topic-store.ts, which says how it works. Below: answers-topic.ts, claims.ts.
 */
import { randomBytes } from 'node:crypto';
import { errors, RpcError } from '../../jsonrpc/error.js';
import { KafkaError } from '../../kafka/port.js';
import { AnswersTopic } from './answers-topic.js';
import type { Claim, KeyedCall, OpenStore, StoreContext, StoredAnswer } from './call-store.js';
import { Claims, type Sign, type Word } from './claims.js';

/** What a store that is a topic is told. */
export interface TopicStoreSettings {
  /** Undefined: named for the service. */
  readonly topic: string | undefined;
  readonly partitions: number;
  readonly retention: number;
  readonly lease: number;
  readonly orphans: 'fail' | 'run';
  readonly maxKnown: number;
  readonly maxBytes: number;
}

/** A claim of this instance, from its writing until its last word on it is read back. */
interface Own {
  readonly epoch: number;
  readonly at: number;
  /** Until it is read back, or given up. */
  pending: { won(won: boolean): void; fail(error: unknown): void } | undefined;
}

/** Instances of which is remembered when they were heard; beyond it those are forgotten that are taken for gone. */
const MAX_HEARD = 1_000;
/** The answer to a call without an owner, which is not run. */
const LOST: StoredAnswer['answer'] = {
  error: new RpcError(errors.serverError.code, undefined, {
    data: 'it may have run: the instance that had claimed it is gone',
  }).toObject(),
};

export class TopicInstance implements OpenStore {
  readonly #settings: TopicStoreSettings;
  readonly #context: StoreContext;
  /** Its name in the topic. */
  readonly #name = randomBytes(9).toString('base64url');
  readonly #claims: Claims;
  readonly #own = new Map<string, Own>();
  /** When there was a word of each instance, by the clock of this one. */
  readonly #heard = new Map<string, number>();
  /** Who waits for news of a call. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #topic!: AnswersTopic;
  #stopSigns: (() => void) | undefined;
  #closed = false;

  static async open(settings: TopicStoreSettings, context: StoreContext): Promise<TopicInstance> {
    const { kafka, onIssue, service } = context;
    const store = new TopicInstance(settings, context);
    const { partitions, retention, topic = `${service}.answers` } = settings;
    store.#topic = await AnswersTopic.open(
      kafka,
      { topic, partitions, retention },
      {
        onWord: (word, timestamp, bytes) => store.#onWord(word, timestamp, bytes),
        onError: (cause) => onIssue({ kind: 'kafka', message: cause.message, cause }),
      },
    );
    return store;
  }

  private constructor(settings: TopicStoreSettings, context: StoreContext) {
    this.#settings = settings;
    this.#context = context;
    this.#claims = new Claims(settings.retention);
  }

  async claim({ method, key, signal }: KeyedCall): Promise<Claim | StoredAnswer> {
    const call = JSON.stringify([method, key]);
    for (;;) {
      if (this.#closed) throw new KafkaError('closed', 'the store is closed');
      if (signal.aborted) throw signal.reason;
      this.#claims.expire(this.#now);
      const known = this.#claims.find(call);
      if (known?.answer !== undefined) return { answer: known.answer };
      const life = this.#own.has(call) ? Number.POSITIVE_INFINITY : this.#lifeOf(known?.owner);
      if (life > 0) {
        await this.#news(call, signal, life);
        continue;
      }
      if (known === undefined) this.#checkRoom();
      const epoch = (known?.epoch ?? 0) + 1;
      if (!(await this.#claimed(call, epoch, signal))) continue;
      const claim = this.#claimOf(call, epoch);
      if (known?.owner === undefined || this.#settings.orphans === 'run') return claim;
      await claim.finish(LOST);
      return { answer: LOST };
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopSigns?.();
    for (const { pending } of [...this.#own.values()]) {
      pending?.fail(new KafkaError('closed', 'the store is closed'));
    }
    for (const call of [...this.#waiting.keys()]) this.#tell(call);
    await this.#topic.close();
  }

  get #now(): number {
    return this.#context.kafka.clock.now();
  }

  /** Milliseconds until an owner counts as gone; 0 for nobody, and for one that has gone. */
  #lifeOf(owner: string | undefined): number {
    if (owner === undefined) return 0;
    return Math.max(0, (this.#heard.get(owner) ?? 0) + this.#settings.lease - this.#now);
  }

  #checkRoom(): void {
    const { bytes, size } = this.#claims;
    if (size < this.#settings.maxKnown && bytes < this.#settings.maxBytes) return;
    const data = `${size} calls are known, with ${bytes} bytes of answers`;
    throw new RpcError(errors.overloaded.code, undefined, { data });
  }

  /** Writes a claim and waits until it is read back; false where another was first. Rejects where that takes a lease. */
  #claimed(call: string, epoch: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const { lease } = this.#settings;
      const own: Own = { epoch, at: this.#now, pending: undefined };
      const end = (held: boolean) => {
        own.pending = undefined;
        stop();
        signal.removeEventListener('abort', abort);
        if (!held) this.#drop(call, own);
      };
      own.pending = {
        won(won) {
          end(won);
          resolve(won);
        },
        fail(error) {
          end(false);
          reject(error);
        },
      };
      const abort = () => own.pending?.fail(signal.reason);
      const late = new KafkaError('unreachable', `a claim was not read back within ${lease} ms`);
      const stop = this.#context.kafka.clock.after(lease, () => own.pending?.fail(late));
      signal.addEventListener('abort', abort, { once: true });
      this.#hold(call, own);
      this.#say({ call, epoch, state: 'claimed' }).catch((error) => own.pending?.fail(error));
    });
  }

  #claimOf(call: string, epoch: number): Claim {
    return {
      finish: (answer) => this.#say({ call, epoch, state: 'answered', answer }),
      release: () => this.#say({ call, epoch, state: 'released' }),
    };
  }

  /** What is said last of a claim ends it when it is read back, or can't be written. */
  async #say(word: Omit<Word, 'owner'>): Promise<void> {
    try {
      await this.#topic.write({ ...word, owner: this.#name });
    } catch (error) {
      const own = this.#own.get(word.call);
      if (own?.epoch === word.epoch && own.pending === undefined) this.#drop(word.call, own);
      throw error;
    }
  }

  #hold(call: string, own: Own): void {
    this.#own.set(call, own);
    this.#stopSigns ??= this.#context.kafka.clock.after(this.#settings.lease / 3, this.#sign);
  }

  #drop(call: string, own: Own): void {
    if (this.#own.get(call) === own) this.#own.delete(call);
    this.#tell(call);
    if (this.#own.size > 0) return;
    this.#stopSigns?.();
    this.#stopSigns = undefined;
  }

  /** A sign of life, as long as claims are held. */
  readonly #sign = (): void => {
    this.#topic.write({ owner: this.#name }).catch(() => {});
    this.#stopSigns = this.#context.kafka.clock.after(this.#settings.lease / 3, this.#sign);
  };

  /** Resolves with news of a call, after `ms`, or when nobody waits any more. */
  #news(call: string, signal: AbortSignal, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(call) ?? new Set();
      this.#waiting.set(call, waiting);
      const end = () => {
        stop();
        signal.removeEventListener('abort', end);
        waiting.delete(end);
        if (waiting.size === 0) this.#waiting.delete(call);
        resolve();
      };
      const stop = ms === Number.POSITIVE_INFINITY ? () => {} : this.#context.kafka.clock.after(ms, end);
      signal.addEventListener('abort', end, { once: true });
      waiting.add(end);
    });
  }

  #tell(call: string): void {
    for (const end of [...(this.#waiting.get(call) ?? [])]) end();
  }

  #onWord(word: Word | Sign, timestamp: number, bytes: number): void {
    this.#heard.set(word.owner, this.#now);
    if (this.#heard.size > MAX_HEARD) {
      for (const owner of this.#heard.keys()) if (this.#lifeOf(owner) === 0) this.#heard.delete(owner);
    }
    if (word.call === undefined) return;
    this.#claims.expire(this.#now);
    const orphan = this.#claims.find(word.call)?.owner !== undefined;
    const counts = this.#claims.read(word, timestamp, bytes);
    if (word.owner === this.#name) this.#readBack(word, counts, orphan);
    this.#tell(word.call);
  }

  /**
   * A claim counts where it was the first, and where it is still waited for; else it is released, but for that of an
   * orphan: it may have run, which whoever comes next must know.
   */
  #readBack({ call, epoch, state }: Word, counts: boolean, orphan: boolean): void {
    const own = this.#own.get(call);
    const ours = own?.epoch === epoch;
    if (state !== 'claimed') {
      if (ours) this.#drop(call, own);
    } else if (ours && own.pending !== undefined && this.#now < own.at + this.#settings.lease) {
      own.pending.won(counts);
    } else if (counts && !this.#closed) {
      own?.pending?.fail(new KafkaError('unreachable', 'a claim was read back too late'));
      this.#hold(call, { epoch, at: this.#now, pending: undefined });
      const claim = this.#claimOf(call, epoch);
      const said = orphan && this.#settings.orphans === 'fail' ? claim.finish(LOST) : claim.release();
      said.catch(() => {});
    }
  }
}
