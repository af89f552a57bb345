/** What topics.ts measures: each run gives records per second, or megabytes. */
import { createRequire } from 'node:module';
import type { KafkaConsumer, Producer } from 'node-rdkafka';
import { Subject } from 'rxjs';
import { connect } from '../../src/index.js';

const rdkafka = createRequire(import.meta.url)('node-rdkafka') as typeof import('node-rdkafka');

export const PARTITIONS = 4;
const VALUE = Buffer.alloc(100, 'x');
const WINDOW = 10_000;

export type Run = (at: { brokers: string; topic: string; records: number }) => Promise<number>;

const perSecond = (records: number, since: number) => (records / (performance.now() - since)) * 1_000;

/** The bare flowing loop: no bounds, no order of acks, no decoding. */
const rawRead: Run = async ({ brokers, topic, records }) => {
  const consumer: KafkaConsumer = new rdkafka.KafkaConsumer(
    { 'bootstrap.servers': brokers, 'group.id': `bench-${process.pid}`, 'enable.auto.commit': false },
    {},
  );
  consumer.setDefaultConsumeTimeout(50);
  consumer.setDefaultConsumeLoopTimeoutDelay(0);
  await new Promise((resolve, reject) =>
    consumer.connect({}, (error) => (error ? reject(error) : resolve(0))),
  );
  const begin = performance.now();
  consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 0 })));
  let count = 0;
  await new Promise<void>((resolve) => {
    consumer.consume((error) => {
      if (error) return;
      count += 1;
      if (count === records) resolve();
    });
  });
  return perSecond(records, begin);
};

const topicRead: Run = async ({ brokers, topic, records }) => {
  const connection = await connect({ brokers });
  const begin = performance.now();
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    connection
      .topic(topic, { codec: 'raw' })
      .records$({ autoAck: true })
      .subscribe({
        next: () => {
          count += 1;
          if (count === records) resolve();
        },
        error: reject,
      });
  });
  return perSecond(records, begin);
};

/** In a group, with commits. */
const groupRead: Run = async ({ brokers, topic, records }) => {
  const connection = await connect({ brokers });
  const begin = performance.now();
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    connection
      .topic(topic, { codec: 'raw' })
      .records$({ group: `bench-${process.pid}-${Date.now()}`, autoAck: true })
      .subscribe({
        next: () => {
          count += 1;
          if (count === records) resolve();
        },
        error: reject,
      });
  });
  return perSecond(records, begin);
};

/** The largest RSS, in MB, of a reader that blocks the event loop for 50 ms every 100 records, over 30 s. */
const slowRead: Run = async ({ brokers, topic }) => {
  const connection = await connect({ brokers });
  let largest = 0;
  let count = 0;
  const end = Date.now() + 30_000;
  await new Promise<void>((resolve, reject) => {
    const subscription = connection
      .topic(topic, { codec: 'raw' })
      .records$({ autoAck: true })
      .subscribe({
        next: () => {
          count += 1;
          if (count % 100 !== 0) return;
          for (const until = Date.now() + 50; Date.now() < until; );
          largest = Math.max(largest, process.memoryUsage.rss());
          if (Date.now() < end) return;
          subscription.unsubscribe();
          resolve();
        },
        error: reject,
      });
  });
  return largest / 1e6;
};

/** As fast as the reports come, with as many in flight as the sink has; `opaques`: to know which record each is of. */
const rawWriter =
  (opaques: readonly unknown[]): Run =>
  async ({ brokers, topic, records }) => {
    const producer: Producer = new rdkafka.Producer({
      'bootstrap.servers': brokers,
      'enable.idempotence': true,
      'linger.ms': 0,
      dr_cb: true,
    });
    await new Promise((resolve, reject) =>
      producer.connect({}, (error) => (error ? reject(error) : resolve(0))),
    );
    producer.setPollInterval(1);
    const begin = performance.now();
    let sent = 0;
    let reported = 0;
    await new Promise<void>((resolve, reject) => {
      const send = () => {
        for (; sent < records && sent - reported < WINDOW; sent += 1)
          producer.produce(`${topic}-out`, sent % PARTITIONS, VALUE, null, undefined, opaques[sent % WINDOW]);
      };
      producer.on('delivery-report', (error) => {
        if (error) reject(error);
        reported += 1;
        if (reported === records) resolve();
        else send();
      });
      send();
    });
    return perSecond(records, begin);
  };

/** A source that pushes as the reports come, so that the sink, which has them in order, always has one to send. */
const topicWrite: Run = async ({ brokers, topic, records }) => {
  const connection = await connect({ brokers });
  const begin = performance.now();
  const source$ = new Subject<Buffer>();
  let pushed = 0;
  let reported = 0;
  let i = 0;
  await new Promise<void>((resolve, reject) => {
    const push = () => {
      while (pushed < records && pushed - reported < 2 * WINDOW) {
        pushed += 1;
        source$.next(VALUE);
      }
    };
    const record = () => ({ partition: i++ % PARTITIONS });
    source$.pipe(connection.topic(`${topic}-out`, { codec: 'raw' }).sink({ record })).subscribe({
      next: () => {
        reported += 1;
        if (reported === records) resolve();
        else push();
      },
      error: reject,
    });
    push();
  });
  return perSecond(records, begin);
};

const topicPull: Run = async ({ brokers, topic, records }) => {
  const connection = await connect({ brokers });
  const begin = performance.now();
  const values = function* () {
    for (let i = 0; i < records; i += 1) yield VALUE;
  };
  let i = 0;
  const record = () => ({ partition: i++ % PARTITIONS });
  const reports$ = connection.topic(`${topic}-out`, { codec: 'raw' }).publishAll(values(), { record });
  await new Promise<void>((resolve, reject) => {
    reports$.subscribe({ error: reject, complete: resolve });
  });
  return perSecond(records, begin);
};

export const runs = {
  rawRead,
  topicRead,
  groupRead,
  slowRead,
  rawWrite: rawWriter([]),
  opaqueWrite: rawWriter(Array.from({ length: WINDOW }, (_, number) => ({ number }))),
  topicWrite,
  topicPull,
} as const;
