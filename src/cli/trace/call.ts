/** One call as the topics show it: its events, gathered in whatever order the records come, and joined where they repeat. */
import { named } from '../decoded.js';
import { withoutSecret } from '../secrets.js';
import type { Place, Sighting } from './sighting.js';

/** Events kept of one call; at the bound only what joins another is, the rest is counted. */
export const MAX_EVENTS = 1_000;
/** Milliseconds without items after which those that come next are an event of their own. */
const PAUSE = 1_000;

/** In the order of cause and effect, which counts for what has the same time. */
export const KINDS = ['request', 'open', 'credit', 'lost', 'items', 'result', 'error', 'cancel'] as const;

export interface Event {
  readonly kind: (typeof KINDS)[number];
  /** Of its first message; milliseconds since the epoch. */
  time: number;
  place: Place;
  /** The instance that has sent it; undefined for the caller's. */
  readonly server: string | undefined;
  /** Of its last message. */
  last: number;
  /** Messages that are one event: `$/next` in a row, say, or a broadcast. */
  messages: number;
  readonly request?: Request;
  /** What was asked for in all. */
  credit?: number;
  /** Of the stream; `seq` are the first and the last of its messages, or of those that are lost. */
  items?: number;
  seq?: readonly [first: number, last: number];
  /** Messages that came again. */
  repeated?: number;
  readonly attempt?: number;
  readonly error?: { readonly code: unknown; readonly message: string };
}

export interface Request {
  readonly service: string | undefined;
  readonly method: string;
  readonly timeout: number | undefined;
  readonly attempt: number | undefined;
  readonly stream: boolean;
  /** To every instance. */
  readonly broadcast: boolean;
}

export class TracedCall {
  readonly events: Event[] = [];
  /** Events that were too many. */
  more = 0;
  /** The first message's; milliseconds since the epoch. */
  since = Number.POSITIVE_INFINITY;
  /** The latest event that others of its kind, from the same side, may join. */
  readonly #runs = new Map<string, Event>();

  constructor(readonly caller: string) {}

  add(sighting: Sighting): void {
    const { message, time, sender } = sighting;
    this.since = Math.min(this.since, time);
    const params = (message.params ?? {}) as Readonly<Record<string, unknown>>;
    switch (message.method) {
      case undefined:
        this.#answered(sighting);
        break;
      case '$/open':
        this.#push('open', sighting);
        break;
      case '$/next':
        this.#next(sighting, count(params.seq), Array.isArray(params.items) ? params.items.length : 0);
        break;
      case '$/request': {
        const run = this.#join('credit', sighting) ?? this.#push('credit', sighting);
        if (run !== undefined) run.credit = Math.max(run.credit ?? 0, count(params.credit) ?? 0);
        break;
      }
      case '$/cancel':
        if (this.#join('cancel', sighting) === undefined) this.#push('cancel', sighting);
        break;
      default:
        if (sender === undefined || this.#join('request', sighting) === undefined)
          this.#push('request', sighting, { request: requestOf(sighting) });
    }
  }

  #answered(sighting: Sighting): void {
    const { error, meta } = sighting.message;
    const attempt = count((meta as { readonly attempt?: unknown } | null | undefined)?.attempt);
    if (error === undefined) this.#push('result', sighting, { attempt });
    else {
      const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
      const told = withoutSecret('message', typeof message === 'string' ? message : '');
      this.#push('error', sighting, { attempt, error: { code, message: told } });
    }
  }

  /** Items of one server come in order: a lower `seq` is a repeat, a higher one a gap. */
  #next(sighting: Sighting, seq: number | undefined, items: number): void {
    const before = this.#runs.get(keyOf('items', sighting));
    const expected = before?.seq === undefined ? undefined : before.seq[1] + 1;
    if (before !== undefined && seq !== undefined && expected !== undefined && seq < expected) {
      before.repeated = (before.repeated ?? 0) + 1;
      return;
    }
    const gap = seq !== undefined && expected !== undefined && seq > expected;
    if (gap) this.#push('lost', sighting, { seq: [expected, seq - 1] });
    const paused = before !== undefined && items > 0 && sighting.time - before.last > PAUSE;
    const full = this.events.length >= MAX_EVENTS;
    const joins = before !== undefined && (full || !(gap || paused));
    // What is empty keeps a stream alive, and doesn't end a pause.
    const run = joins ? before : this.#push('items', sighting);
    if (run === undefined) return;
    if (joins) run.messages += 1;
    if (items > 0) run.last = Math.max(run.last, sighting.time);
    run.items = (run.items ?? 0) + items;
    if (seq !== undefined) run.seq = [run.seq?.[0] ?? seq, seq];
  }

  #join(kind: Event['kind'], sighting: Sighting): Event | undefined {
    const run = this.#runs.get(keyOf(kind, sighting));
    if (run === undefined) return undefined;
    run.messages += 1;
    run.last = Math.max(run.last, sighting.time);
    // Partitions are read in any order.
    if (sighting.time < run.time) [run.time, run.place] = [sighting.time, sighting.place];
    return run;
  }

  #push(kind: Event['kind'], sighting: Sighting, details: Partial<Event> = {}): Event | undefined {
    const { time, place } = sighting;
    if (this.events.length >= MAX_EVENTS) {
      this.more += 1;
      return undefined;
    }
    const event = { kind, time, last: time, place, server: serverOf(sighting), messages: 1, ...details };
    this.events.push(event);
    this.#runs.set(keyOf(kind, sighting), event);
    return event;
  }
}

/** Joined are messages of one kind from one server, or to one topic. */
const keyOf = (kind: Event['kind'], sighting: Sighting): string =>
  `${kind} ${serverOf(sighting) ?? sighting.place.topic}`;

function serverOf({ caller, sender }: Sighting): string | undefined {
  return sender?.instance === caller ? undefined : sender?.instance;
}

function requestOf({ message, sender, service }: Sighting): Request {
  const meta = (message.meta ?? {}) as Readonly<Record<string, unknown>>;
  return {
    service,
    method: named(message.method),
    timeout: count(meta.timeout),
    attempt: count(meta.attempt),
    stream: count(meta.credit) !== undefined,
    broadcast: sender !== undefined,
  };
}

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
