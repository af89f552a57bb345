import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { BEGINNING, type Checkpoint, type JobIdentity, Journal } from '../../src/cli/batch/journal.js';
import { temporaryFolder } from './command.js';
import { identity as job } from './job-identity.js';

describe("a job's journal", () => {
  const temp = temporaryFolder();
  const file = join(temp.path, 'out.journal');
  const identity: JobIdentity = { ...job, output: 'Ergebnisse für März' };
  const checkpoint = (next: number): Checkpoint => ({ next, failed: 0, output: next * 10, failures: 0 });
  const resumed = async (): Promise<Checkpoint> => {
    const journal = await Journal.resume(file, identity);
    await journal.close();
    return journal.at;
  };

  after(() => temp.remove());

  it('should go on from the last checkpoint that is whole, wherever a crash has cut it, and from the same one after another crash', async () => {
    const journal = await Journal.begin(file, identity);
    const header = readFileSync(file).length;
    await journal.checkpoint(checkpoint(1));
    const first = readFileSync(file).length;
    await journal.checkpoint(checkpoint(2));
    await journal.close();
    const whole = readFileSync(file);
    for (let size = header; size <= whole.length; size += 1) {
      writeFileSync(file, whole.subarray(0, size));
      const expected = size < first ? BEGINNING : checkpoint(size < whole.length ? 1 : 2);
      expect(await resumed(), `${size} bytes`).to.deep.equal(expected);
      expect(await resumed(), `${size} bytes, resumed twice`).to.deep.equal(expected);
    }
    for (let size = 0; size < header; size += 1) {
      writeFileSync(file, whole.subarray(0, size));
      const error = await resumed().catch((reason) => reason);
      expect(error.message, `${size} bytes`).to.match(/no journal of a job: remove it to begin anew/);
    }
  });

  it('should be of one process at a time, until that has ended', async function () {
    if (!['linux', 'win32'].includes(process.platform)) this.skip();
    const taken = async (other: Promise<Journal>) =>
      expect((await other.catch((reason) => reason)).message).to.match(
        /another process is at work on this job/,
      );
    const name = join(temp.path, 'shared.journal');
    const journal = await Journal.begin(name, identity);
    await taken(Journal.resume(name, identity));
    await taken(Journal.begin(name, identity));
    await journal.close();
    const next = await Journal.resume(name, identity);
    await taken(Journal.resume(name, identity));
    await next.close();
  });
});
