// npx tsx examples/simple/receiver.ts
import { connect } from 'callstream';
import * as methods from './methods.js';

const connection = await connect({ brokers: process.env.KAFKA_BROKERS ?? 'localhost:9092' });
await connection.serve('test', methods);
console.log('serving test');
process.once('SIGINT', () => connection.close());
