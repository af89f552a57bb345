import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { BEGINNING, Journal } from '../../src/cli/batch/journal.js';
import { Results } from '../../src/cli/batch/results.js';
import { FileSink, type Sink } from '../../src/cli/batch/sink.js';
import { temporaryFolder } from './command.js';
import { identity } from './job-identity.js';

describe("a job's results", () => {
  const temp = temporaryFolder();

  after(() => temp.remove());

  /** Takes a write only while there is room. */
  const limited = (sink: Sink, room: { free: boolean }): Sink => ({
    get bytes() {
      return sink.bytes;
    },
    write: async (text) => {
      if (!room.free) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      await sink.write(text);
    },
    sync: () => sink.sync(),
    close: () => sink.close(),
  });

  const begin = async (name: string, wrote: (error?: unknown) => void, room = { free: true }) => {
    const file = join(temp.path, name);
    const journal = await Journal.begin(`${file}.journal`, identity);
    const output = limited(await FileSink.open(file, 0), room);
    const failures = await FileSink.open(`${file}.failures`, 0);
    return { results: new Results(BEGINNING, { output, failures }, journal, wrote), journal, file, room };
  };

  it('should write nothing behind what a full disk has refused, so that a resumed job has it all', async () => {
    const told: unknown[] = [];
    const { results, journal, file, room } = await begin('full', (error) => told.push(error), {
      free: false,
    });
    results.add(0, '{"index":0}\n', false);
    await delay(150);
    expect(told).to.have.length(1);
    room.free = true;
    results.add(1, '{"index":1}\n', false);
    const error = await results.flush().catch((reason) => reason);
    expect(error).to.include({ code: 'ENOSPC' });
    await journal.close();
    expect(readFileSync(file, 'utf8')).to.equal('');
    const resumed = await Journal.resume(`${file}.journal`, identity);
    expect(resumed.at).to.deep.equal(BEGINNING);
    await resumed.close();
  });

  it('should not be flushed where the last piece was refused', async () => {
    const { results, journal, room } = await begin('last', () => {}, { free: false });
    results.add(0, '{"index":0}\n', false);
    await delay(150);
    room.free = true;
    const error = await results.flush().catch((reason) => reason);
    expect(error).to.include({ code: 'ENOSPC' });
    await journal.close();
  });
});
