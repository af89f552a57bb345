import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { History, historyFile, MAX_LENGTH, MAX_LINES } from '../../../src/cli/repl/history.js';
import { temporaryFolder } from '../command.js';

describe("a shell's history", () => {
  const folder = temporaryFolder();
  let count = 0;
  const fresh = () => join(folder.path, `deep/${count++}/history`);

  after(() => folder.remove());

  it('should be where XDG says, or CALLSTREAM_HISTORY', () => {
    const usual = join(homedir(), '.local/state/callstream/history');
    expect(historyFile({})).to.equal(usual);
    expect(historyFile({ XDG_STATE_HOME: 'relative' })).to.equal(usual);
    expect(historyFile({ XDG_STATE_HOME: '/state' })).to.equal('/state/callstream/history');
    expect(historyFile({ XDG_STATE_HOME: '/state', CALLSTREAM_HISTORY: 'h' })).to.equal('h');
    expect(historyFile({ CALLSTREAM_HISTORY: '' })).to.equal('');
  });

  it('should be there again, the newest first', () => {
    const file = fresh();
    const first = new History(file);
    for (const line of ['one', 'two', 'two', 'three']) first.add(line);
    expect(first.lines).to.deep.equal(['three', 'two', 'one']);
    expect(new History(file).lines).to.deep.equal(['three', 'two', 'one']);
  });

  it('should be for its owner only, also where it was for all', () => {
    const file = fresh();
    new History(file).add('one');
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    chmodSync(file, 0o644);
    expect(new History(file).lines).to.deep.equal(['one']);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('should not keep what begins with a space, nothing, or what is too long', () => {
    const file = fresh();
    const history = new History(file);
    for (const line of [' secret', '', '\tsecret', 'x'.repeat(MAX_LENGTH + 1), 'kept']) history.add(line);
    expect(history.lines).to.deep.equal(['kept']);
    expect(readFileSync(file, 'utf8')).to.equal('kept\n');
  });

  it('should be cut down to the newest', () => {
    const file = fresh();
    const history = new History(file);
    for (let n = 0; n < 2 * MAX_LINES + 1; n += 1) history.add(`line ${n}`);
    expect(history.lines).to.have.length(MAX_LINES);
    const again = new History(file);
    expect(again.lines).to.deep.equal(history.lines);
    expect(readFileSync(file, 'utf8').split('\n')).to.have.length(MAX_LINES + 1);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it("should keep two shells' lines", () => {
    const file = fresh();
    const [one, two] = [new History(file), new History(file)];
    one.add('of one');
    two.add('of two');
    one.add('of one again');
    expect(new History(file).lines).to.deep.equal(['of one again', 'of two', 'of one']);
  });

  it('should keep nothing without a file', () => {
    const history = new History('');
    history.add('one');
    expect(history.lines).to.deep.equal(['one']);
    expect(existsSync('')).to.equal(false);
  });

  it('should say where it cannot be', () => {
    const file = fresh();
    mkdirSync(file, { recursive: true });
    expect(() => new History(file)).to.throw('EISDIR');
    const below = fresh();
    mkdirSync(join(below, '..'), { recursive: true });
    writeFileSync(below, '');
    expect(() => new History(join(below, 'history'))).to.throw(/ENOTDIR|EEXIST/);
  });
});
