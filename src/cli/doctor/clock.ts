/**
 * How far a server's clock is from this one. The record of an answer carries the time of its writing
 * by the server's clock, or the broker's where the topic says so; it was written within the round trip.
 */
import { lastValueFrom, takeUntil, timer, toArray } from 'rxjs';
import { type Connection, header } from '../../index.js';
import { shownTime } from '../figures.js';
import type { Tell } from './check.js';

const CORRELATION_ID = 'kafka_correlationId';
/** Milliseconds: a call's deadline is told as a duration, yet logs are read by time. */
const SKEW = 500;
/** Records looked through: others share the partition. */
const MAX_RECORDS = 10_000;

export async function clockCheck(
  connection: Connection,
  call: () => Promise<unknown>,
  timeout: number,
  tell: Tell,
): Promise<void> {
  const { topic, partition } = connection.inbox;
  const inbox = connection.topic(topic, { codec: 'raw' });
  const end = async () => (await inbox.positions())[partition]?.high ?? 0;
  const low = await end();
  const sent = Date.now();
  await call();
  const half = (Date.now() - sent) / 2;
  const high = Math.min(await end(), low + MAX_RECORDS);
  const records =
    high > low
      ? await lastValueFrom(
          inbox
            .records$({ from: { [partition]: low }, to: { [partition]: high } })
            .pipe(takeUntil(timer(timeout)), toArray()),
        )
      : [];
  const answer = records.find(({ headers, value }) => {
    const to = header(headers, CORRELATION_ID);
    return value !== null && to !== undefined && String(to) === connection.instance;
  });
  const name = 'clock';
  if (answer === undefined || answer.timestamp <= 0) {
    const remedy =
      'Compare the clocks by other means: the record of the answer was not found, or has no time.';
    tell({ name, state: 'warning', text: "can't be told", remedy });
    return;
  }
  const skew = answer.timestamp - (sent + half);
  const side = skew < 0 ? 'behind' : 'ahead of';
  const text =
    Math.abs(skew) <= half + 1
      ? `the server's agrees with this one, to ${shownTime(half + 1)}`
      : `the server's is ${shownTime(Math.abs(skew))} ${side} this one, to ${shownTime(half + 1)}`;
  // What is within the round trip is no difference, however long that took.
  if (Math.abs(skew) <= Math.max(SKEW, half + 1)) tell({ name, state: 'ok', text });
  else tell({ name, state: 'warning', text, remedy: 'Let both machines keep time by NTP.' });
}
