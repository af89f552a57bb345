import { expect } from 'chai';
import { CommanderError } from 'commander';
import { explain } from '../../src/cli/exit.js';
import { line } from '../../src/cli/output.js';
import { Stopped } from '../../src/cli/stop.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { FailedError, KafkaError, NotSentError, RpcError, UnknownError } from '../../src/index.js';

describe('the exit code', () => {
  const code = (error: unknown) => explain(error).code;

  it('should be 1 for an error of the other side, with its code, message and data', () => {
    const error = new RpcError(-32602, 'Invalid params', { data: [{ path: 'params[0]' }] });
    expect(explain(error)).to.deep.equal({
      code: 1,
      text: 'error -32602 Invalid params\n[\n  {\n    "path": "params[0]"\n  }\n]',
    });
    expect(explain(new RpcError(7, 'Seven')).text).to.equal('error 7 Seven');
    expect(explain(new RpcError(7, 'Seven', { data: 'a hint' })).text).to.equal('error 7 Seven\na hint');
    expect(explain(new RpcError(7, 'Seven', { data: null })).text).to.equal('error 7 Seven\nnull');
  });

  it('should be 2 for what the user can put right', () => {
    expect(code(new UsageError('x'))).to.equal(2);
    expect(code(new CommanderError(1, 'commander.unknownOption', 'x'))).to.equal(2);
    expect(code(new NotSentError('invalid params', 'x'))).to.equal(2);
  });

  it('should be 3 when the time is over, and tell what is known', () => {
    expect(explain(new UnknownError('timeout', 'no answer'))).to.deep.equal({
      code: 3,
      text: 'error: no answer (it may have run)',
    });
    expect(explain(new NotSentError('timeout', 'not sent'))).to.deep.equal({
      code: 3,
      text: 'error: not sent',
    });
    expect(code(new UnknownError('silence', 'x'))).to.equal(3);
    expect(code(new NotSentError('no topic', 'x'))).to.equal(3);
  });

  it('should be 4 when there is no way to Kafka', () => {
    expect(explain(new KafkaError('unreachable', 'No broker answers'))).to.deep.equal({
      code: 4,
      text: 'error: No broker answers',
    });
    for (const reason of ['denied', 'failed'] as const) expect(code(new KafkaError(reason, 'x'))).to.equal(4);
    const cause = new KafkaError('denied', 'x');
    expect(code(new FailedError('kafka', 'x', { cause }))).to.equal(4);
    expect(code(new FailedError('too large', 'x', { cause: new KafkaError('too large', 'x') }))).to.equal(1);
  });

  it('should be 0 for help and version, and that of the signal for a stop', () => {
    expect(explain(new CommanderError(0, 'commander.helpDisplayed', 'x'))).to.deep.equal({
      code: 0,
      text: '',
    });
    expect(explain(new Stopped(130))).to.include({ code: 130, text: '' });
  });

  it('should be 1 with a stack for what nobody foresaw', () => {
    const { code, text } = explain(new Error('a bug'));
    expect(code).to.equal(1);
    expect(text).to.match(/^error: Error: a bug\n {4}at /);
    expect(explain('a string').text).to.equal('error: a string');
  });

  it('should keep control characters of the other side from the terminal', () => {
    const { text } = explain(new RpcError(7, 'red \x1b[31m\x9b\x07', { data: 'line\nline\r\x1b' }));
    expect(text).to.equal('error 7 red \\u001b[31m\\u009b\\u0007\nline\nline\\u000d\\u001b');
  });
});

describe('a printed result', () => {
  it('should be one line of JSON', () => {
    expect(line({ a: 'x\ny' })).to.equal('{"a":"x\\ny"}\n');
    expect(line(null)).to.equal('null\n');
    expect(line(undefined)).to.equal('null\n');
    expect(line('text')).to.equal('"text"\n');
  });

  it('should have bytes as base64 and dates as ISO 8601', () => {
    expect(line([new Uint8Array([1, 2, 255]), Buffer.from('hi'), new Date(0)])).to.equal(
      '["AQL/","aGk=","1970-01-01T00:00:00.000Z"]\n',
    );
  });
});
