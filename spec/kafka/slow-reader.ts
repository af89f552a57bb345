// Reads a topic, from a process of its own, with a subscriber that blocks the event loop for 50 ms every 100 records:
//   slow-reader.ts TOPIC SECONDS
// Sends its parent the bytes that its memory (RSS) grew by since it connected, at most.
import { connect } from '../../src/index.js';
import { brokers } from './brokers.js';

const [topic = '', seconds = ''] = process.argv.slice(2);
const connection = await connect({ brokers });
const before = process.memoryUsage.rss();
const end = Date.now() + Number(seconds) * 1_000;
let count = 0;
let largest = 0;

connection
  .topic(topic, { codec: 'raw' })
  .records$()
  .subscribe(() => {
    count += 1;
    if (count % 100 !== 0) return;
    for (const until = Date.now() + 50; Date.now() < until; );
    largest = Math.max(largest, process.memoryUsage.rss());
    if (Date.now() > end) process.send?.({ count, grown: largest - before }, () => process.exit());
  });
