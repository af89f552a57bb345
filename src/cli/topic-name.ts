/** A topic's name as a person gives it: that it is there, or what was meant. */
import type { Connection } from '../index.js';
import { UsageError } from './usage-error.js';

/** Names that are suggested, at most. */
const SUGGESTIONS = 5;

/** Refuses a topic that isn't there, with those that may be meant: a service's, for its name alone. */
export async function assertTopic(connection: Connection, name: string): Promise<void> {
  const names = await connection.topicNames();
  if (names.includes(name)) return;
  const own = [`${name}.requests`, `${name}.replies`].filter((topic) => names.includes(topic));
  const part = name.toLowerCase();
  const alike = names.filter((topic) => {
    const other = topic.toLowerCase();
    return other.includes(part) || part.includes(other);
  });
  const meant = (own.length > 0 ? own : alike).slice(0, SUGGESTIONS);
  const hint =
    own.length > 0
      ? `; the service ${name} has ${meant.join(' and ')}`
      : meant.length > 0
        ? `; there is ${meant.join(', ')}`
        : '';
  throw new UsageError(`there is no topic ${name}, or no right to see it${hint}`);
}
