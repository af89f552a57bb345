/**
 * Calls, and what stands behind them, as OpenTelemetry's metrics (semantic conventions for RPC).
 * The names of callstream's own instruments begin with `callstream.`.
 */
import { metrics as global, type Meter } from '@opentelemetry/api';
import { finalize, type Observable } from 'rxjs';
import { type AnyMiddleware, isServed, watchEnd } from './call-end.js';

/** What of a connection is observed. */
export interface Observed {
  readonly instance: string;
  readonly status$: Observable<unknown>;
  readonly stats: ConnectionStats;
  readonly servers: Iterable<{
    readonly service: string;
    readonly load: { readonly running: number; readonly queued: number; readonly streams: number };
  }>;
}

/** What a connection's calls and its inbox have come to since it began. */
export interface ConnectionStats {
  /** Calls of its clients that wait for an answer now. */
  readonly pending: number;
  /** Answers to calls that had ended: timed out, cancelled, or answered by another attempt. */
  readonly late: number;
  /** Records of its inbox partition that were for others who share it. */
  readonly foreign: number;
  /** Records and messages of its inbox that aren't JSON-RPC. */
  readonly malformed: number;
}

/** Where metrics go, and what is observed besides the calls. */
export interface MetricsOptions {
  /** @default the global meter provider's, of the name `callstream` */
  readonly meter?: Meter;
  /** Observed until it is closed: its pending calls and inbox, its servers' queues and streams. @default none */
  readonly connection?: Observed;
}

/**
 * Measures each call, of a client or of a server: `rpc.client.call.duration` and
 * `rpc.server.call.duration` (seconds) with `rpc.system`, `rpc.service`, `rpc.method` and, where it
 * failed, `error.type`; `callstream.client.calls` and `callstream.server.calls` by `outcome`;
 * `callstream.client.active` and `callstream.server.active`, the calls under way. A meter that throws
 * fails no call.
 *
 * @example
 * const measured = metrics({ connection });
 * await connection.serve(prices, handlers, { middleware: [measured] });
 */
export function metrics({
  meter = global.getMeter('callstream'),
  connection,
}: MetricsOptions = {}): AnyMiddleware {
  const [client, server] = [instruments(meter, 'client'), instruments(meter, 'server')];
  if (connection !== undefined) observe(meter, connection);
  return (call, next) => {
    const { duration, calls, active } = isServed(call) ? server : client;
    const attributes = { 'rpc.system': 'jsonrpc', 'rpc.service': call.service, 'rpc.method': call.method };
    return watchEnd(
      next(call),
      (outcome, ms) => {
        active.add(-1, attributes);
        const failed = outcome !== 'ok' && { 'error.type': String(outcome) };
        duration.record(ms / 1_000, { ...attributes, ...failed });
        calls.add(1, { ...attributes, outcome: String(outcome) });
      },
      () => active.add(1, attributes),
    );
  };
}

function instruments(meter: Meter, side: 'client' | 'server') {
  return {
    duration: meter.createHistogram(`rpc.${side}.call.duration`, {
      unit: 's',
      description: 'From the call to its end',
      advice: {
        explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      },
    }),
    calls: meter.createCounter(`callstream.${side}.calls`, {
      unit: '{call}',
      description: 'Calls that ended, by outcome',
    }),
    active: meter.createUpDownCounter(`callstream.${side}.active`, {
      unit: '{call}',
      description: 'Calls under way',
    }),
  };
}

function observe(meter: Meter, connection: Observed): void {
  const pending = meter.createObservableGauge('callstream.client.pending', { unit: '{call}' });
  const late = meter.createObservableCounter('callstream.client.late', { unit: '{answer}' });
  const foreign = meter.createObservableCounter('callstream.inbox.foreign', { unit: '{record}' });
  const malformed = meter.createObservableCounter('callstream.inbox.malformed', { unit: '{message}' });
  const queued = meter.createObservableGauge('callstream.server.queued', { unit: '{call}' });
  const streams = meter.createObservableGauge('callstream.server.streams', { unit: '{stream}' });
  const all = [pending, late, foreign, malformed, queued, streams];
  const look: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    const { stats, servers, instance } = connection;
    const own = { 'callstream.instance': instance };
    result.observe(pending, stats.pending, own);
    result.observe(late, stats.late, own);
    result.observe(foreign, stats.foreign, own);
    result.observe(malformed, stats.malformed, own);
    for (const { service, load } of servers) {
      result.observe(queued, load.queued, { ...own, 'rpc.service': service });
      result.observe(streams, load.streams, { ...own, 'rpc.service': service });
    }
  };
  meter.addBatchObservableCallback(look, all);
  const ended = finalize(() => meter.removeBatchObservableCallback(look, all));
  connection.status$.pipe(ended).subscribe({ error: () => {} });
}
