/** NestJS, byte by byte: the topic is the pattern, several answers, its headers, its rules for values. */
import { expect } from 'chai';
import * as t from 'io-ts';
import { concat, of, Subject, throwError } from 'rxjs';
import { notification, RpcError, request, type Server, service, stream } from '../../src/index.js';
import { Bench, ending, failureOf, INBOX, watch } from './harness.js';
import { answerTo, headersOf, last } from './peer-records.js';

const LAST = 'kafka_nest-is-disposed';
const ERROR = 'kafka_nest-err';

describe('the dialect of NestJS', () => {
  let bench: Bench;

  beforeEach(() => {
    bench = new Bench();
  });

  afterEach(() => bench.close());

  describe('serving ClientKafka', () => {
    let noted: unknown[];
    let feed: Subject<unknown>;
    let server: Server;

    beforeEach(async () => {
      noted = [];
      feed = new Subject();
      const connection = await bench.connect();
      const target = {
        echo: (value: unknown) => value,
        add: (a: number, b: number) => a + b,
        none: () => null,
        note: (text: unknown) => void noted.push(text),
        now: () => of(1, 2, 3),
        later: () => feed,
        breaks: () =>
          concat(
            of('a'),
            throwError(() => new RpcError(8, 'broken')),
          ),
        numbers: async function* () {
          for (let i = 0; i < 600; i += 1) yield i;
        },
        fail: () => {
          throw new RpcError(7, 'nö luck');
        },
      };
      const options = { interop: 'nest', requests: { partitions: 1 } } as const;
      server = await bench.until(connection.serve('s', target, options));
    });

    const address = (method: string) => ({
      kafka_correlationId: 'c1',
      kafka_replyTopic: `s.${method}.reply`,
      kafka_replyPartition: '0',
    });
    /** Values and headers of the answers. */
    const ask = async (method: string, body: string | null, headers: object = address(method)) => {
      const value = body === null ? null : Buffer.from(body);
      const list = Object.entries(headers).map(([name, content]) => ({ [name]: content }));
      bench.broker.append({ topic: `s.${method}`, partition: 0, value, headers: list });
      await bench.advance(100);
      return bench.broker
        .records(`s.${method}.reply`)
        .map((record) => [record.value === null ? null : String(record.value), headersOf(record)]);
    };
    const ended = { kafka_correlationId: 'c1', [LAST]: '1' };
    const open = { kafka_correlationId: 'c1' };

    for (const [what, body, answer] of [
      ['a string as it is', 'wörds', 'wörds'],
      ['a number as the string that its text is', '5', '5'],
      ['an object as JSON', '{"a":[1]}', '{"a":[1]}'],
      ['an array of one as its item', '[{"b":2}]', '{"b":2}'],
      ['nothing as nothing', null, null],
    ] as const) {
      it(`should answer ${what}`, async () => {
        expect(await ask('echo', body)).to.deep.equal([[answer, ended]]);
      });
    }

    it('should take params by position from an array', async () => {
      expect(await ask('add', '[1,2]')).to.deep.equal([['3', ended]]);
      expect(await ask('none', '{}')).to.deep.equal([[null, ended]]);
    });

    it('should answer with errors as NestJS does', async () => {
      const error = '{"status":"error","code":7,"message":"n\\u00f6 luck"}';
      expect(await ask('fail', '{}')).to.deep.equal([[null, { ...ended, [ERROR]: error }]]);
    });

    it('should answer with each item of a stream, the last with the end where they come together', async () => {
      expect(await ask('now', '{}')).to.deep.equal([
        ['1', open],
        ['2', open],
        ['3', ended],
      ]);
    });

    it('should end a stream that ends later with a record of its own', async () => {
      expect(await ask('later', '{}')).to.deep.equal([]);
      for (const end of [() => feed.next({ i: 0 }), () => feed.next({ i: 1 }), () => feed.complete()]) {
        end();
        await bench.advance(20);
      }
      const records = bench.broker.records('s.later.reply');
      expect(
        records.map((record) => [record.value && String(record.value), headersOf(record)]),
      ).to.deep.equal([
        ['{"i":0}', open],
        ['{"i":1}', open],
        [null, ended],
      ]);
    });

    it('should end an open stream with an error when its server stops', async () => {
      expect(await ask('later', '{}')).to.deep.equal([]);
      await bench.until(server.close({ drain: 20 }));
      const [end] = bench.broker.records('s.later.reply');
      expect(headersOf(end as never)[ERROR]).to.include('the server stops');
      expect(feed.observed).to.equal(false);
    });

    it('should end a stream that fails with the error', async () => {
      const error = '{"status":"error","code":8,"message":"broken"}';
      expect(await ask('breaks', '{}')).to.deep.equal([
        ['a', open],
        [null, { ...ended, [ERROR]: error }],
      ]);
    });

    it('should read an AsyncIterable no faster than Kafka takes its items', async () => {
      const answers = await ask('numbers', '{}');
      expect(answers.map(([value]) => value)).to.deep.equal([...Array(600).keys()].map(String).concat([]));
    });

    it('should handle events, and answer none', async () => {
      expect(await ask('note', 'seen', {})).to.deep.equal([]);
      expect(noted).to.deep.equal(['seen']);
    });

    it('should refuse another topic than the one of the pattern', async () => {
      await ask('echo', '1', { ...address('echo'), kafka_replyTopic: 'secrets' });
      expect(bench.issues.map(({ message }) => message).join()).to.include(
        '"secrets" isn\'t one of replyTopics',
      );
    });
  });

  describe('calling a microservice', () => {
    const contract = service('s', {
      echo: request({ params: t.tuple([t.unknown]), result: t.unknown }),
      items: stream({ item: t.string }),
      note: notification({ params: t.tuple([t.string]) }),
    });
    type Reply = readonly [value: string | null, headers?: Record<string, string>];

    const serve = (method: string, replies: (body: string) => readonly Reply[]) => {
      bench.broker.createTopic(`s.${method}`, 1);
      return answerTo(bench, `s.${method}`, (record) => {
        const { kafka_replyTopic: topic, kafka_replyPartition, kafka_correlationId } = headersOf(record);
        if (topic === undefined) return undefined;
        return replies(String(record.value)).map(([value, headers = {}]) => ({
          topic,
          partition: Number(kafka_replyPartition),
          value: value === null ? null : Buffer.from(value),
          headers: Object.entries({ kafka_correlationId: kafka_correlationId ?? '', ...headers }).map(
            ([k, v]) => ({ [k]: v }),
          ),
        }));
      });
    };
    const END = { [LAST]: '\0' };
    const open = async () => (await bench.connect()).client(contract, { interop: 'nest', timeout: 500 });

    it('should send to the topic of the pattern, and be answered in its own inbox', async () => {
      const client = await open();
      const stop = await serve('echo', (body) => [[`{"was":${JSON.stringify(body)}}`, END]]);
      expect(await bench.until(client.call('echo', ['wörds']))).to.deep.equal({ was: 'wörds' });
      const { kafka_replyPartition, kafka_correlationId, ...rest } = headersOf(last(bench, 's.echo'));
      expect(kafka_correlationId).to.match(/^\d+$/);
      expect(Number(kafka_replyPartition)).to.be.within(0, 15);
      expect(rest).to.deep.equal({ kafka_replyTopic: INBOX });
      for (const [param, text] of [
        [5, '5'],
        [true, 'true'],
        [null, 'null'],
        [{ a: 1 }, '{"a":1}'],
      ] as const) {
        expect(await bench.until(client.call('echo', [param]))).to.deep.equal({ was: text });
      }
      await stop();
    });

    it('should fail with the error in its header', async () => {
      const client = await open();
      const stop = await serve('echo', () => [
        [null, { [ERROR]: '{"status":"error","message":"no luck"}', ...END }],
      ]);
      const error = await bench.until(failureOf(client.call('echo', [1])));
      expect(error).to.be.instanceOf(RpcError).and.include({ code: -32000, message: 'no luck' });
      await stop();
    });

    for (const [what, replies, events] of [
      ['whose last item comes with the end', [['a'], ['b', END]], ['a', 'b', 'completed']],
      ['whose end comes alone', [['a'], ['b'], [null, END]], ['a', 'b', 'completed']],
      ['without items', [[null, END]], ['completed']],
      ['that fails', [['a'], [null, { [ERROR]: '{"code":8,"message":"x"}' }]], ['a', 'RpcError 8']],
    ] as const) {
      it(`should emit a stream ${what}`, async () => {
        const client = await open();
        const stop = await serve('items', () => replies as readonly Reply[]);
        const { events: seen } = watch(client.call$('items'));
        await bench.advance(600);
        expect(seen).to.deep.equal(events);
        await stop();
      });
    }

    it('should keep a stream open beyond its timeout and any lease once it has an item', async () => {
      const client = await open();
      const stop = await serve('items', () => [['a']]);
      const { events, subscription } = watch(client.call$('items'));
      await bench.advance(120_000);
      expect(events).to.deep.equal(['a']);
      subscription.unsubscribe();
      await stop();
    });

    it('should take more items than its window', async () => {
      const client = await open();
      const all = Array.from({ length: 40 }, (_, i) => `${i}`);
      const stop = await serve('items', () => [...all.map((i): Reply => [i]), [null, END]]);
      const { events } = watch(client.call$('items', undefined, { window: 1 }));
      await bench.advance(600);
      expect(events).to.deep.equal([...all, 'completed']);
      await stop();
    });

    it('should give a call that asks for one answer the last of several', async () => {
      const client = (await bench.connect()).client('s', { interop: 'nest' });
      const stop = await serve('echo', () => [['a'], ['b'], [null, END]]);
      expect(await bench.until(client.call('echo'))).to.equal('b');
      await stop();
    });

    it('should send events without an address', async () => {
      const client = await open();
      bench.broker.createTopic('s.note', 1);
      await bench.until(client.notify('note', ['x']));
      const sent = last(bench, 's.note');
      expect([String(sent.value), sent.headers]).to.deep.equal(['x', []]);
      expect(await bench.until(ending(client.call('echo', [1])))).to.equal('NotSent timeout');
    });
  });
});
