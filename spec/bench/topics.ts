/**
 * What topics cost: `node --import tsx spec/kafka/broker/main.ts node --import tsx spec/bench/topics.ts [RECORDS] [ROUNDS]`.
 * Reading and writing records of 100 bytes through topics and through bare loops of the same client, each in a process
 * of its own, in turn and back, behind a round that warms up; medians, of rates and of each round's ratio, and the
 * memory of a reader whose subscriber blocks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/index.js';
import { median } from './statistics.js';
import { PARTITIONS, type Run, runs } from './topic-runs.js';

const brokers = process.env.KAFKA_BROKERS ?? '';
const [given = '1000000', rounds = '5', only] = process.argv.slice(2);
const records = Number(given);

if (only !== undefined) {
  const [name, topic = ''] = only.split('=');
  const result = await (runs[name as keyof typeof runs] as Run)({ brokers, topic, records });
  process.stdout.write(JSON.stringify(result));
  process.exit();
}

if (brokers === '') {
  process.stderr.write('KAFKA_BROKERS is not set\n');
  process.exit(64);
}

const topic = `bench-topics-${records}`;
await fill();
const figures = new Map<string, number[]>();
const names = ['rawRead', 'topicRead', 'rawWrite', 'opaqueWrite', 'topicWrite', 'topicPull'] as const;
for (let round = 0; round <= Number(rounds); round += 1) {
  // The first warms the broker up.
  if (round === 1) figures.clear();
  for (const name of round % 2 === 0 ? names : names.toReversed()) await measure(name);
}
await measure('slowRead');
const rate = (name: string) => median(figures.get(name) ?? []);
const line = (what: string, name: string, bare: string) => {
  const ratios = (figures.get(name) ?? []).map((figure, round) => figure / (figures.get(bare)?.[round] ?? 0));
  return `${what}: ${Math.round(rate(name))} records/s, ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}) of the bare loop's ${Math.round(rate(bare))}\n`;
};
process.stdout.write(line('records$ with autoAck', 'topicRead', 'rawRead'));
process.stdout.write(line('bare loop that knows whose report it has', 'opaqueWrite', 'rawWrite'));
process.stdout.write(line('sink', 'topicWrite', 'rawWrite'));
process.stdout.write(line('publishAll', 'topicPull', 'rawWrite'));
process.stdout.write(`largest RSS with a subscriber that blocks: ${Math.round(rate('slowRead'))} MB\n`);
process.exit();

/** One measurement in a process of its own, so that none inherits another's heap. */
async function measure(name: keyof typeof runs): Promise<void> {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), given, rounds, `${name}=${topic}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let answer = '';
  child.stdout.on('data', (chunk) => {
    answer += chunk;
  });
  await once(child, 'close');
  const figure = Number(answer);
  figures.set(name, [...(figures.get(name) ?? []), figure]);
  process.stderr.write(`${name}: ${Math.round(figure)}\n`);
}

/** Fills the topic that is read, once for all runs on one broker. */
async function fill(): Promise<void> {
  const connection = await connect({ brokers });
  const made = new Set<string>();
  const { openKafka } = await import('../../src/kafka/librdkafka.js');
  const kafka = await openKafka({ brokers });
  for (const name of [topic, `${topic}-out`]) {
    const config = { 'retention.bytes': String(name === topic ? -1 : 64 * 1024 * 1024) };
    if ((await kafka.createTopic({ topic: name, partitions: PARTITIONS, config })) === 'created')
      made.add(name);
  }
  if (made.has(topic)) {
    const value = Buffer.alloc(100, 'x');
    const values = function* () {
      for (let i = 0; i < records; i += 1) yield value;
    };
    const target = connection.topic(topic, { codec: 'raw' });
    await new Promise<void>((resolve, reject) => {
      let i = 0;
      target
        .publishAll(values(), { record: () => ({ partition: i++ % PARTITIONS }) })
        .subscribe({ error: reject, complete: resolve });
    });
  }
  await kafka.close();
  await connection.close();
}
