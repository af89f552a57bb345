/** A member of a group in a process of its own: writes down what it has worked on, leaves when told to, or is killed. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, processEach, type ReadOptions } from '../../src/index.js';

const [brokers = '', name = '', member = '', file = '', options = '{}'] = process.argv.slice(2);
const connection = await connect({ brokers, onIssue: () => {} });
const topic = connection.topic(name);
topic.events$.subscribe((event) => {
  if (event.type === 'assigned') process.send?.({ assigned: event.partitions.length });
  if (event.type === 'revoked' && event.unfinished > 0) process.send?.({ unfinished: event.unfinished });
});
// One write a line, to one file: the lines of all members stand in the order of their work, a killed one's too.
const log = openSync(file, 'a');
topic
  .records$({ maxUnacked: 500, ...(JSON.parse(options) as ReadOptions) })
  .pipe(
    processEach(
      async ({ value }) => {
        await sleep(Math.random() * 5);
        writeSync(log, `${member} ${value}\n`);
      },
      { concurrency: 64, ordered: false },
    ),
  )
  .subscribe({ error: (error) => process.send?.({ error: String(error) }) });
process.on('message', () => void connection.close().then(() => process.exit()));
process.on('disconnect', () => process.exit());
