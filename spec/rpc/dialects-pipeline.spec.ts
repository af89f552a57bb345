/** kafka-python pipelines, byte by byte: MessagePack, ids of digits, two topics of one partition. */
import { encode as pack, decode as unpack } from '@msgpack/msgpack';
import { expect } from 'chai';
import * as t from 'io-ts';
import { of } from 'rxjs';
import { RpcError, request, service, stream } from '../../src/index.js';
import { Bench, ending, failureOf, watch } from './harness.js';
import { answerTo, last } from './peer-records.js';

const REQUESTS = 'calc_method_requests';
const RESULTS = 'method_results';

const bytes = (value: unknown) => Buffer.from(pack(value));
const bodyOf = (record: { value: Buffer | null } | undefined): any => unpack(record?.value ?? bytes({}));
const hex = (buffer: Buffer | null) => buffer?.toString('hex');

describe('the dialect of kafka-python pipelines', () => {
  let bench: Bench;

  beforeEach(() => {
    bench = new Bench();
  });

  afterEach(() => bench.close());

  describe('serving', () => {
    const called: unknown[] = [];
    const ask = async (body: unknown, topic = REQUESTS) => {
      bench.broker.append({ topic, partition: 0, value: Buffer.isBuffer(body) ? body : bytes(body) });
      await bench.advance(50);
      return bench.broker.records(RESULTS).at(-1);
    };

    beforeEach(async () => {
      called.length = 0;
      const connection = await bench.connect();
      const target = {
        add: (a: number, b: number) => a + b,
        greet: ({ name }: { name: string }) => `hello ${name}`,
        note: (text: string) => void called.push(text),
        fail: () => {
          throw new RpcError(7, 'no luck');
        },
        some: () => of(1, 2, 3),
      };
      await bench.until(connection.serve('calc', target, { interop: 'pipeline' }));
    });

    it('should answer on method_results, partition 0, keyed by the id, in MessagePack, without headers', async () => {
      const answer = await ask({ jsonrpc: '2.0', method: 'add', params: [1, 2], id: '17000000000000001' });
      expect(answer).to.include({ topic: RESULTS, partition: 0 });
      expect(String(answer?.key)).to.equal('17000000000000001');
      expect(answer?.headers).to.deep.equal([]);
      expect(hex(answer?.value ?? null)).to.equal(
        hex(bytes({ jsonrpc: '2.0', result: 3, id: '17000000000000001' })),
      );
    });

    it('should make both topics with one partition', async () => {
      const kafka = bench.broker.connect();
      const sizes = Promise.all([REQUESTS, RESULTS].map((topic) => kafka.partitions(topic)));
      expect(await bench.until(sizes)).to.deep.equal([1, 1]);
      await bench.until(kafka.close());
    });

    it('should take params by name', async () => {
      const answer = await ask({ jsonrpc: '2.0', method: 'greet', params: { name: 'ann' }, id: '1' });
      expect(hex(answer?.value ?? null)).to.equal(
        hex(bytes({ jsonrpc: '2.0', result: 'hello ann', id: '1' })),
      );
    });

    it('should answer with errors, a stream with all its items', async () => {
      const errorOf = async (method: string) => {
        const answer = await ask({ jsonrpc: '2.0', method, params: [], id: '1' });
        return bodyOf(answer);
      };
      expect((await errorOf('none')).error).to.include({ code: -32601, message: 'Method not found' });
      expect(await errorOf('fail')).to.deep.equal({
        jsonrpc: '2.0',
        error: { code: 7, message: 'no luck' },
        id: '1',
      });
      expect(await errorOf('some'))
        .to.include({ id: '1' })
        .and.deep.include({ result: [1, 2, 3] });
    });

    for (const [what, id] of [
      ['no id', undefined],
      ['nil', null],
      ['an empty string', ''],
    ] as const) {
      it(`should handle what has ${what} for its id, and not answer`, async () => {
        const none = await ask({
          jsonrpc: '2.0',
          method: 'note',
          params: [what],
          ...(id === undefined ? {} : { id }),
        });
        expect([called, none]).to.deep.equal([[what], undefined]);
      });
    }

    it('should answer JSON-RPC with a reply topic on the same topic as ever', async () => {
      bench.broker.append({
        topic: REQUESTS,
        partition: 0,
        value: Buffer.from('{"jsonrpc":"2.0","method":"add","params":[1,2],"id":5}'),
        headers: [{ kafka_replyTopic: 'calc.replies' }],
      });
      await bench.advance(50);
      expect(String(bench.broker.records('calc.replies')[0]?.value)).to.equal(
        '{"jsonrpc":"2.0","result":3,"id":5}',
      );
    });
  });

  describe('calling', () => {
    const calls = async () => (await bench.connect()).client('calc', { interop: 'pipeline', timeout: 500 });
    beforeEach(() => {
      bench.broker.createTopic(REQUESTS, 1);
    });

    /** As the original's server: what `work` says about each request. */
    const serve = (work: (body: any) => object) =>
      answerTo(bench, REQUESTS, (record) => {
        const body = bodyOf(record);
        const value = body.id === null ? undefined : bytes({ jsonrpc: '2.0', id: body.id, ...work(body) });
        return value && { topic: RESULTS, partition: 0, key: body.id, value };
      });

    it('should send MessagePack to partition 0 without a key or headers, and take the answer of its id', async () => {
      const client = await calls();
      const stop = await serve(({ params }) => ({ result: params[0] + params[1] }));
      expect(await bench.until(client.call('add', [1, 2]))).to.equal(3);
      const sent = last(bench, REQUESTS);
      const { id } = bodyOf(sent);
      expect(sent).to.include({ partition: 0, key: null }).and.deep.include({ headers: [] });
      expect(id).to.match(/^\d{15,}$/);
      expect(hex(sent.value)).to.equal(hex(bytes({ jsonrpc: '2.0', method: 'add', params: [1, 2], id })));
      await stop();
    });

    it('should always send params', async () => {
      const client = await calls();
      const stop = await serve(({ params }) => ({ result: params }));
      expect(await bench.until(client.call('none'))).to.deep.equal([]);
      expect(await bench.until(client.call('named', { a: 1 }))).to.deep.equal({ a: 1 });
      await stop();
    });

    it('should fail with an error, also where there is a result besides', async () => {
      const client = await calls();
      const error = { code: -32601, message: 'Method not found' };
      const stop = await serve(() => ({ error, result: 'what was given' }));
      const failure = await bench.until(failureOf(client.call('none', ['what was given'])));
      expect(failure).to.be.instanceOf(RpcError).and.include(error);
      await stop();
    });

    it('should notify with an id that is nil, which its server survives', async () => {
      const client = await calls();
      await bench.until(client.notify('note', ['x']));
      expect(hex(last(bench, REQUESTS).value)).to.equal(
        hex(bytes({ jsonrpc: '2.0', method: 'note', params: ['x'], id: null })),
      );
    });

    it('should end at its timeout: unknown where it was sent, not sent where the topic is missing', async () => {
      const connection = await bench.connect();
      const client = connection.client('calc', { interop: 'pipeline', timeout: 500 });
      expect(await bench.until(ending(client.call('add', [1, 2])))).to.equal('Unknown timeout');
      const other = connection.client('other', { interop: 'pipeline', timeout: 500 });
      const error = await bench.until(failureOf(other.call('add')));
      expect(error).to.include({ _tag: 'NotSent', reason: 'timeout' });
      expect(error.message).to.include('no topic other_method_requests');
    });

    it('should skip the answers of others, and those before its time', async () => {
      bench.broker.createTopic(RESULTS, 1);
      const client = await calls();
      const stop = await serve(({ params }) => {
        bench.broker.append({ topic: RESULTS, partition: 0, key: '1', value: bytes({ result: 'not mine' }) });
        return { result: params[0] };
      });
      const all = Array.from({ length: 50 }, (_, i) => i);
      expect(await bench.until(Promise.all(all.map((i) => client.call('echo', [i]))))).to.deep.equal(all);
      await stop();
    });

    it("should emit the items that a contract's stream is answered with", async () => {
      const contract = service('calc', {
        some: stream({ item: t.number }),
        one: request({ result: t.number }),
      });
      const client = (await bench.connect()).client(contract, { interop: 'pipeline' });
      const stop = await serve(({ method }) => ({ result: method === 'some' ? [1, 2, 3] : 1 }));
      const some = watch(client.call$('some'));
      const one = watch(client.call$('one'));
      await bench.advance(500);
      expect([some.events, one.events]).to.deep.equal([
        [1, 2, 3, 'completed'],
        [1, 'completed'],
      ]);
      await stop();
    });
  });

  it('should understand itself: a client and a server of this dialect', async () => {
    const server = await bench.connect();
    await bench.until(
      server.serve('calc', { add: (a: number, b: number) => a + b }, { interop: 'pipeline' }),
    );
    const client = (await bench.connect()).client('calc', { interop: 'pipeline' });
    expect(await bench.until(client.call('add', [2, 3]))).to.equal(5);
    expect(await bench.until(ending(client.call('none')))).to.equal('RpcError -32601');
  });
});
