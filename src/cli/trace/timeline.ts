/** What the events of a call come to: their order, the time between them, and how the call ended. */
import { errors } from '../../index.js';
import { type Event, KINDS, type Request, type TracedCall } from './call.js';

/**
 * Milliseconds before the deadline from which a cancel, or an error that says so, is for its sake: both ends count
 * from the call, but records have the time at which they are made, later by a turn of the event loop.
 */
const marginOf = (timeout: number): number => Math.min(250, timeout / 10);

/** As far as the records show it. */
export type Outcome =
  | 'answered'
  | 'failed' // with an error as its answer
  | 'cancelled' // by its caller
  | 'unanswered' // by its deadline
  | 'waiting' // its deadline, if it has one, is to come
  | 'open'; // a stream that goes on

export interface Row extends Event {
  /** Milliseconds since the rows before it had ended. */
  readonly gap: number;
  /** An answer after one that ended the call: its caller takes the first. */
  readonly again: boolean;
  /** An answer after the deadline. */
  readonly late: boolean;
}

export interface Timeline {
  /** Undefined where it was not found. */
  readonly request: (Request & { readonly topic: string }) | undefined;
  readonly rows: readonly Row[];
  readonly outcome: Outcome;
  /** Milliseconds from the request to what ended the call, or came last. */
  readonly total: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number | undefined;
  /** Milliseconds until then; 0 once it has passed. */
  readonly left: number;
  /** Milliseconds, at least, by which a server's clock is behind its caller's, where an answer seems to come first. */
  readonly skew: number;
}

export function timelineOf({ events }: TracedCall, now: number): Timeline {
  const sorted = events.toSorted((a, b) => a.time - b.time || orderOf(a) - orderOf(b));
  const first = sorted.find(({ kind }) => kind === 'request');
  const request = first?.request && { ...first.request, topic: first.place.topic };
  const start = first?.time ?? sorted[0]?.time ?? now;
  const deadline = request?.timeout === undefined ? undefined : start + request.timeout;
  const rows = rowsOf(sorted, deadline ?? Number.POSITIVE_INFINITY, request?.broadcast === true);
  const answers = rows.filter((row) => isAnswer(row) && !row.again);
  const end = request?.broadcast ? answers.at(-1) : (answers.find(isFinal) ?? answers.at(-1));
  const cancel = rows.find(({ kind }) => kind === 'cancel');
  const gone = cancel !== undefined && (end === undefined || rows.indexOf(cancel) < rows.indexOf(end));
  const last = gone ? cancel : (end ?? rows.reduce((a, b) => (b.last > a.last ? b : a), rows[0] as Row));
  const stopped = gone || (end !== undefined && isExpired(end));
  const margin = stopped ? marginOf(request?.timeout ?? 0) : 0;
  const overdue = deadline !== undefined && ((gone ? cancel : end)?.time ?? now) + margin >= deadline;
  const opened = rows.some(({ kind, late }) => kind === 'open' && !late);
  const outcome = (): Outcome => {
    if (overdue && !opened && (stopped || end === undefined || end.late)) return 'unanswered';
    if (gone) return 'cancelled';
    if (end !== undefined) return end.kind === 'error' ? 'failed' : 'answered';
    return opened ? 'open' : 'waiting';
  };
  const earliest = Math.min(start, ...rows.filter(isServers).map(({ time }) => time));
  return {
    request,
    rows,
    outcome: outcome(),
    total: Math.max(0, (last?.last ?? start) - start),
    deadline,
    left: Math.max(0, (deadline ?? now) - now),
    skew: first === undefined ? 0 : start - earliest,
  };
}

function rowsOf(sorted: readonly Event[], deadline: number, broadcast: boolean): Row[] {
  const opened = sorted.some(({ kind, time }) => kind === 'open' && time <= deadline);
  /** Who has ended the call; every instance answers a broadcast. */
  const ended = new Set<string>();
  let before = sorted[0]?.time ?? 0;
  return sorted.map((event) => {
    const by = (broadcast ? event.server : undefined) ?? '';
    const row = {
      ...event,
      gap: Math.max(0, event.time - before),
      again: isAnswer(event) && ended.has(by),
      late: isServers(event) && !opened && event.time > deadline,
    };
    before = Math.max(before, event.last);
    if (isAnswer(event) && isFinal(event)) ended.add(by);
    return row;
  });
}

/** At one time what was cancelled follows the cancel, and every other answer is before it. */
const orderOf = ({ kind, error }: Event): number =>
  error?.code === errors.cancelled.code ? KINDS.length : KINDS.indexOf(kind);

const isServers = ({ kind }: Event): boolean => !['request', 'credit', 'cancel'].includes(kind);

export const isAnswer = ({ kind }: Event): boolean => kind === 'result' || kind === 'error';

/** Its server stopped at the deadline, or came to it too late. */
export const isExpired = ({ error }: Event): boolean => error?.code === errors.expired.code;

/** A refusal may be followed by a retry. */
const isFinal = ({ error }: Event): boolean => error?.code !== errors.overloaded.code;
