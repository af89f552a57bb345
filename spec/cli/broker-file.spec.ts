import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  assertNoBroker,
  brokerFile,
  findBroker,
  readBrokerFile,
  removeBrokerFile,
  writeBrokerFile,
} from '../../src/cli/broker-file.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { temporaryFolder } from './command.js';

describe('the file of a running broker', () => {
  let server: Server;
  let brokers: string;
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;

  before((done) => {
    server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1', () => {
      brokers = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      done();
    });
  });

  after(() => server.close());

  beforeEach(() => {
    folder = temporaryFolder();
    file = join(folder.path, 'broker.json');
  });

  afterEach(() => folder.remove());

  const leave = (content: object | string, mode = 0o600) => {
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    chmodSync(file, mode);
  };

  it('should be one a user, under the temp folder', () => {
    expect(brokerFile()).to.match(new RegExp(`callstream-broker-${process.getuid?.()}\\.json$`));
  });

  it('should be readable by its owner only', async () => {
    await writeBrokerFile(brokers, file);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(readBrokerFile(file)).to.deep.equal({ brokers, pid: process.pid });
    expect(await findBroker(file)).to.deep.equal({ brokers, pid: process.pid });
  });

  it('should be removed by its own process only', async () => {
    await writeBrokerFile(brokers, file);
    removeBrokerFile(file);
    expect(readBrokerFile(file)).to.equal(undefined);
    leave({ brokers, pid: process.ppid });
    removeBrokerFile(file);
    expect(readBrokerFile(file)).to.deep.equal({ brokers, pid: process.ppid });
  });

  it('should refuse a second broker', async () => {
    leave({ brokers, pid: process.pid });
    for (const attempt of [assertNoBroker(file), writeBrokerFile('127.0.0.1:1', file)]) {
      const error = await attempt.then(
        () => undefined,
        (reason) => reason,
      );
      expect(error).to.be.instanceOf(UsageError);
      expect(error.message).to.include(`a broker is running already: ${brokers}`);
    }
    expect(readBrokerFile(file)?.brokers).to.equal(brokers);
  });

  it('should be ignored and replaced when its process or its port has gone', async () => {
    const gone = spawnSync(process.execPath, ['--version']).pid;
    for (const stale of [
      { brokers, pid: gone },
      { brokers: '127.0.0.1:1', pid: process.pid },
    ]) {
      leave(stale);
      expect(await findBroker(file)).to.equal(undefined);
      await writeBrokerFile(brokers, file);
      expect(await findBroker(file)).to.deep.equal({ brokers, pid: process.pid });
    }
  });

  it('should not be trusted when others could have written or can read it', () => {
    for (const mode of [0o644, 0o660, 0o602]) {
      leave({ brokers, pid: process.pid }, mode);
      expect(readBrokerFile(file), mode.toString(8)).to.equal(undefined);
    }
  });

  it('should not be read or written through a symbolic link', async () => {
    const target = join(folder.path, 'target');
    writeFileSync(target, JSON.stringify({ brokers, pid: process.pid }), { mode: 0o600 });
    symlinkSync(target, file);
    expect(readBrokerFile(file)).to.equal(undefined);
    await writeBrokerFile('127.0.0.1:2', file);
    expect(JSON.parse(readFileSync(target, 'utf8')).brokers).to.equal(brokers);
    expect(readBrokerFile(file)?.brokers).to.equal('127.0.0.1:2');
  });

  it('should not hang on a named pipe', () => {
    if (spawnSync('mkfifo', ['-m', '600', file]).status !== 0) return;
    expect(readBrokerFile(file)).to.equal(undefined);
  });

  it('should be ignored when it makes no sense', () => {
    for (const content of [
      '',
      '{',
      'null',
      '[]',
      { brokers },
      { brokers, pid: 0 },
      { brokers, pid: -1 },
      { brokers: 'no port', pid: 1 },
      { brokers: 5, pid: 1 },
      { brokers: `${brokers}\u001b`, pid: 1 },
    ]) {
      leave(content);
      expect(readBrokerFile(file), JSON.stringify(content)).to.equal(undefined);
    }
  });

  it('should say so where it can not be written', async () => {
    mkdirSync(file);
    const error = await writeBrokerFile(brokers, file).catch((reason) => reason);
    expect(error).to.be.instanceOf(UsageError);
    expect(error.message).to.include("can't be written");
  });
});
