/** The middleware that comes ready made: what logging writes, what metrics count. */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { expect } from 'chai';
import { pino } from 'pino';
import { NEVER } from 'rxjs';
import type { Connection } from '../../../src/connection.js';
import { RpcError } from '../../../src/jsonrpc/error.js';
import type { AnyMiddleware } from '../../../src/rpc/middleware/call-end.js';
import { logging } from '../../../src/rpc/middleware/logging.js';
import { metrics } from '../../../src/rpc/middleware/metrics.js';
import { Bench, ending, RawPeer, watch } from '../harness.js';

const target = {
  echo: (text: string) => text,
  fails: () => {
    throw new RpcError(1404, 'secret');
  },
  bug: () => {
    throw new Error('secret');
  },
  ticks: () => NEVER,
};

describe('ready middleware', () => {
  let bench: Bench;
  let connection: Connection;

  beforeEach(async () => {
    bench = new Bench();
    connection = await bench.connect();
  });
  afterEach(() => bench.close());

  /** An answer, an error, a mistake, a timeout of the client alone and a stream that is cancelled. */
  const calls = async (middleware: AnyMiddleware) => {
    await bench.until(connection.serve('s', target, { middleware: [middleware] }));
    const client = connection.client('s', { middleware: [middleware] });
    const options = { headers: { token: 'secret' } };
    for (const method of ['echo', 'fails', 'bug'])
      await bench.until(ending(client.call(method, ['secret'], options)));
    await bench.until(
      ending(connection.client('nobody', { middleware: [middleware] }).call('x', [], { timeout: 50 })),
    );
    const ticks = watch(client.call$('ticks'));
    await bench.advance(20);
    ticks.subscription.unsubscribe();
    await bench.advance(20);
  };

  it('should log one line for each end of a call, and no secret', async () => {
    const lines: string[] = [];
    await calls(logging(pino({ level: 'debug' }, { write: (line: string) => lines.push(line) })));
    const of = (message: string) =>
      lines
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg === message)
        .map(({ level, service, method, kind, outcome }) => [level, service, method, kind, outcome]);
    expect(of('called')).to.deep.equal([
      [30, 's', 'echo', 'request', 'ok'],
      [40, 's', 'fails', 'request', 1404],
      [40, 's', 'bug', 'request', -32603],
      [40, 'nobody', 'x', 'request', 'timeout'],
      [30, 's', 'ticks', 'stream', 'cancelled'],
    ]);
    expect(of('served')).to.deep.equal([
      [30, 's', 'echo', undefined, 'ok'],
      [40, 's', 'fails', undefined, 1404],
      [50, 's', 'bug', undefined, -32603],
      [30, 's', 'ticks', undefined, 'cancelled'],
    ]);
    expect(lines.join()).not.to.contain('secret');
    for (const line of lines) expect(JSON.parse(line).duration).to.be.at.least(0);
  });

  it('should log the id and the attempt, on either side', async () => {
    const lines: { id: unknown; attempt: unknown; outcome: unknown }[] = [];
    const write = (fields: object) => lines.push(fields as (typeof lines)[number]);
    const middleware = [logging({ debug: write, info: write, warn: write, error: write })];
    let tries = 0;
    const flaky = () => {
      tries += 1;
      if (tries < 3) throw new RpcError(-32002);
    };
    await bench.until(connection.serve('s', { flaky }, { middleware }));
    const client = connection.client('s', { middleware });
    await bench.until(client.call('flaky', [], { retry: { attempts: 3, backoff: 1 } }));
    await bench.until(client.call('flaky'));
    expect(lines.map(({ id, attempt, outcome }) => [id, attempt, outcome])).to.deep.equal([
      [1, 1, -32002],
      [1, 2, -32002],
      [1, 3, 'ok'],
      [1, 3, 'ok'],
      [2, undefined, 'ok'],
      [2, 1, 'ok'],
    ]);
  });

  it('should fail no call where its logger throws', async () => {
    const write = () => {
      throw new Error('the disk is full');
    };
    const middleware = [logging({ debug: write, info: write, warn: write, error: write })];
    await bench.until(connection.serve('s', target, { middleware }));
    const client = connection.client('s', { middleware });
    expect(await bench.until(client.call('echo', ['hi']))).to.equal('hi');
    expect(await bench.until(ending(client.call('fails')))).to.equal('RpcError 1404');
    const ticks = watch(client.call$('ticks'));
    await bench.advance(20);
    ticks.subscription.unsubscribe();
    await bench.advance(20);
  });

  it('should fail no call where its meter throws', async () => {
    const instrument = () => ({
      add: () => {
        throw new Error('no room for another series');
      },
    });
    const meter: any = {
      createHistogram: instrument,
      createCounter: instrument,
      createUpDownCounter: instrument,
    };
    const middleware = [metrics({ meter })];
    await bench.until(connection.serve('s', target, { middleware }));
    const client = connection.client('s', { middleware });
    expect(await bench.until(client.call('echo', ['hi']))).to.equal('hi');
    expect(await bench.until(ending(client.call('fails')))).to.equal('RpcError 1404');
  });

  it('should measure calls by outcome and time, and observe the connection until it is closed', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const collected = async () => {
      exporter.reset();
      await provider.forceFlush();
      const all = exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      return (name: string) => all.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
    };
    let looks = 0;
    const observed = {
      instance: connection.instance,
      status$: connection.status$,
      servers: connection.servers,
      get stats() {
        looks += 1;
        return connection.stats;
      },
    };
    await calls(metrics({ meter: provider.getMeter('test'), connection: observed }));
    const raw = new RawPeer(bench);
    raw.append({ topic: 'callstream.inbox', partition: 0, value: '{' });
    const open = watch(connection.client('s').call$('ticks'));
    await bench.advance(20);
    const points = await collected();
    const outcomes = (side: string) =>
      points(`callstream.${side}.calls`).map(({ attributes, value }) => [
        attributes['rpc.method'],
        attributes.outcome,
        value,
      ]);
    expect(outcomes('client')).to.deep.equal([
      ['echo', 'ok', 1],
      ['fails', '1404', 1],
      ['bug', '-32603', 1],
      ['x', 'timeout', 1],
      ['ticks', 'cancelled', 1],
    ]);
    expect(outcomes('server').length).to.equal(4);
    const [echo, fails] = points('rpc.server.call.duration');
    expect(echo?.attributes).to.deep.equal({
      'rpc.system': 'jsonrpc',
      'rpc.service': 's',
      'rpc.method': 'echo',
    });
    expect(fails?.attributes).to.include({ 'rpc.method': 'fails', 'error.type': '1404' });
    expect(echo?.value).to.have.property('count', 1);
    expect(points('callstream.client.active').map(({ value }) => value)).to.deep.equal([0, 0, 0, 0, 0]);
    expect(points('callstream.server.streams')[0]).to.deep.include({
      value: 1,
      attributes: { 'callstream.instance': connection.instance, 'rpc.service': 's' },
    });
    expect(points('callstream.server.queued')[0]?.value).to.equal(0);
    expect(points('callstream.client.pending')[0]?.value).to.equal(connection.stats.pending).and.to.equal(1);
    expect(points('callstream.client.late')[0]?.value).to.equal(connection.stats.late);
    open.subscription.unsubscribe();
    await bench.until(connection.close());
    await collected();
    expect(looks).to.equal(1);
    await provider.shutdown();
  });
});
