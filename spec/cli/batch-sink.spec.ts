import { Writable } from 'node:stream';
import { expect } from 'chai';
import { streamSink } from '../../src/cli/batch/sink.js';

describe('a sink on stdout', () => {
  const failing = (code: string) =>
    streamSink(
      new Writable({
        write: (_, __, done) => done(Object.assign(new Error(code), { code })),
      }).on('error', () => {}) as unknown as NodeJS.WriteStream,
    );

  it('should refuse what a full disk has refused', async () => {
    const error = await failing('ENOSPC')
      .write('a result')
      .catch((reason) => reason);
    expect(error).to.include({ code: 'ENOSPC' });
  });

  it('should take what a reader that has gone would have had', async () => {
    const sink = failing('EPIPE');
    await sink.write('a result');
    await sink.write('another');
    expect(sink.bytes).to.equal(15);
  });
});
