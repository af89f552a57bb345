/** Copies a topic exactly once in a process of its own, to be killed. */
import { connect, transact } from '../../src/index.js';

const [brokers = '', input = '', output = '', id = '', batch = '100'] = process.argv.slice(2);
const connection = await connect({ brokers });
const from = connection.topic(input);
const to = connection.topic(output);
let failures = 0;
from.events$.subscribe((event) => {
  if (event.type === 'error') process.send?.({ aborted: event.error.message });
  if (event.type === 'assigned') process.send?.({ assigned: event.partitions.length });
});
transact(
  from.records$({ group: `${input}.group` }),
  (record) => {
    // Now and then the work fails, once outputs of its transaction are written.
    if (Number(record.value) % 997 === 0 && failures < 3) {
      failures += 1;
      throw new Error('now and then');
    }
    return to.toRecord(record.value, { key: record.key });
  },
  { transactionalId: id, maxBatch: Number(batch), maxWait: 20 },
).subscribe({
  next: ({ records, produced }) => process.send?.({ records, produced }),
  error: (error) => process.send?.({ ended: String(error) }),
});
process.on('disconnect', () => process.exit());
