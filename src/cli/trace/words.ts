/** The rows of a timeline in words: what happened, then how much of it. */
import { errors } from '../../index.js';
import { named } from '../decoded.js';
import { counted, shownNumber } from '../figures.js';
import type { Place } from './sighting.js';
import { isAnswer, isExpired, type Row, type Timeline } from './timeline.js';

const NAMES = new Map<unknown, string>(Object.entries(errors).map(([name, { code }]) => [code, name]));

/** One word for what a row is. */
export function wordOf(row: Row, { rows }: Timeline): string {
  const { kind, request, place } = row;
  if (kind === 'result') return rows.some((other) => other.kind === 'open') ? 'end' : 'result';
  if (request === undefined) return kind;
  if (request.broadcast) return 'broadcast';
  const first = rows.find((other) => other.kind === 'request') ?? row;
  if (first === row) return 'sent';
  return first.place.partition === place.partition ? 'retry' : 'hedge';
}

/** What there is to say of a row. */
export function textOf(row: Row, timeline: Timeline): string {
  const { kind, place, server, messages, request, seq, late, again, repeated = 0 } = row;
  const parts = [];
  if (kind === 'error') parts.push(shownError(row));
  if (kind === 'items') {
    parts.push(`${counted(row.items ?? 0, 'item')} in ${counted(messages, 'message')}`);
    if (row.last > row.time) parts.push(`over ${shownMs(row.last - row.time)}`);
    if (repeated > 0) parts.push(`${counted(repeated, 'message')} again`);
  }
  if (kind === 'lost' && seq !== undefined) parts.push(`$/next ${seq[0]} to ${seq[1]} are missing`);
  if (kind === 'credit')
    parts.push(`${shownNumber(row.credit ?? 0)} items in all, ${counted(messages, 'message')}`);
  if (row.attempt !== undefined) parts.push(`to attempt ${row.attempt}`);
  if (request?.attempt !== undefined) parts.push(`attempt ${request.attempt}`);
  if (late && timeline.deadline !== undefined)
    parts.push(`${shownMs(row.time - timeline.deadline)} after the deadline`);
  if (again) parts.push('again: the caller takes the first');
  if (server !== undefined) parts.push(`by ${server}`);
  const several = messages > 1 && (kind === 'request' || kind === 'cancel');
  parts.push(several ? `${counted(messages, 'record')} of ${place.topic}` : placeOf(place));
  return parts.join(', ');
}

/** The call and how it ended. */
export function headline(id: string, caller: string, timeline: Timeline): string {
  const { request, rows } = timeline;
  const call =
    request === undefined
      ? 'a call whose request was not found'
      : `${request.service ?? request.topic}.${request.method}`;
  const requests = rows.filter((row) => row.request !== undefined).length;
  const pause = rows.reduce((a, b) => (b.gap > a.gap ? b : a), rows[0] as Row);
  return [
    `${call} #${id}${caller === '' ? '' : ` of ${caller}`}: ${outcomeOf(timeline)}`,
    ...(requests > 1 ? [`sent ${requests} times`] : []),
    ...(rows.length > 2 && pause.gap > 0
      ? [`the longest gap ${shownMs(pause.gap)}, before \`${wordOf(pause, timeline)}\``]
      : []),
  ].join('; ');
}

function outcomeOf({ outcome, rows, request, total, deadline, left }: Timeline): string {
  const after = shownMs(total);
  const items = rows.reduce((sum, row) => sum + (row.items ?? 0), 0);
  const streams = rows.some(({ kind }) => kind === 'open');
  const answers = rows.filter((row) => isAnswer(row) && !row.again);
  switch (outcome) {
    case 'answered':
      if (request?.broadcast) return `${counted(answers.length, 'answer')}, the last after ${after}`;
      return streams ? `ended after ${after}, ${counted(items, 'item')}` : `answered after ${after}`;
    case 'failed':
      return `failed after ${after}: ${shownError(answers.at(-1) as Row)}`;
    case 'cancelled':
      return `cancelled by its caller after ${after}${streams ? `, ${counted(items, 'item')}` : ''}`;
    case 'open':
      return `a stream that goes on, ${counted(items, 'item')} so far`;
    case 'unanswered':
      return `no answer within ${shownMs(request?.timeout ?? 0)}${answers.some((row) => row.late && !isExpired(row)) ? ', one came later' : ''}`;
    case 'waiting':
      return deadline === undefined ? 'no answer' : `no answer yet, ${shownMs(left)} are left`;
  }
}

/** As `-32601 methodNotFound: Method not found`. */
function shownError({ error }: Row): string {
  const code = named(error?.code);
  const name = NAMES.get(error?.code);
  return `${name === undefined ? code : `${code} ${name}`}: ${error?.message}`;
}

export function placeOf({ topic, partition, offset, index }: Place): string {
  return `${topic} ${partition}@${offset}${index === undefined ? '' : `[${index}]`}`;
}

export const shownMs = (value: number): string => `${shownNumber(value)} ms`;
