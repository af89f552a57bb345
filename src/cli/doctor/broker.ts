/** What has to be there for anybody: the broker, the inbox topic, and a record's way there and back. */
import { firstValueFrom, timeout as within } from 'rxjs';
import type { Connection } from '../../index.js';
import { shownTime } from '../figures.js';
import { shown } from '../output.js';
import type { Tell } from './check.js';

/** The empty record's key: a compacted topic keeps one of them at most. */
const KEY = 'callstream doctor';

export async function brokerChecks(connection: Connection, timeout: number, tell: Tell): Promise<void> {
  const { topic, partition } = connection.inbox;
  const start = performance.now();
  const topics = await connection.topicNames();
  const took = shownTime(performance.now() - start);
  tell({ name: 'broker', state: 'ok', text: `${connection.brokers} answers in ${took}` });

  const inbox = connection.topic(topic, { codec: 'raw' });
  if (topics.includes(topic)) {
    const { length } = await inbox.positions();
    tell({
      name: 'inbox',
      state: 'ok',
      text: `${topic}, ${length} partitions, answers come to ${partition}`,
    });
  } else {
    const remedy = `Create ${topic}, or let this user describe it.`;
    tell({ name: 'inbox', state: 'problem', text: `${topic} can't be seen`, remedy });
    return;
  }

  const sent = performance.now();
  try {
    const { offset } = await inbox.publish(null, { key: KEY, partition });
    const from = { [partition]: offset };
    await firstValueFrom(
      inbox.records$({ from, to: { [partition]: offset + 1 } }).pipe(within({ first: timeout })),
    );
    const there = shownTime(performance.now() - sent);
    tell({ name: 'record', state: 'ok', text: `written and read back in ${there}` });
  } catch (error) {
    const text = `not written and read back: ${shown((error as Error).message)}`;
    const remedy = `See that the brokers are up, and that this user may write to and read from ${topic}.`;
    tell({ name: 'record', state: 'problem', text, remedy });
  }
}
