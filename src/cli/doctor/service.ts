/** What a service has to have: its topics, instances that answer, no lag, clocks that agree. */
import { isRight } from 'fp-ts/lib/Either.js';
import { lastValueFrom, toArray } from 'rxjs';
import { type Connection, discovery, type PartitionPosition, RpcError } from '../../index.js';
import { shownTime } from '../figures.js';
import { shown } from '../output.js';
import type { Tell } from './check.js';
import { clockCheck } from './clock.js';

/** Round trips whose median is told. */
const TRIPS = 9;
/** Records that may wait: a busy service has some at any time. */
const LAG = 1_000;
/** The part of the timeout after an answer in which another instance's may come. */
const STALL = 1 / 3;

export async function serviceChecks(
  connection: Connection,
  service: string,
  timeout: number,
  tell: Tell,
): Promise<void> {
  const client = connection.client(discovery(service), { timeout });
  const requests = `${service}.requests`;
  const start = `Start it with \`callstream serve MODULE --service ${service}\`, or correct the name.`;
  const topics = await connection.topicNames();
  if (!topics.includes(requests)) {
    tell({ name: 'requests', state: 'problem', text: `there is no topic ${requests}`, remedy: start });
    return;
  }
  const positions = await connection.topic(requests, { codec: 'raw' }).positions(service);
  tell({ name: 'requests', state: 'ok', text: `${requests}, ${positions.length} partitions` });
  repliesCheck(topics, `${service}.replies`, tell);

  const answers = await lastValueFrom(
    client
      .gather$('rpc.statistics', undefined, { timeout, stall: Math.ceil(STALL * timeout) })
      .pipe(toArray()),
  ).catch(() => []);
  instancesCheck(
    answers.map(({ instance }) => instance),
    positions.length,
    start,
    tell,
  );
  lagCheck(positions, answers.length, tell);
  if (answers.length === 0) return;

  const call = () => client.call('rpc.statistics').catch(answered);
  try {
    const trips: number[] = [];
    for (let trip = 0; trip < TRIPS; trip += 1) {
      const sent = performance.now();
      await call();
      trips.push(performance.now() - sent);
    }
    const median = trips.sort((a, b) => a - b)[Math.floor(TRIPS / 2)] as number;
    tell({ name: 'round trip', state: 'ok', text: `${shownTime(median)}, the median of ${TRIPS}` });
    await clockCheck(connection, call, timeout, tell);
  } catch (error) {
    const remedy =
      'See whether the instance with that partition hangs, or the group is being shared out anew.';
    tell({ name: 'round trip', state: 'problem', text: shown((error as Error).message), remedy });
  }
  const silent = answers.filter(({ result }) => !isRight(result)).length;
  if (silent > 0) {
    const text = `${silent} of ${answers.length} instances don't tell how they are`;
    tell({ name: 'discovery', state: 'warning', text, remedy: 'Serve with `discovery` on, its default.' });
  }
}

/** An error of the other side is an answer: servers without discovery know no such method. */
function answered(error: unknown): void {
  if (!(error instanceof RpcError)) throw error;
}

function repliesCheck(topics: readonly string[], replies: string, tell: Tell): void {
  if (topics.includes(replies)) tell({ name: 'replies', state: 'ok', text: replies });
  else {
    const remedy = 'Create it only for callers that name no reply topic: callstream needs none.';
    tell({ name: 'replies', state: 'warning', text: `there is no topic ${replies}`, remedy });
  }
}

function instancesCheck(names: readonly string[], partitions: number, start: string, tell: Tell): void {
  const name = 'instances';
  const text = `${names.length}${names.length === 0 ? ', nobody answers' : `: ${names.join(', ')}`}`;
  if (names.length === 0) tell({ name, state: 'problem', text, remedy: start });
  else if (names.length > partitions) {
    const remedy = `Give the topic as many partitions: ${names.length - partitions} of the instances are idle.`;
    tell({ name, state: 'warning', text: `${text}; for ${partitions} partitions`, remedy });
  } else tell({ name, state: 'ok', text });
}

function lagCheck(positions: readonly PartitionPosition[], instances: number, tell: Tell): void {
  const lag = positions.reduce((sum, { lag: one = 0 }) => sum + one, 0);
  const text = `${lag} records of requests wait`;
  if (lag <= LAG) tell({ name: 'lag', state: 'ok', text });
  else {
    const remedy =
      instances === 0 ? 'Start the service.' : 'Start more instances, or raise their concurrency.';
    tell({ name: 'lag', state: 'warning', text, remedy });
  }
}
