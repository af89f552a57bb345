/** How a traced call looks: a page of lines for a person, or one line of JSON for a program. */
import { fitted, type Part, type Width } from '../columns.js';
import { isoMoment, shownMoment } from '../moment.js';
import { line } from '../output.js';
import type { TracedCall } from './call.js';
import type { Taken } from './taken.js';
import type { Row, Timeline } from './timeline.js';
import { headline, placeOf, shownMs, textOf, wordOf } from './words.js';

export interface Traced {
  readonly id: string;
  readonly call: TracedCall;
  readonly timeline: Timeline;
  readonly taken: readonly Taken[];
}

const RED = new Set<Row['kind']>(['error', 'lost']);

/** A line for the whole, a line an event, and what has no time below; only events, with their places last, are cut. */
export function page(traced: Traced, width: Width): string {
  const { id, call, timeline } = traced;
  const { rows, deadline, outcome } = timeline;
  const lines: (readonly Part[])[] = [];
  const event = (time: number, gap: string, word: string, text: string, style: Part[1]) =>
    lines.push([[`  ${shownMoment(time)} ${gap.padStart(10)}`, 'dim'], [word.padEnd(9), style], [text]]);
  // It is of interest where it has passed.
  let told = deadline === undefined || !(outcome === 'unanswered' || rows.some(({ late }) => late));
  const tellDeadline = () => {
    event(
      deadline as number,
      '',
      'deadline',
      `${shownMs(timeline.request?.timeout ?? 0)} after the request`,
      'yellow',
    );
    told = true;
  };
  for (const [index, row] of rows.entries()) {
    if (!told && row.time > (deadline as number)) tellDeadline();
    const gap = index === 0 ? '' : `+${shownMs(row.gap)}`;
    event(row.time, gap, wordOf(row, timeline), textOf(row, timeline), RED.has(row.kind) ? 'red' : 'cyan');
  }
  if (!told) tellDeadline();
  const whole = { ...width, columns: undefined };
  const head: Part = [headline(id, call.caller, timeline), 'bold'];
  return [
    fitted([head], whole),
    ...lines.map((parts) => fitted(parts, width)),
    ...notes(traced).map((note) => fitted([[`  ${note}`]], whole)),
    '',
  ].join('\n');
}

function notes({ call, timeline, taken }: Traced): string[] {
  const { skew } = timeline;
  return [
    ...taken.map(takenText),
    ...(skew > 0
      ? [`a server's clock is ${shownMs(skew)} or more behind the caller's: an answer seems to come first`]
      : []),
    ...(call.more > 0 ? [`${call.more} further messages are not shown`] : []),
  ];
}

/** A position is all that Kafka keeps of it. */
function takenText({ group, topic, partition, offset, committed, taken }: Taken): string {
  const place = placeOf({ topic, partition, offset, index: undefined });
  if (taken) return `taken: the group ${group} has committed past ${place}; Kafka keeps no time of that`;
  const stands =
    committed === undefined
      ? 'has committed nothing there'
      : committed === offset
        ? 'is to commit it next: it waits, or runs still'
        : `is ${offset - committed} records before it`;
  return `not taken: ${place}; the group ${group} ${stands}`;
}

/** All that the lines say, with the times of its events. */
export function json({ id, call, timeline, taken }: Traced): string {
  const { request, rows, outcome, total, deadline, skew } = timeline;
  const { service, topic, method, stream, broadcast } = request ?? {};
  const { caller, more } = call;
  const about = { id, caller, service, topic, method, stream, broadcast, outcome, total, skew };
  const times = { deadline: deadline === undefined ? undefined : isoMoment(deadline) };
  return line({ ...about, ...times, events: rows.map((row) => eventOf(row, timeline)), taken, more });
}

function eventOf(row: Row, timeline: Timeline): object {
  const { kind: _, time, last, place, request, attempt = request?.attempt, ...details } = row;
  const until = last > time ? isoMoment(last) : undefined;
  return { event: wordOf(row, timeline), time: isoMoment(time), until, ...place, attempt, ...details };
}
