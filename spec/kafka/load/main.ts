/** The loads at their full size, on the Kafka of KAFKA_BROKERS: `npm run load [-- streams|long|cancel|rolling]`. */
import { rollingRestart } from './rolling.js';
import { cancels, longStream, manyStreams } from './streams.js';

const brokers = process.env.KAFKA_BROKERS ?? '';
const loads: Record<string, () => Promise<object>> = {
  streams: () => manyStreams(brokers, 10_000, 100),
  long: () => longStream(brokers, 1_000_000),
  cancel: () => cancels(brokers, 200),
  rolling: () => rollingRestart(brokers, { seconds: 120, rate: 2_000 }),
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(loads, name));
if (unknown !== undefined || brokers === '') {
  const why = unknown === undefined ? 'KAFKA_BROKERS is not set' : `there is no load ${unknown}`;
  console.error(`${why}; npm run load -- [${Object.keys(loads).join('|')}]`);
  process.exit(64);
}
for (const [name, load] of Object.entries(loads)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(name, await load());
}
process.exit();
