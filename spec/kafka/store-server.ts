/** A server in a process of its own, to be killed, that shares its answers; it writes down each call that begins. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, topicStore } from '../../src/index.js';

const [brokers = '', name = '', runs = ''] = process.argv.slice(2);
const connection = await connect({ brokers });
await connection.serve(
  name,
  {
    pid: () => process.pid,
    charge: async (order: number) => {
      appendFileSync(runs, `${order}\n`);
      await delay(20 + (order % 7) * 10);
      return `charged ${order}`;
    },
  },
  { store: topicStore({ lease: 5_000 }), concurrency: 32 },
);
process.send?.('ready');
