// npx tsx examples/class/receiver.ts
import { connect } from 'callstream';

class Methods {
  echo(text: string) {
    return `RPC ${text}!`;
  }
}

const connection = await connect({ brokers: process.env.KAFKA_BROKERS ?? 'localhost:9092' });
await connection.serve('test', new Methods());
console.log('serving test');
process.once('SIGINT', () => connection.close());
