import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { line } from '../../src/cli/output.js';

describe('the output', () => {
  it('should have no control character that acts on a terminal, and be the same JSON', () => {
    const value = { '\u009b31m': ['\x1b[2J', '\x7f', 'ü\u0085'] };
    expect(line(value)).to.equal('{"\\u009b31m":["\\u001b[2J","\\u007f","ü\\u0085"]}\n');
    expect(JSON.parse(line(value))).to.deep.equal(value);
  });

  it('should be a failure where a disk has no room for it', function () {
    if (!existsSync('/dev/full')) this.skip();
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const command = `"${process.execPath}" --import tsx "${main}" --version > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect(stderr).to.match(/^error: stdout: ENOSPC/);
    expect(status).to.equal(1);
  });
});
