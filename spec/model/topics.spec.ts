/**
 * Topics under random schedules: members that join, leave, die, freeze and are cut off, work that fails, records that
 * don't decode. Nothing is ever committed that wasn't done, and in the end all of it is.
 *
 * `SCHEDULES=2000 npx mocha spec/model/topics.spec.ts` plays as many; `SEED` begins with another one.
 */
import { expect } from 'chai';
import { type Observable, Observable as Of, type Subscription } from 'rxjs';
import {
  type Connection,
  type Output,
  processEach,
  type ReadOptions,
  type TopicRecord,
  transact,
} from '../../src/index.js';
import type { Kafka } from '../../src/kafka/port.js';
import { seeded } from '../../src/testing/index.js';
import { TOPIC, World } from '../topic/harness.js';

const SCHEDULES = Number(process.env.SCHEDULES ?? 50);
const SEED = Number(process.env.SEED ?? 1);
const LETTERS = 'letters';
const OUT = 'out';

interface Member {
  readonly kafka: Kafka;
  readonly connection: Connection;
  readonly subscription: Subscription;
  gone: boolean;
}

const nameOf = ({ partition, offset }: { readonly partition: number; readonly offset: number }): string =>
  `${TOPIC}/${partition}/${offset}`;

/** One schedule: what is drawn at its beginning, and what has come of it. */
class Play {
  readonly world: World;
  readonly partitions: number;
  /** Names of the records whose work was done. */
  readonly done = new Set<string>();
  readonly problems: string[] = [];
  readonly #random: () => number;
  readonly #reading: ReadOptions;
  readonly #members: Member[] = [];
  readonly #slow: number;
  readonly #failing: number;

  static async begin(seed: number): Promise<Play> {
    const random = seeded(seed);
    const partitions = 1 + Math.floor(random() * 3);
    return new Play(await World.open(partitions), partitions, random);
  }

  private constructor(world: World, partitions: number, random: () => number) {
    this.world = world;
    this.partitions = partitions;
    this.#random = random;
    this.#slow = this.draw(400);
    this.#failing = random() < 0.5 ? 0.1 : 0;
    this.#reading = {
      group: 'g',
      from: 'earliest',
      onInvalid: 'deadLetter',
      maxUnacked: this.draw(30),
      commitInterval: this.draw(800),
      commitEvery: this.draw(20),
      revokeTimeout: 100 + this.draw(4_000),
      nackDelay: this.draw(500),
    };
    world.broker.createTopic(LETTERS);
    world.broker.createTopic(OUT, 2);
    this.produce(10 + this.draw(50));
  }

  /** From 1 to `most`. */
  draw(most: number): number {
    return 1 + Math.floor(this.#random() * most);
  }

  chance(of: number): boolean {
    return this.#random() < of;
  }

  produce(records: number): void {
    for (let n = 0; n < records; n += 1)
      this.world.broker.append({
        topic: TOPIC,
        partition: this.draw(this.partitions) - 1,
        key: this.chance(0.5) ? `key ${this.draw(5)}` : null,
        value: Buffer.from(this.chance(0.03) ? '{' : '1'),
      });
  }

  /** Work of a drawn length, that may fail; one record of a key at a time, as long as a member has it. */
  work(record: TopicRecord<unknown>, running?: Set<string>): Observable<never> {
    return new Of((subscriber) => {
      const lane = record.key === null ? undefined : `${record.partition}/${record.key}`;
      if (lane !== undefined && running?.has(lane)) this.problems.push(`two at once of ${lane}`);
      if (lane !== undefined) running?.add(lane);
      const stop = this.world.clock.after(this.draw(this.#slow), () => {
        leave();
        if (this.chance(this.#failing)) subscriber.error(new Error('failed'));
        else {
          this.done.add(nameOf(record));
          subscriber.complete();
        }
      });
      const leave = (): void => {
        if (lane !== undefined) running?.delete(lane);
        stop();
      };
      return leave;
    });
  }

  async join(read: Read): Promise<void> {
    const { broker, clock } = this.world;
    const kafka = broker.connect();
    const connection = await this.world.connect(kafka);
    const deadLetter = connection.topic(LETTERS);
    const options = { ...this.#reading, deadLetter };
    const subscription = read(this, connection, options, this.#members.length).subscribe({
      error: (error) => {
        if (!member.gone) this.problems.push(`ended: ${error.message}`);
      },
    });
    const member = { kafka, connection, subscription, gone: false };
    this.#members.push(member);
    await clock.advance(50);
  }

  /** Something that happens to the group. */
  async step(read: Read): Promise<void> {
    const { broker, clock } = this.world;
    const there = this.#members.filter(({ gone }) => !gone);
    const member = there[this.draw(there.length) - 1];
    const what = this.draw(12);
    if (what <= 2 && there.length < 4) await this.join(read);
    else if (what === 3) broker.rebalance('g');
    else if (what === 4) this.produce(5);
    else if (member !== undefined && what <= 7) {
      member.gone = true;
      if (what === 5) member.subscription.unsubscribe();
      else if (what === 6) void member.connection.close();
      else broker.kill(member.kafka);
    } else if (member !== undefined && what === 8) {
      broker.freeze(member.kafka);
      await clock.advance(this.draw(12_000));
      broker.thaw(member.kafka);
    } else if (member !== undefined && what === 9) {
      broker.disconnect(member.kafka);
      await clock.advance(this.draw(9_000));
      broker.reconnect(member.kafka);
    }
    await clock.advance(this.draw(1_500));
  }

  /** What is committed and was neither done nor kept as a dead letter; in the end, what isn't committed too. */
  check(when: string, end = false): void {
    const { broker } = this.world;
    const kept = new Set(
      broker
        .records(LETTERS)
        .flatMap(({ headers }) => headers.map((header) => String(header['callstream-origin']))),
    );
    for (const record of broker.records(TOPIC)) {
      const name = nameOf(record);
      const committed = (this.world.committed('g', record.partition) ?? 0) > record.offset;
      if (committed && !this.done.has(name) && !kept.has(name))
        this.problems.push(`${when}: ${name} is lost`);
      if (end && !committed) this.problems.push(`${when}: ${name} is not committed`);
    }
  }

  async end(read: Read): Promise<void> {
    if (this.#members.every(({ gone }) => gone)) await this.join(read);
    // A transaction is tried again whole, up to 10 s later, and any of its records may fail it.
    await this.world.clock.advance(600_000);
    this.check('the end', true);
    for (const { subscription } of this.#members) subscription.unsubscribe();
    await this.world.clock.advance(20_000);
  }
}

type Read = (play: Play, connection: Connection, options: ReadOptions, member: number) => Observable<unknown>;

const reads: Readonly<Record<string, Read>> = {
  'acks and nacks': (play, connection, options) =>
    new Of((subscriber) =>
      connection
        .topic(TOPIC)
        .records$(options)
        .subscribe({
          next: (record) =>
            play.work(record).subscribe({ error: () => record.nack(), complete: () => record.ack() }),
          error: (error) => subscriber.error(error),
        }),
    ),
  processEach: (play, connection, options) => {
    const running = new Set<string>();
    const onError = { retry: { attempts: 1, delay: 5 }, deadLetter: connection.topic(LETTERS) };
    const process = processEach((record: TopicRecord<unknown>) => play.work(record, running), {
      concurrency: play.draw(16),
      onError,
    });
    return connection.topic(TOPIC).records$(options).pipe(process);
  },
  sink: (play, connection, options) =>
    connection
      .topic(TOPIC)
      .records$(options)
      .pipe(
        connection.topic(OUT).sink({
          maxInFlight: play.draw(5),
          value: nameOf,
          ack: (record: TopicRecord<unknown>) => ({
            ack: () => {
              play.done.add(nameOf(record));
              record.ack();
            },
            nack: () => record.nack(),
          }),
        }),
      ),
  transact: (play, connection, options, member) =>
    transact(
      connection.topic(TOPIC).records$(options),
      (record) =>
        new Of<Output>((subscriber) => {
          subscriber.next(connection.topic(OUT).toRecord(nameOf(record)));
          return play.work(record).subscribe(subscriber);
        }),
      {
        transactionalId: `member ${member}`,
        maxBatch: play.draw(30),
        maxWait: play.draw(50),
        onError: { retry: { attempts: 2 }, deadLetter: connection.topic(LETTERS) },
      },
    ),
};

describe('topics under random schedules', function () {
  this.timeout(60_000 + SCHEDULES * 1_000);

  for (const [name, read] of Object.entries(reads))
    it(`should lose nothing with ${name}`, async () => {
      for (let seed = SEED; seed < SEED + SCHEDULES; seed += 1) {
        const play = await Play.begin(seed);
        await play.join(read);
        for (let steps = 10 + play.draw(25); steps > 0 && play.problems.length === 0; steps -= 1) {
          await play.step(read);
          // A letter stands behind the transactions that others have left open, until these time out.
          if (name !== 'transact') play.check(`${steps} steps before the end`);
        }
        await play.end(read);
        if (name === 'transact') {
          const written = play.world.broker.records(OUT).map(({ value }) => String(value));
          expect(written.length, `SEED=${seed}: outputs are doubled`).equal(new Set(written).size);
        }
        expect(play.problems, `SEED=${seed}`).deep.equal([]);
      }
    });
});
