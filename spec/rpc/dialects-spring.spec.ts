/** Spring Kafka, byte by byte: plain bodies, the method from the topic or a header, kafka_ headers. */
import { expect } from 'chai';
import { RpcError } from '../../src/index.js';
import { Bench, ending, failureOf } from './harness.js';
import { answerTo, headersOf, last } from './peer-records.js';

const OUT = 'quotes.out';
const ID = '0b6a3c2e-6a53-4c5e-9d0a-5c3f3f5b7c10';

describe('the dialect of Spring Kafka', () => {
  let bench: Bench;

  beforeEach(() => {
    bench = new Bench();
    bench.broker.createTopic(OUT, 3);
  });

  afterEach(() => bench.close());

  describe('serving a ReplyingKafkaTemplate', () => {
    let noted: unknown[];
    const reply = { kafka_replyTopic: OUT, kafka_correlationId: ID };

    beforeEach(async () => {
      noted = [];
      const connection = await bench.connect();
      const target = {
        add: (a: number, b: number) => a + b,
        greet: ({ name }: { name: string }) => `hello ${name}`,
        echo: (value: unknown) => value,
        note: (text: unknown, more: unknown) => void noted.push(text, more),
        token: (_: unknown) => 'none',
        fail: () => {
          throw new RpcError(7, 'nö luck', { data: { tries: 3 } });
        },
      };
      const topics = { 'quotes.in': 'echo', 'notes.in': 'note', 'adds.in': 'add', 'fails.in': 'fail' };
      const spring = { topics, replyTopics: [OUT] };
      await bench.until(connection.serve('s', target, { interop: { spring } }));
    });

    const ask = async (
      topic: string,
      body: string | null,
      headers: Record<string, string | Buffer> = reply,
    ) => {
      const value = body === null ? null : Buffer.from(body);
      const list = Object.entries(headers).map(([name, content]) => ({ [name]: content }));
      bench.broker.append({ topic, partition: 0, value, headers: list });
      await bench.advance(50);
      const byTime = bench.broker.records(OUT).sort((a, b) => a.timestamp - b.timestamp);
      return byTime.at(-1);
    };

    for (const [what, body, answer] of [
      ['raw words as raw words', 'plain wörds', 'plain wörds'],
      ['a JSON string as one', '"text"', '"text"'],
      ['an object as JSON', '{"a":[1]}', '{"a":[1]}'],
      ['a number as JSON', '5', '5'],
    ] as const) {
      it(`should answer ${what}, with the correlation id and nothing else`, async () => {
        const record = await ask('quotes.in', body);
        expect(String(record?.value)).to.equal(answer);
        expect(record?.headers).to.deep.equal([{ kafka_correlationId: Buffer.from(ID) }]);
        expect(record?.key).to.equal(null);
      });
    }

    it('should take params by position from an array', async () => {
      expect(String((await ask('adds.in', '[1,2]'))?.value)).to.equal('3');
    });

    it('should take the method from a header, on its own topic too', async () => {
      const record = await ask('s.requests', '{"name":"ann"}', { ...reply, 'callstream-method': 'greet' });
      expect(String(record?.value)).to.equal('"hello ann"');
    });

    it('should read a partition of four bytes, the highest first, and of decimals', async () => {
      const bytes = Buffer.from([0, 0, 0, 2]);
      expect(await ask('quotes.in', '1', { ...reply, kafka_replyPartition: bytes })).to.include({
        partition: 2,
      });
      expect(await ask('quotes.in', '1', { ...reply, kafka_replyPartition: '1' })).to.include({
        partition: 1,
      });
    });

    it('should answer an error in a header of ASCII, with a body that every reader takes', async () => {
      const record = await ask('fails.in', '[]');
      expect(String(record?.value)).to.equal('null');
      expect(headersOf(record as never)).to.deep.equal({
        kafka_correlationId: ID,
        'callstream-error': '{"code":7,"message":"n\\u00f6 luck","data":{"tries":3}}',
      });
      const none = await ask('s.requests', '1', { ...reply, 'callstream-method': 'none' });
      expect(JSON.parse(headersOf(none as never)['callstream-error'] ?? '')).to.include({ code: -32601 });
    });

    it('should handle what names no reply topic, a tombstone too, and not answer', async () => {
      await ask('notes.in', 'seen', {});
      await ask('notes.in', null, {});
      expect(noted).to.deep.equal(['seen', undefined, undefined, undefined]);
      expect(bench.broker.records(OUT)).to.deep.equal([]);
    });

    it('should refuse a binary correlation id and say what helps, and a topic that is not allowed', async () => {
      await ask('quotes.in', '1', { ...reply, kafka_correlationId: Buffer.from([0, 200, 7]) });
      await ask('quotes.in', '1', { ...reply, kafka_replyTopic: 'secrets' });
      const [binary, topic] = bench.issues.map(({ message }) => message);
      expect(binary).to.include("quotes.in/0@0 can't be answered").and.include('setBinaryCorrelation(false)');
      expect(topic).to.include(
        '"secrets" isn\'t one of replyTopics: callstream.inbox, s.replies, quotes.out',
      );
    });

    it('should answer a body that must be JSON and is not with a parse error, if it may', async () => {
      const connection = await bench.connect();
      const spring = { topics: { 'json.in': 'echo' }, replyTopics: [OUT], body: 'json' } as const;
      await bench.until(
        connection.serve('json', { echo: (value: unknown) => value }, { interop: { spring } }),
      );
      const record = await ask('json.in', 'words');
      expect(JSON.parse(headersOf(record as never)['callstream-error'] ?? '')).to.include({ code: -32700 });
      await ask('json.in', 'words', {});
      expect([bench.broker.records(OUT).length, bench.broker.records('json.replies').length]).to.deep.equal([
        1, 1,
      ]);
    });

    it('should answer JSON-RPC on these topics as JSON-RPC', async () => {
      const record = await ask('quotes.in', '{"jsonrpc":"2.0","method":"add","params":[1,2],"id":4}');
      expect(String(record?.value)).to.equal('{"jsonrpc":"2.0","result":3,"id":4}');
    });
  });

  describe('calling a @KafkaListener', () => {
    const options = {
      interop: { spring: { topic: { quote: 'quotes.in' }, replyTopic: OUT } },
      timeout: 500,
    } as const;
    beforeEach(() => {
      bench.broker.createTopic('quotes.in', 1);
    });

    /** As @SendTo: to the reply topic, any partition, with the correlation id. */
    const serve = (headers: Record<string, string>, body: (text: string) => string) =>
      answerTo(bench, 'quotes.in', (record) => {
        const { kafka_replyTopic: topic, kafka_correlationId } = headersOf(record);
        if (topic === undefined) return undefined;
        const list = Object.entries({ kafka_correlationId: kafka_correlationId ?? '', ...headers });
        return {
          topic,
          partition: 2,
          value: Buffer.from(body(String(record.value))),
          headers: list.map(([k, v]) => ({ [k]: v })),
        };
      });

    it('should send a plain body, and take the answer from any partition', async () => {
      const client = (await bench.connect()).client('s', options);
      const stop = await serve({}, (text) => `{"was":${text}}`);
      expect(await bench.until(client.call('quote', ['AAPL'], { headers: { trace: 'a' } }))).to.deep.equal({
        was: 'AAPL',
      });
      const sent = last(bench, 'quotes.in');
      const { kafka_correlationId: id, ...headers } = headersOf(sent);
      expect(id).to.match(/^\d+$/);
      expect(headers).to.deep.equal({ kafka_replyTopic: OUT, 'callstream-method': 'quote', trace: 'a' });
      expect([String(sent.value), sent.key]).to.deep.equal(['"AAPL"', null]);
      expect(await bench.until(client.call('quote', { a: 1 }))).to.deep.equal({ was: { a: 1 } });
      expect(await bench.until(client.call('quote', [1, 2]))).to.deep.equal({ was: [1, 2] });
      await stop();
    });

    it('should send strings raw where bodies are text', async () => {
      const spring = { ...options.interop.spring, body: 'text' as const };
      const client = (await bench.connect()).client('s', { interop: { spring } });
      const stop = await serve({}, (text) => text);
      expect(await bench.until(client.call('quote', ['AAPL']))).to.equal('AAPL');
      expect(String(last(bench, 'quotes.in').value)).to.equal('AAPL');
      await stop();
    });

    for (const [header, code, message] of [
      ['{"code":7,"message":"no luck"}', 7, 'no luck'],
      ['just words', -32000, 'just words'],
    ] as const) {
      it(`should fail with the error that the header tells of: ${header}`, async () => {
        const client = (await bench.connect()).client('s', options);
        const stop = await serve({ 'callstream-error': header }, () => 'null');
        const error = await bench.until(failureOf(client.call('quote')));
        expect(error).to.be.instanceOf(RpcError).and.include({ code, message });
        await stop();
      });
    }

    it('should notify without an address, and end a call that nobody answers at its timeout', async () => {
      const client = (await bench.connect()).client('s', options);
      await bench.until(client.notify('quote', ['x']));
      expect(headersOf(last(bench, 'quotes.in'))).to.deep.equal({ 'callstream-method': 'quote' });
      expect(await bench.until(ending(client.call('quote')))).to.equal('Unknown timeout');
    });
  });
});
