/** A topic on a broker in memory, on virtual time, and what a subscriber has seen. */
import type { Observable, Subscription } from 'rxjs';
import { type Connection, connect, type TopicEvent } from '../../src/index.js';
import type { TopicRecord } from '../../src/kafka/topic-record.js';
import { MemoryBroker, type MemoryBrokerOptions, VirtualClock } from '../../src/testing/index.js';

export const TOPIC = 'orders';

export class World {
  readonly clock = new VirtualClock();
  readonly broker: MemoryBroker;
  connection!: Connection;

  private constructor(options: MemoryBrokerOptions) {
    this.broker = new MemoryBroker({ clock: this.clock, ...options });
  }

  static async open(partitions = 1, options: MemoryBrokerOptions = {}): Promise<World> {
    const world = new World(options);
    world.broker.createTopic(TOPIC, partitions);
    world.connection = await world.connect();
    return world;
  }

  connect(kafka = this.broker.connect()): Promise<Connection> {
    return this.clock.until(connect({ kafka, onIssue: () => {} }));
  }

  /** Appends values, as JSON, to a partition. */
  fill(values: readonly unknown[], partition = 0): void {
    for (const value of values)
      this.broker.append({ topic: TOPIC, partition, value: Buffer.from(JSON.stringify(value)) });
  }

  committed(group: string, partition = 0): number | undefined {
    return this.broker.committed(group, { topic: TOPIC, partition });
  }
}

/** Numbers from 0. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Values, `complete`, the error's message; and the records that are out. */
export class Seen<T> {
  readonly log: unknown[] = [];
  readonly items: T[] = [];
  readonly subscription: Subscription;

  constructor(source$: Observable<T>, show: (item: T) => unknown = (item) => item) {
    this.subscription = source$.subscribe({
      next: (item) => {
        this.items.push(item);
        this.log.push(show(item));
      },
      error: (error) => this.log.push(`error ${error.message}`),
      complete: () => this.log.push('complete'),
    });
  }
}

export const theValue = ({ value }: TopicRecord<any, any>): unknown => value;

/** `type` and what is particular to it. */
export function brief(event: TopicEvent): string {
  if (event.type === 'assigned') return `assigned ${event.partitions.map((at) => at.partition).join()}`;
  if (event.type === 'revoked')
    return `${event.lost ? 'lost' : 'revoked'} ${event.partitions.map((at) => at.partition).join()}, ${event.unfinished} unfinished`;
  if (event.type === 'invalid') return `invalid ${event.record.offset}: ${event.reason}`;
  if (event.type === 'lag') return `lag ${event.partition}: ${event.lag}`;
  if (event.type === 'end') return `end ${event.partition}@${event.offset}`;
  return `error ${event.error.reason}`;
}
