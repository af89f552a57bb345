/** One server that answers all kinds of callers at once, and what the option accepts. */
import { encode as pack } from '@msgpack/msgpack';
import { expect } from 'chai';
import * as t from 'io-ts';
import { type CallContext, type Connection, notification, service } from '../../src/index.js';
import type { Headers } from '../../src/kafka/port.js';
import { Bench } from './harness.js';
import { headersOf } from './peer-records.js';

describe('dialects', () => {
  let bench: Bench;
  let connection: Connection;

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
  });

  afterEach(() => bench.close());

  it('should all be answered by one server, with the same handlers and limits', async () => {
    const callers: string[] = [];
    const target = { echo: (value: string) => callers.push(value) && value };
    const interop = {
      pipeline: true,
      nest: true,
      spring: { topics: { 'echo.in': 'echo' }, replyTopics: ['echo.out'] },
    } as const;
    bench.broker.createTopic('echo.out', 1);
    const server = await bench.until(
      connection.serve('s', target, { interop, concurrency: 1, requests: { partitions: 1 } }),
    );
    const append = (topic: string, value: Uint8Array | string, headers: Record<string, string> = {}) =>
      bench.broker.append({
        topic,
        partition: 0,
        value: Buffer.from(value),
        headers: Object.entries(headers).map(([k, v]) => ({ [k]: v })),
      });
    const body = { jsonrpc: '2.0', method: 'echo', params: ['pipeline'], id: '1' };
    append('s_method_requests', pack(body));
    append('s.echo', 'nest', {
      kafka_correlationId: 'n',
      kafka_replyTopic: 's.echo.reply',
      kafka_replyPartition: '0',
    });
    append('echo.in', 'spring', { kafka_correlationId: 's', kafka_replyTopic: 'echo.out' });
    append('s.requests', '{"jsonrpc":"2.0","method":"echo","params":["json-rpc"],"id":1}');
    const native = connection.client('s').call('echo', ['callstream']);
    expect(await bench.until(native)).to.equal('callstream');
    await bench.advance(50);
    expect(callers).to.have.members(['pipeline', 'nest', 'spring', 'json-rpc', 'callstream']);
    const answers = ['method_results', 's.echo.reply', 'echo.out', 's.replies'].map(
      (topic) => bench.broker.records(topic).length,
    );
    expect(answers).to.deep.equal([1, 1, 1, 1]);
    expect(server.stats).to.include({ succeeded: 5, refused: 0, malformed: 0 });
  });

  it('should pass the headers of a record to the handler, without those of the transport', async () => {
    let seen: unknown;
    const contract = service('s', { note: notification({ params: t.tuple([t.string]) }) });
    const handlers = {
      note(_: unknown, { headers }: CallContext) {
        seen = headers;
      },
    };
    await bench.until(connection.serve(contract, handlers, { interop: 'nest', requests: { partitions: 1 } }));
    const headers: Headers = [
      { traceparent: '00-1' },
      { kafka_other: 'x' },
      { binary: Buffer.from([0, 200]) },
    ];
    bench.broker.append({ topic: 's.note', partition: 0, value: Buffer.from('x'), headers });
    await bench.advance(50);
    expect(seen).to.deep.equal({ traceparent: '00-1' });
  });

  it('should commit what they asked for, and not answer it again', async () => {
    const options = { interop: 'nest', requests: { partitions: 1 } } as const;
    const server = await bench.until(connection.serve('s', { echo: (value: string) => value }, options));
    const headers: Headers = [
      { kafka_correlationId: 'n' },
      { kafka_replyTopic: 's.echo.reply' },
      { kafka_replyPartition: '0' },
    ];
    bench.broker.append({ topic: 's.echo', partition: 0, value: Buffer.from('a'), headers });
    await bench.advance(500);
    await bench.until(server.close());
    expect(bench.broker.committed('s', { topic: 's.echo', partition: 0 })).to.equal(1);
    await bench.until(connection.serve('s', { echo: (value: string) => value }, options));
    await bench.advance(500);
    expect(bench.broker.records('s.echo.reply').map(headersOf)).to.have.length(1);
  });

  it('should refuse options that make no sense, and name them', async () => {
    const serve = async (interop: unknown) => {
      const error = await connection
        .serve('s', { a: () => 1 }, { interop: interop as never })
        .then(String, String);
      return error;
    };
    expect(await serve('soap')).to.include('interop: expected pipeline, spring, nest, got "soap"');
    expect(await serve(['nest', 'toString'])).to.include('got "toString"');
    expect(await serve({ nest: 5 })).to.include('interop.nest: expected true or options, got 5');
    expect(await serve({ nest: { patterns: [''] } })).to.include('interop.nest.patterns');
    expect(await serve({ spring: { body: 'xml' } })).to.include('interop.spring.body');
    const both = { interop: { nest: true, pipeline: true } as never };
    expect(() => connection.client('s', both)).to.throw(TypeError, 'expected one dialect');
  });
});
