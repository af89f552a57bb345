import { expect } from 'chai';
import { parseConfig, readConfig } from '../../src/cli/config.js';
import { UsageError } from '../../src/cli/usage-error.js';

const SECRET = 'hunter2';

/** The message of the error, which must not tell the secret. */
function refusal(text: string): string {
  try {
    parseConfig(text, 'kafka.conf');
  } catch (error) {
    expect(error).to.be.instanceOf(UsageError);
    expect((error as Error).message).not.to.include(SECRET);
    return (error as Error).message;
  }
  throw new Error('expected a UsageError');
}

describe('a config file', () => {
  it('should be read as lines, with comments and blanks', () => {
    const text =
      '# TLS\n! also a comment\n\nsecurity.protocol = SASL_SSL\r\n  sasl.password=a=b c#d  \nempty=\n';
    expect(parseConfig(text, 'f').properties).to.deep.equal({
      'security.protocol': 'SASL_SSL',
      'sasl.password': 'a=b c#d',
      empty: '',
    });
  });

  it('should be read as JSON', () => {
    const text = '\n{"socket.timeout.ms": 10000, "socket.keepalive.enable": true, "sasl.username": "me"}';
    expect(parseConfig(text, 'f').properties).to.deep.equal({
      'socket.timeout.ms': 10000,
      'socket.keepalive.enable': true,
      'sasl.username': 'me',
    });
  });

  it('should be nothing when empty', () => {
    for (const text of ['', '\n# only a comment\n', '{}']) {
      expect(parseConfig(text, 'f')).to.deep.include({ brokers: undefined, properties: {} });
    }
  });

  it('should take the brokers out', () => {
    const { brokers, properties } = parseConfig('bootstrap.servers=a:1,b:2\nlinger.ms=0', 'f');
    expect(brokers).to.equal('a:1,b:2');
    expect(properties).to.deep.equal({ 'linger.ms': '0' });
  });

  it('should know where a property stands', () => {
    expect(parseConfig('# x\na=1\nb=2', 'f').where('b')).to.equal('f:3');
    expect(parseConfig('{\n "a": 1,\n "b": 2\n}', 'f').where('b')).to.equal('f:3');
    expect(parseConfig('', 'f').where('b')).to.equal(undefined);
  });

  it('should name the file and the line of what is wrong, and never a value', () => {
    expect(refusal(`a=1\n${SECRET}`)).to.equal('kafka.conf:2: expected name=value, or a comment after #');
    expect(refusal(`a=1\n=${SECRET}`)).to.include('kafka.conf:2:');
    expect(refusal(`${SECRET} x = y`)).to.include('kafka.conf:1:');
    expect(refusal(`a=1\n\na=${SECRET}`)).to.equal('kafka.conf:3: a is set twice');
    expect(refusal(`{\n"sasl.password": ["${SECRET}"]}`)).to.equal(
      'kafka.conf:2: sasl.password: expected a string, a number or a boolean',
    );
    for (const value of ['null', '{}']) expect(refusal(`{"a": ${value}}`)).to.include('kafka.conf:1: a:');
  });

  it('should name the line of broken JSON, and quote none of it', () => {
    expect(refusal(`{\n"a": "${SECRET}",\n"b": ${SECRET}\n}`)).to.equal('kafka.conf:3: not valid JSON');
    expect(refusal(`{\n"a": "${SECRET}"\n"b": 1\n}`)).to.equal('kafka.conf:3: not valid JSON');
    expect(refusal(`{\n"a": "${SECRET}",\n\n}`)).to.equal('kafka.conf:4: not valid JSON');
    expect(refusal(`{\n"a": "${SECRET}",`)).to.equal('kafka.conf:2: not valid JSON');
  });

  it('should say why it can not be read', () => {
    expect(() => readConfig('no/such.file')).to.throw(UsageError, "no/such.file: can't be read (ENOENT)");
    expect(() => readConfig('.')).to.throw(UsageError, "can't be read (EISDIR)");
  });
});
