import { expect } from 'chai';
import { MAX_EVENTS } from '../../../src/cli/trace/call.js';
import { MAX_CALLS, TracedCalls } from '../../../src/cli/trace/calls.js';
import { json, page } from '../../../src/cli/trace/look.js';
import { sightingsOf } from '../../../src/cli/trace/sighting.js';
import { timelineOf } from '../../../src/cli/trace/timeline.js';
import type { TopicRecord } from '../../../src/index.js';

const BEGIN = Date.parse('2026-01-31T12:00:00');

/** A record, so many milliseconds after the begin. */
interface Given {
  readonly at: number;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly value: unknown;
}

function record({ at, topic = 'calc.requests', partition = 0, offset = at, headers = {}, value }: Given) {
  const bytes =
    value === null || Buffer.isBuffer(value)
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return {
    topic,
    partition,
    offset,
    timestamp: BEGIN + at,
    headers: Object.entries(headers).map(([name, text]) => ({ [name]: Buffer.from(text) })),
    value: bytes,
  } as unknown as TopicRecord<Buffer, Buffer>;
}

const REQUEST = { jsonrpc: '2.0', id: 7, method: 'add', params: ['Bearer 123'] };
const from = (caller: string) => ({ kafka_correlationId: caller, kafka_replyTopic: 'inbox' });

const sent = (at: number, meta: object = { timeout: 1_000 }, more: Partial<Given> = {}): Given => ({
  at,
  headers: from('me'),
  value: { ...REQUEST, meta },
  ...more,
});
/** Of the server `one`, to the caller. */
const answer = (at: number, message: object, server = 'one'): Given => ({
  at,
  topic: 'inbox',
  partition: 3,
  headers: { kafka_correlationId: 'me', 'callstream-inbox': `inbox/1/${server}` },
  value: { jsonrpc: '2.0', ...message },
});
const result = (at: number, server?: string) => answer(at, { id: 7, result: 'Bearer 456' }, server);
const next = (at: number, seq: number, items: number) =>
  answer(at, { method: '$/next', params: { id: 7, seq, items: Array(items).fill(0) } });
/** Of the caller, to the server `one`. */
const control = (at: number, method: string, params: object = {}): Given => ({
  at,
  topic: 'inbox',
  partition: 1,
  headers: { kafka_correlationId: 'one', 'callstream-inbox': 'inbox/3/me' },
  value: { jsonrpc: '2.0', method, params: { id: 7, ...params } },
});
const open = (at: number, server?: string) => answer(at, { method: '$/open', params: { id: 7 } }, server);

function gathered(records: readonly Given[], caller?: string): TracedCalls {
  const calls = new TracedCalls(caller);
  for (const given of records) for (const one of sightingsOf(record(given), '7')) calls.add(one);
  return calls;
}

function lines(records: readonly Given[], now = BEGIN + 600_000): string[] {
  return gathered(records).all.flatMap((call) => {
    const traced = { id: '7', call, timeline: timelineOf(call, now), taken: [] };
    return page(traced, { colours: false, columns: undefined }).split('\n').slice(0, -1);
  });
}

/** Without the day and the time. */
const bare = (line: string) => line.replace(/^ {2}.*?\.\d{3} +/, '');

describe('the timeline of a call', () => {
  const shows = (name: string, records: readonly Given[], ...expected: string[]) =>
    it(`should show ${name}`, () => expect(lines(records).map(bare)).to.deep.equal(expected));

  shows(
    'an answer, whatever order it is found in',
    [result(12), sent(0)],
    'calc.add #7 of me: answered after 12 ms',
    'sent      calc.requests 0@0',
    '+12 ms result    by one, inbox 3@12',
  );
  shows(
    'an answer of the same millisecond behind its request',
    [result(0), sent(0)],
    'calc.add #7 of me: answered after 0 ms',
    'sent      calc.requests 0@0',
    '+0 ms result    by one, inbox 3@0',
  );
  shows(
    'its place in a batch, beside entries that are none',
    [{ ...sent(0), value: [1, { jsonrpc: '2.0', id: 8, method: 'x' }, { ...REQUEST }] }],
    'calc.add #7 of me: no answer',
    'sent      calc.requests 0@0[2]',
  );
  shows(
    'a refusal and its retry, and which attempt was answered',
    [
      sent(0, { timeout: 1_000, attempt: 1 }),
      answer(5, { id: 7, error: { code: -32002, message: 'Overloaded' }, meta: { attempt: 1 } }),
      sent(55, { timeout: 945, attempt: 2 }),
      answer(60, { id: 7, result: 1, meta: { attempt: 2 } }),
    ],
    'calc.add #7 of me: answered after 60 ms; sent 2 times; the longest gap 50 ms, before `retry`',
    'sent      attempt 1, calc.requests 0@0',
    '+5 ms error     -32002 overloaded: Overloaded, to attempt 1, by one, inbox 3@5',
    '+50 ms retry     attempt 2, calc.requests 0@55',
    '+5 ms result    to attempt 2, by one, inbox 3@60',
  );
  shows(
    'a hedge, the answer that came again, and the cancel of the other copy',
    [
      sent(0, { timeout: 1_000, attempt: 1 }),
      sent(20, { timeout: 980, attempt: 2 }, { partition: 1 }),
      result(30, 'two'),
      control(31, '$/cancel'),
      result(33),
    ],
    'calc.add #7 of me: answered after 30 ms; sent 2 times; the longest gap 20 ms, before `hedge`',
    'sent      attempt 1, calc.requests 0@0',
    '+20 ms hedge     attempt 2, calc.requests 1@20',
    '+10 ms result    by two, inbox 3@30',
    '+1 ms cancel    inbox 1@31',
    '+2 ms result    again: the caller takes the first, by one, inbox 3@33',
  );
  shows(
    'no answer, and where the deadline was',
    [sent(0), control(1_000, '$/cancel')],
    'calc.add #7 of me: no answer within 1,000 ms',
    'sent      calc.requests 0@0',
    '+1,000 ms cancel    inbox 1@1000',
    'deadline  1,000 ms after the request',
  );
  shows(
    'no answer, where the cancel at the deadline seems early: its caller counts from before the request is a record',
    [sent(0), control(900, '$/cancel')],
    'calc.add #7 of me: no answer within 1,000 ms',
    'sent      calc.requests 0@0',
    '+900 ms cancel    inbox 1@900',
    'deadline  1,000 ms after the request',
  );
  shows(
    'no answer, where its server tells so at the same millisecond',
    [
      sent(0),
      answer(1_000, { id: 7, error: { code: -32001, message: 'Expired' } }),
      control(1_000, '$/cancel'),
    ],
    'calc.add #7 of me: no answer within 1,000 ms; the longest gap 1,000 ms, before `error`',
    'sent      calc.requests 0@0',
    '+1,000 ms error     -32001 expired: Expired, by one, inbox 3@1000',
    '+0 ms cancel    inbox 1@1000',
    'deadline  1,000 ms after the request',
  );
  shows(
    'what a server took for expired long before the deadline, by its own clock',
    [sent(0), answer(20, { id: 7, error: { code: -32001, message: 'Expired' } })],
    'calc.add #7 of me: failed after 20 ms: -32001 expired: Expired',
    'sent      calc.requests 0@0',
    '+20 ms error     -32001 expired: Expired, by one, inbox 3@20',
  );
  shows(
    'a cancel well before the deadline',
    [sent(0), control(899, '$/cancel')],
    'calc.add #7 of me: cancelled by its caller after 899 ms',
    'sent      calc.requests 0@0',
    '+899 ms cancel    inbox 1@899',
  );
  shows(
    'an answer that came too late',
    [sent(0), result(1_240)],
    'calc.add #7 of me: no answer within 1,000 ms, one came later',
    'sent      calc.requests 0@0',
    'deadline  1,000 ms after the request',
    '+1,240 ms result    240 ms after the deadline, by one, inbox 3@1240',
  );
  shows(
    'an error with its name, harmless to a terminal and without a credential',
    [sent(0), answer(3, { id: 7, error: { code: -32601, message: 'no \x1b[2J' } })],
    'calc.add #7 of me: failed after 3 ms: -32601 methodNotFound: no \\u001b[2J',
    'sent      calc.requests 0@0',
    '+3 ms error     -32601 methodNotFound: no \\u001b[2J, by one, inbox 3@3',
  );
  shows(
    'a stream, its items together unless they pause, its credit and its end',
    [
      sent(0, { timeout: 1_000, credit: 4 }),
      open(2),
      next(3, 0, 2),
      next(4, 1, 2),
      control(5, '$/request', { credit: 6 }),
      next(6, 2, 1),
      control(5_000, '$/request', { credit: 6 }),
      next(5_001, 3, 0),
      next(8_000, 4, 1),
      answer(8_001, { id: 7, result: null }),
    ],
    'calc.add #7 of me: ended after 8,001 ms, 6 items; the longest gap 3,000 ms, before `items`',
    'sent      calc.requests 0@0',
    '+2 ms open      by one, inbox 3@2',
    '+1 ms items     5 items in 4 messages, over 3 ms, by one, inbox 3@3',
    '+0 ms credit    6 items in all, 2 messages, inbox 1@5',
    '+3,000 ms items     1 item in 1 message, by one, inbox 3@8000',
    '+1 ms end       by one, inbox 3@8001',
  );
  shows(
    'what a stream lost, and what came again',
    [
      sent(0, { timeout: 1_000, credit: 4 }),
      open(1),
      next(2, 0, 1),
      next(3, 0, 1),
      next(4, 3, 1),
      control(5, '$/cancel'),
    ],
    'calc.add #7 of me: cancelled by its caller after 5 ms, 2 items; the longest gap 2 ms, before `lost`',
    'sent      calc.requests 0@0',
    '+1 ms open      by one, inbox 3@1',
    '+1 ms items     1 item in 1 message, 1 message again, by one, inbox 3@2',
    '+2 ms lost      $/next 1 to 2 are missing, by one, inbox 3@4',
    '+0 ms items     1 item in 1 message, by one, inbox 3@4',
    '+1 ms cancel    inbox 1@5',
  );
  shows(
    'a broadcast, whose every answer counts',
    [
      ...[0, 1].map((partition) => ({
        at: 1 - partition,
        topic: 'inbox',
        partition,
        headers: { kafka_correlationId: 'calc', 'callstream-inbox': 'inbox/3/me' },
        value: REQUEST,
      })),
      result(2, 'one'),
      result(5, 'two'),
    ],
    'calc.add #7 of me: 2 answers, the last after 5 ms; the longest gap 3 ms, before `result`',
    'broadcast 2 records of inbox',
    '+1 ms result    by one, inbox 3@2',
    '+3 ms result    by two, inbox 3@5',
  );
  shows(
    'that clocks disagree',
    [sent(100), result(80)],
    'calc.add #7 of me: answered after 0 ms',
    'result    by one, inbox 3@80',
    '+20 ms sent      calc.requests 0@100',
    "  a server's clock is 20 ms or more behind the caller's: an answer seems to come first",
  );
  shows(
    'an answer whose request is gone',
    [result(0)],
    'a call whose request was not found #7 of me: answered after 0 ms',
    'result    by one, inbox 3@0',
  );

  it('should tell a call that waits from one whose time is over', () => {
    expect(lines([sent(0)], BEGIN + 400)[0]).to.match(/: no answer yet, 600 ms are left$/);
    expect(lines([sent(0)])[0]).to.match(/: no answer within 1,000 ms$/);
    expect(lines([sent(0, { timeout: 1_000, credit: 1 }), open(5)])[0]).to.match(/a stream that goes on/);
  });

  it('should tell calls of one id apart by their callers, and those without by their service', () => {
    const other = { ...sent(1), headers: from('other') };
    const nameless = { ...sent(2), headers: {} };
    const replies = { at: 3, topic: 'calc.replies', value: { jsonrpc: '2.0', id: 7, result: 1 } };
    const calls = gathered([sent(0), other, nameless, replies]);
    expect(calls.all.map(({ caller, events }) => [caller, events.length])).to.deep.equal([
      ['me', 1],
      ['other', 1],
      ['', 2],
    ]);
    expect(gathered([sent(0), other, nameless], 'other').all.map(({ caller }) => caller)).to.deep.equal([
      'other',
    ]);
  });

  it('should not be stopped by what is no message, or by a strange one', () => {
    const strange = [
      null,
      Buffer.from([0, 255]),
      '[[[[',
      '"text"',
      'null',
      [null, 7, { jsonrpc: '2.0', id: { toString: 1 }, method: { toString: 1 } }],
      { jsonrpc: '2.0', method: '$/next', params: null },
      { jsonrpc: '2.0', method: '$/next', params: { id: 7, seq: 'x', items: 5 } },
      { jsonrpc: '2.0', id: 7, error: null },
      { jsonrpc: '2.0', id: 7, error: { code: { toString: 1 }, message: { toString: 1 } }, meta: null },
      { ...REQUEST, method: { toString: 1 }, meta: 5 },
    ].map((value, at) => ({ at, headers: { ...from('me'), 'callstream-inbox': '//' }, value }));
    const [call] = gathered([...strange, sent(20), result(21)]).all;
    if (call === undefined) throw new Error('nothing');
    expect(call.events.map(({ kind }) => kind)).to.deep.equal([
      'items',
      'error',
      'error',
      'request',
      'request',
      'result',
    ]);
    const traced = { id: '7', call, timeline: timelineOf(call, BEGIN), taken: [] };
    expect(page(traced, { colours: true, columns: 60 })).to.be.a('string');
    expect(JSON.parse(json(traced)).events).to.have.lengthOf(6);
  });

  it('should keep the latest calls, and so many events of each', () => {
    const many = Array.from({ length: MAX_CALLS + 20 }, (_, at) => ({
      ...sent(at),
      headers: from(`caller ${at}`),
    }));
    const calls = gathered([...many, { ...result(500), headers: { kafka_correlationId: 'caller 3' } }]);
    expect([calls.size, calls.more, calls.all[0]?.caller]).to.deep.equal([MAX_CALLS, 20, 'caller 20']);

    const repeated = gathered(Array.from({ length: MAX_EVENTS + 5 }, (_, at) => sent(at))).all[0];
    expect([repeated?.events.length, repeated?.more]).to.deep.equal([MAX_EVENTS, 5]);
    const slow = gathered(Array.from({ length: MAX_EVENTS + 5 }, (_, at) => next(at * 2_000, at, 1))).all[0];
    expect(slow?.events.length).to.equal(MAX_EVENTS);
    expect(slow?.events.at(-1)).to.deep.include({ items: 6, seq: [MAX_EVENTS - 1, MAX_EVENTS + 4] });
  });

  it('should have neither params nor results, and all the rest as JSON', () => {
    const records = [
      sent(0, { timeout: 1_000, attempt: 1, headers: { token: 'Bearer 789' } }),
      answer(5, { id: 7, error: { code: 1, message: 'Bearer 000' }, meta: { attempt: 1 } }),
    ];
    const [call] = gathered(records).all;
    if (call === undefined) throw new Error('nothing');
    const traced = { id: '7', call, timeline: timelineOf(call, BEGIN), taken: [] };
    expect(page(traced, { colours: false, columns: undefined }) + json(traced)).not.include('Bearer');
    const { events, deadline, ...others } = JSON.parse(json(traced));
    expect(others).to.deep.equal({
      id: '7',
      caller: 'me',
      service: 'calc',
      topic: 'calc.requests',
      method: 'add',
      stream: false,
      broadcast: false,
      outcome: 'failed',
      total: 5,
      skew: 0,
      taken: [],
      more: 0,
    });
    expect(deadline).to.equal(new Date(BEGIN + 1_000).toISOString());
    expect(events[0]).to.deep.include({ event: 'sent', attempt: 1, topic: 'calc.requests', offset: 0 });
    expect(events[1]).to.deep.include({ event: 'error', attempt: 1, gap: 5, server: 'one' });
    expect(events[1].error).to.deep.equal({ code: 1, message: '[hidden]' });
  });

  it('should cut events to the width of a terminal, and nothing else', () => {
    const [call] = gathered([sent(0), result(12)]).all;
    if (call === undefined) throw new Error('nothing');
    const traced = { id: '7', call, timeline: timelineOf(call, BEGIN), taken: [] };
    const [head, ...events] = page(traced, { colours: false, columns: 30 }).split('\n');
    expect(head).to.equal('calc.add #7 of me: answered after 12 ms');
    expect(events.slice(0, -1).map(({ length }) => length)).to.deep.equal([30, 30]);
  });
});
