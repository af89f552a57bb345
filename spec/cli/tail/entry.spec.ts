import { expect } from 'chai';
import { entriesOf } from '../../../src/cli/tail/entry.js';
import { type Filters, filterOf } from '../../../src/cli/tail/filter.js';
import { Look } from '../../../src/cli/tail/look.js';
import type { TopicRecord } from '../../../src/index.js';

const look = (secrets = false, columns?: number) => new Look(secrets, { colours: false, columns });

const record = (value: Buffer | string | null, more: object = {}) =>
  ({
    topic: 'orders',
    partition: 2,
    offset: 5,
    timestamp: Date.now(),
    key: Buffer.from('a'),
    headers: [{ kind: 'note' }, { token: 'x' }],
    value: typeof value === 'string' ? Buffer.from(value) : value,
    ...more,
  }) as unknown as TopicRecord<Buffer, Buffer>;

const calls = record(
  JSON.stringify([
    {
      jsonrpc: '2.0',
      id: 7,
      method: 'add',
      params: [1, 2],
      meta: { headers: { authorization: 'Bearer 123' } },
    },
    { jsonrpc: '2.0', method: '$/cancel', params: { id: 8 } },
    { jsonrpc: '2.0', id: 9, error: { code: 1, message: 'no' } },
  ]),
);

describe('an entry of callstream tail', () => {
  const filters = (name: string, wanted: Filters, expected: readonly number[]) =>
    it(`should be looked for by ${name}`, () => {
      const found = entriesOf(calls).filter(filterOf(wanted, look()));
      expect(found.map(({ index }) => index)).to.deep.equal(expected);
    });
  filters('its key', { key: 'a' }, [0, 1, 2]);
  filters('another key', { key: 'b' }, []);
  filters('method', { method: 'add' }, [0]);
  filters('id', { id: '7' }, [0]);
  filters('the id that a control message is about', { id: '8' }, [1]);
  filters('a header', { header: ['kind'] }, [0, 1, 2]);
  filters("a header's value", { header: ['kind=note', 'token=y'] }, []);
  filters('text', { grep: '"no"' }, [2]);
  filters('text that is hidden', { grep: 'Bearer' }, []);

  const shows = (name: string, value: Buffer | string | null, expected: string, columns?: number) =>
    it(`should show ${name}`, () => {
      const [entry] = entriesOf(record(value));
      if (entry === undefined) throw new Error('nothing');
      expect(look(false, columns).line(entry).replace(/^\S+ /, '')).to.equal(`${expected}\n`);
    });
  shows('JSON', '{"a": [1]}', '2@5 key=a {"a":[1]}');
  shows('text in a line, harmless to a terminal', 'two\nlines \x1b[2J', '2@5 key=a two\\nlines \\u001b[2J');
  shows('bytes', Buffer.from([0, 255]), '2@5 key=a 0x00ff');
  shows('a tombstone', null, '2@5 key=a (tombstone)');
  shows('an answer', '{"jsonrpc":"2.0","id":7,"result":3}', '2@5 key=a #7 result 3');
  shows(
    'names that are none',
    '{"jsonrpc":"2.0","id":{"toString":1},"method":{"toString":1}}',
    '2@5 key=a {"toString":1} #{"toString":1}',
  );
  shows('as much as fits', '"a long text"', '2@5 ke…', 20);

  it('should be a line of JSON with its headers, secrets where they are asked for', () => {
    const [entry] = entriesOf(calls);
    if (entry === undefined) throw new Error('nothing');
    const hidden = JSON.parse(look().json(entry));
    expect(hidden).to.deep.include({
      topic: 'orders',
      partition: 2,
      offset: 5,
      index: 0,
      key: 'a',
      as: 'json',
    });
    expect(hidden.headers).to.deep.equal({ kind: 'note', token: '[hidden]' });
    expect(hidden.value.meta.headers).to.deep.equal({ authorization: '[hidden]' });
    const whole = JSON.parse(look(true).json(entry));
    expect(whole.headers.token).to.equal('x');
    expect(whole.value.meta.headers.authorization).to.equal('Bearer 123');
  });
});
