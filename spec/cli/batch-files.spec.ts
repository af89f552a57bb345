import { linkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { filesOf } from '../../src/cli/batch/files.js';
import { temporaryFolder } from './command.js';

describe("a job's files", () => {
  const temp = temporaryFolder();
  const at = (name: string): string => join(temp.path, name);

  after(() => temp.remove());

  it('should put failures and the journal beside the output', () => {
    expect(filesOf(at('in'), { output: at('out.ndjson'), journal: true })).to.deep.equal({
      output: at('out.ndjson'),
      failures: at('out.failures.ndjson'),
      journal: at('out.ndjson.journal'),
    });
  });

  it('should put them nowhere where the output is no file', () => {
    expect(filesOf(at('in'), { output: '/dev/null', journal: true })).to.deep.equal({
      output: '/dev/null',
      failures: undefined,
      journal: undefined,
    });
  });

  it('should refuse one file for two purposes, whatever it is called', () => {
    writeFileSync(at('in'), '1\n');
    symlinkSync(at('in'), at('symbolic'));
    linkSync(at('in'), at('hard'));
    const refused = (input: string, output: string, failures?: string) =>
      expect(() => filesOf(input, { output, failures, journal: true })).to.throw(/expected one file each/);
    refused(at('in'), at('in'));
    refused(at('in'), at('symbolic'));
    refused(at('symbolic'), at('in'));
    refused(at('in'), at('out'), at('hard'));
    refused(at('in'), at('out'), at('out.journal'));
    refused(at('out.journal'), at('out'));
  });
});
