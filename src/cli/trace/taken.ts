/**
 * Whether a service has taken a request: its group's committed position is past it. Kafka keeps no time of a
 * commit, so this is no event, and says nothing of a request that runs still.
 */
import type { Connection } from '../../index.js';
import type { TracedCall } from './call.js';
import { serviceOf } from './sighting.js';

export interface Taken {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Of the last copy there. */
  readonly offset: number;
  /** Undefined where nothing is. */
  readonly committed: number | undefined;
  readonly taken: boolean;
}

type Positions = Awaited<ReturnType<ReturnType<Connection['topic']>['positions']>>;

/** Asks each group once. */
export class Groups {
  readonly #asked = new Map<string, Promise<Positions>>();

  constructor(
    readonly connection: Connection,
    /** Whose topics they are, where their names don't say. */
    readonly service: string | undefined,
  ) {}

  /** One for each partition that the call was sent to; none where the group isn't known. */
  async takenOf({ events }: TracedCall): Promise<readonly Taken[]> {
    const last = new Map<string, { topic: string; partition: number; offset: number }>();
    for (const { request, place } of events) {
      if (request === undefined || request.broadcast) continue;
      const key = `${place.topic} ${place.partition}`;
      if (place.offset >= (last.get(key)?.offset ?? 0)) last.set(key, place);
    }
    const found = [...last.values()].map(async ({ topic, partition, offset }) => {
      const group = this.service ?? serviceOf(topic);
      if (group === undefined) return [];
      const committed = (await this.#positions(topic, group))[partition]?.committed;
      return [{ group, topic, partition, offset, committed, taken: (committed ?? 0) > offset }];
    });
    return (await Promise.all(found)).flat();
  }

  #positions(topic: string, group: string): Promise<Positions> {
    let positions = this.#asked.get(topic);
    if (positions === undefined) {
      positions = this.connection.topic(topic, { codec: 'raw' }).positions(group);
      this.#asked.set(topic, positions);
    }
    return positions;
  }
}
