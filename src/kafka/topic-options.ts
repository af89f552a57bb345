/** How a topic is read: the options, their defaults, and their checks at the edge. */
import { known } from '../known.js';
import type { Assignor, GroupProtocol, Isolation } from './port.js';
import { type DeadLetters, isDeadLetters } from './topic-dead-letter.js';

/** Offsets by partition number. */
export type Offsets = Readonly<Record<number, number>>;

/** Offsets by partition number, by topic. */
export type OffsetsByTopic = Readonly<Record<string, Offsets>>;

/** The same, looked up by names that brokers tell. */
export type TopicOffsets = ReadonlyMap<string, Offsets>;

/** How `records$` and `records` read; `O` is how explicit offsets are given. */
export interface ReadOptions<O = Offsets> {
  /**
   * The consumer group: its members share the partitions, and acked records are committed for it. Without one, every
   * partition is read and nothing is committed. @default none
   */
  readonly group?: string;
  /**
   * Where reading begins: `committed` is where the group stands. With a group, everything else says where partitions
   * begin of which nothing is committed yet; the latest is where it was when the member first had the partition. A Date:
   * the first record of that time or younger. Offsets: partitions that are not named begin at the earliest.
   * @default 'committed' with a group, and the earliest where nothing is; 'earliest' without one
   */
  readonly from?: 'committed' | 'earliest' | 'latest' | Date | O;
  /**
   * Where it ends: never (`live`), at the high watermarks that are seen at the start (`now`), or before the given
   * offsets; partitions that are not named are not read. The last records of a transaction may come to be seen a moment
   * after its commit, and so not by `now`. @default 'live'
   */
  readonly to?: 'live' | 'now' | O;
  /**
   * Which records of transactions are read: `read_committed`, those of committed ones, up to the first transaction that
   * is open still; `read_uncommitted`, all at once, those of aborted transactions too.
   * @default 'read_committed', or what the connection's `librdkafka` sets as `isolation.level`
   */
  readonly isolation?: Isolation;
  /** Records out without an ack; at the bound none is emitted until one is acked. @default 1000 */
  readonly maxUnacked?: number;
  /** Bytes of keys and values out without an ack; one larger record is let through. @default 67108864 */
  readonly maxUnackedBytes?: number;
  /**
   * Acks each record when the subscriber's `next` has returned, or, with `records`, when the next one is asked for.
   * @default false with a group; without one nothing waits for an ack unless this is set to false
   */
  readonly autoAck?: boolean;
  /**
   * What becomes of a record that doesn't decode. It is counted and told on `events$` in any case. `skip`: acked.
   * `stop`: the stream ends with an InvalidRecordError. `deadLetter`: written to `deadLetter`, then acked.
   * @default 'skip', which never stops the stream; where nobody observes `events$` the connection's `onIssue` is told
   */
  readonly onInvalid?: 'skip' | 'stop' | 'deadLetter';
  /** The topic that takes records that don't decode, for `onInvalid: 'deadLetter'`. */
  readonly deadLetter?: DeadLetters;
  /** Milliseconds between commits. @default 500 */
  readonly commitInterval?: number;
  /** Acks after which a commit doesn't wait for the interval. @default 10000 */
  readonly commitEvery?: number;
  /** Milliseconds after which a nacked record is emitted again. @default 1000 */
  readonly nackDelay?: number;
  /**
   * How the group's partitions change hands. `eager`: at each change all are handed over and shared out anew.
   * `cooperative`: those alone that move; the others keep flowing. One for all members of a group.
   * @default 'eager'; the broker's, which is cooperative, with `protocol: 'consumer'`
   */
  readonly assignor?: Assignor;
  /**
   * The group's protocol: `consumer` is Kafka 4's (KIP-848), by which the broker assigns, with a session timeout of its
   * own. @default 'classic'
   */
  readonly protocol?: GroupProtocol;
  /**
   * A name for this member that outlives it: a member that comes back under it within its session timeout has its old
   * partitions at once, without a rebalance; until then nobody reads them. While one member has the name, a second one
   * ends the first (`protocol: 'classic'`) or is refused itself (`consumer`) with a KafkaError `fenced`. @default none
   */
  readonly groupInstanceId?: string;
  /**
   * Milliseconds after which the group gives the partitions of a silent member away. With `protocol: 'consumer'` the
   * broker decides (`group.consumer.session.timeout.ms`). @default 6000
   */
  readonly sessionTimeout?: number;
  /**
   * Milliseconds that a hand-over, and the end of a subscription, wait for the acks of what is out. With
   * `assignor: 'cooperative'` the commit behind them may take up to `sessionTimeout` more where another member has died.
   * @default 3000
   */
  readonly revokeTimeout?: number;
  /** Milliseconds between `lag` events; they are asked for only while `events$` is observed. @default 10000 */
  readonly lagInterval?: number;
  /**
   * Milliseconds between two looks for topics that have come to match a pattern, or are gone; for a live stream with a
   * group. @default 30000
   */
  readonly metadataInterval?: number;
}

/** Every option decided. */
export type ReadSettings = Required<Omit<ReadOptions<TopicOffsets>, Undecided>> &
  Pick<ReadOptions, Undecided>;

type Undecided = 'group' | 'deadLetter' | 'isolation' | 'assignor' | 'protocol' | 'groupInstanceId';

const MAX_TIMER = 2_147_483_647;

const READ: Readonly<Record<keyof ReadOptions, true>> = {
  group: true,
  from: true,
  to: true,
  isolation: true,
  maxUnacked: true,
  maxUnackedBytes: true,
  autoAck: true,
  onInvalid: true,
  deadLetter: true,
  commitInterval: true,
  commitEvery: true,
  nackDelay: true,
  assignor: true,
  protocol: true,
  groupInstanceId: true,
  sessionTimeout: true,
  revokeTimeout: true,
  lagInterval: true,
  metadataInterval: true,
};

/** Takes explicit offsets for the topics that are read. */
interface OffsetsReader {
  readonly offsetsText: string;
  /** Undefined where they aren't any. */
  offsets(field: string, given: unknown): TopicOffsets | undefined;
}

/** Throws a TypeError that names the field and what it accepts. */
export function readSettings(options: ReadOptions<any>, reader: OffsetsReader): ReadSettings {
  known(options, READ);
  const { group, deadLetter, isolation } = options;
  if (group !== undefined && (typeof group !== 'string' || group === ''))
    throw wrong('group', 'a name', group);
  if (isolation !== undefined && isolation !== 'read_committed' && isolation !== 'read_uncommitted')
    throw wrong('isolation', "'read_committed' or 'read_uncommitted'", isolation);
  const membership = groupSettings(options);
  const { from = group === undefined ? 'earliest' : 'committed', to = 'live' } = options;
  if (group === undefined && from === 'committed')
    throw new TypeError("from: 'committed' needs a group, whose commits they are");
  const begin =
    ['committed', 'earliest', 'latest'].includes(from) || isDate(from) || reader.offsets('from', from);
  if (begin === undefined)
    throw wrong('from', `'committed', 'earliest', 'latest', a Date or ${reader.offsetsText}`, from);
  const end = to === 'live' || to === 'now' || reader.offsets('to', to);
  if (end === undefined) throw wrong('to', `'live', 'now' or ${reader.offsetsText}`, to);
  const onInvalid = options.onInvalid ?? 'skip';
  if (!['skip', 'stop', 'deadLetter'].includes(onInvalid))
    throw wrong('onInvalid', "'skip', 'stop' or 'deadLetter'", onInvalid);
  if (onInvalid === 'deadLetter' && !isDeadLetters(deadLetter))
    throw wrong('deadLetter', "a topic, for onInvalid: 'deadLetter'", deadLetter);
  return {
    group,
    from: begin === true ? from : begin,
    to: end === true ? to : end,
    onInvalid,
    deadLetter,
    ...(isolation !== undefined && { isolation }),
    ...membership,
    autoAck: options.autoAck ?? group === undefined,
    maxUnacked: count('maxUnacked', options.maxUnacked ?? 1_000),
    maxUnackedBytes: count('maxUnackedBytes', options.maxUnackedBytes ?? 64 * 1024 * 1024),
    commitInterval: count('commitInterval', options.commitInterval ?? 500, MAX_TIMER),
    commitEvery: count('commitEvery', options.commitEvery ?? 10_000),
    nackDelay: count('nackDelay', options.nackDelay ?? 1_000, MAX_TIMER),
    sessionTimeout: count('sessionTimeout', options.sessionTimeout ?? 6_000, MAX_TIMER),
    revokeTimeout: count('revokeTimeout', options.revokeTimeout ?? 3_000, MAX_TIMER),
    lagInterval: count('lagInterval', options.lagInterval ?? 10_000, MAX_TIMER),
    metadataInterval: count('metadataInterval', options.metadataInterval ?? 30_000, MAX_TIMER),
  };
}

function groupSettings(
  options: ReadOptions<any>,
): Pick<ReadOptions, 'assignor' | 'protocol' | 'groupInstanceId'> {
  const { group, assignor, protocol, groupInstanceId, sessionTimeout } = options;
  const given = Object.entries({ assignor, protocol, groupInstanceId }).filter(
    ([, value]) => value !== undefined,
  );
  if (group === undefined && given.length > 0) throw new TypeError(`${given[0]?.[0]} needs a group`);
  if (![undefined, 'eager', 'cooperative'].includes(assignor))
    throw wrong('assignor', "'eager' or 'cooperative'", assignor);
  if (![undefined, 'classic', 'consumer'].includes(protocol))
    throw wrong('protocol', "'classic' or 'consumer'", protocol);
  if (groupInstanceId !== undefined && (typeof groupInstanceId !== 'string' || groupInstanceId === ''))
    throw wrong('groupInstanceId', 'a name', groupInstanceId);
  if (protocol === 'consumer' && assignor !== undefined)
    throw new TypeError("assignor: with protocol: 'consumer' the broker assigns");
  if (protocol === 'consumer' && sessionTimeout !== undefined)
    throw new TypeError("sessionTimeout: with protocol: 'consumer' the broker sets it");
  return Object.fromEntries(given);
}

/** An integer from 1 to `most`. */
export function count(field: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? 'from 1' : `from 1 to ${most}`;
  throw wrong(field, `an integer ${range}`, value);
}

/** What is wrong with an option. */
export function wrong(field: string, expected: string, got: unknown): TypeError {
  const shown = typeof got === 'string' ? JSON.stringify(got) : String(got);
  return new TypeError(`${field}: expected ${expected}, got ${shown}`);
}

const isDate = (given: unknown): boolean => given instanceof Date && !Number.isNaN(given.getTime());
