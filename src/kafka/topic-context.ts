/** What a subscription is given by its topics. */
import type { Either } from 'fp-ts/lib/Either.js';
import type { Kafka } from './port.js';
import type { TopicEvent } from './topic-events.js';
import type { TopicSelection } from './topic-selection.js';

export interface ReadContext<V, K> {
  readonly kafka: Kafka;
  readonly selection: TopicSelection;
  readValue(bytes: Buffer): Either<string, V>;
  readKey(bytes: Buffer): Either<string, K>;
  /** Whether anybody looks at the topic's events. */
  readonly observed: boolean;
  tell(event: TopicEvent): void;
}
