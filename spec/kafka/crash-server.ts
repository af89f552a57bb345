/** A server in a process of its own, to be killed. */
import { connect } from '../../src/index.js';

const [brokers = '', name = ''] = process.argv.slice(2);
const connection = await connect({ brokers });
await connection.serve(name, {
  pid: () => process.pid,
  hang: () => new Promise(() => {}),
});
process.send?.('ready');
