/**
 * Which topics a stream reads: one, several by their names, or those that match a pattern. Reading asks for their
 * names, the options for the offsets that are given by them.
 */
import { type Kafka, KafkaError } from './port.js';
import { type Offsets, type TopicOffsets, wrong } from './topic-options.js';

const NAME = /^[A-Za-z0-9._-]{1,249}$/;
const NAMES = '1 to 249 of the characters a-z A-Z 0-9 . _ -';

export class TopicSelection {
  readonly #topics: readonly string[] | RegExp;
  readonly #one: boolean;

  private constructor(topics: readonly string[] | RegExp, one: boolean) {
    this.#topics = topics;
    this.#one = one;
  }

  /** Throws a TypeError that says what a name is. */
  static one(name: string): TopicSelection {
    if (!isName(name)) throw wrong('topic', NAMES, name);
    return new TopicSelection([name], true);
  }

  /** Throws a TypeError that says what is accepted. */
  static several(given: readonly string[] | RegExp): TopicSelection {
    // What a `g` or `y` remembers of the last match would skip names.
    if (given instanceof RegExp)
      return new TopicSelection(new RegExp(given.source, given.flags.replace(/[gy]/g, '')), false);
    if (!Array.isArray(given) || given.length === 0)
      throw wrong('topics', 'a list of names or a RegExp', given);
    for (const name of given) if (!isName(name)) throw wrong('topics', NAMES, name);
    return new TopicSelection([...new Set<string>(given)], false);
  }

  /** Topics may come to belong to it, and cease to. */
  get open(): boolean {
    return this.#topics instanceof RegExp;
  }

  toString(): string {
    return this.#topics instanceof RegExp ? String(this.#topics) : this.#topics.join(', ');
  }

  /** Kafka's own topics, whose names begin with `__`, match no pattern. */
  has(name: string): boolean {
    if (!(this.#topics instanceof RegExp)) return this.#topics.includes(name);
    return !name.startsWith('__') && this.#topics.test(name);
  }

  /** The names at this moment. Rejects with reason `no topic` where none matches. */
  async find(kafka: Kafka): Promise<readonly string[]> {
    if (!(this.#topics instanceof RegExp)) return this.#topics;
    const found = (await kafka.topics()).filter((name) => this.has(name));
    if (found.length > 0) return found.sort();
    throw new KafkaError('no topic', `No topic matches ${this}, or there is no right to see it`);
  }

  /** What is said of explicit offsets in an error. */
  get offsetsText(): string {
    return this.#one ? 'offsets by partition' : 'offsets by topic and partition';
  }

  /** Explicit offsets by the topics' names; undefined where they aren't any. Throws where another topic is named. */
  offsets(field: string, given: unknown): TopicOffsets | undefined {
    if (typeof given !== 'object' || given === null) return undefined;
    const entries = this.#one ? [[String(this), given] as const] : Object.entries(given);
    const found = new Map<string, Offsets>();
    for (const [topic, offsets] of entries) {
      if (!isOffsets(offsets)) return undefined;
      if (!this.has(topic)) throw new TypeError(`${field}: ${topic} is none of the topics ${this}`);
      found.set(topic, offsets);
    }
    return found;
  }
}

const isName = (name: unknown): boolean =>
  typeof name === 'string' && NAME.test(name) && name !== '.' && name !== '..';

const isOffsets = (given: unknown): given is Offsets =>
  typeof given === 'object' &&
  given !== null &&
  Object.entries(given).every(
    ([partition, offset]) => /^\d+$/.test(partition) && Number.isInteger(offset) && offset >= 0,
  );
