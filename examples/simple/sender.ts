// npx tsx examples/simple/sender.ts
import { createInterface } from 'node:readline';
import { connect } from 'callstream';

const connection = await connect({ brokers: process.env.KAFKA_BROKERS ?? 'localhost:9092' });
const client = connection.client('test');
process.stdout.write('text: ');
for await (const text of createInterface(process.stdin))
  process.stdout.write(`${await client.call('echo', [text])}\ntext: `);
await connection.close();
