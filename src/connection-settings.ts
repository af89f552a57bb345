/** The options of connect() and serve(), checked, with their defaults; connection.ts alone reads them. */
import { codecs } from './jsonrpc/codec.js';
import { known } from './known.js';
import type { ConnectOptions, MethodOptions, ServeOptions } from './options.js';
import { DEFAULT_LIMITS } from './rpc/coalesce.js';
import type { ServedService } from './rpc/dialects/dialect.js';
import type { ServedDialects } from './rpc/dialects/served.js';
import type { OpenRpcDocument } from './rpc/discovery/openrpc.js';
import type { MethodLimits } from './rpc/gates.js';
import { count, flag, milliseconds, oneOf, texts } from './rpc/options.js';
import type { ServerIssue, ServerSettings } from './rpc/server-settings.js';
import { show } from './shown.js';

export const HOUR = 3_600_000;

const CONNECT: Readonly<Record<keyof ConnectOptions, true>> = {
  brokers: true,
  clientId: true,
  codec: true,
  librdkafka: true,
  connectTimeout: true,
  inbox: true,
  maxPending: true,
  coalesce: true,
  lease: true,
  onIssue: true,
  kafka: true,
};

const METHOD: Readonly<Record<keyof MethodOptions, true>> = {
  concurrency: true,
  maxQueued: true,
  orderBy: true,
};

const SERVE: Readonly<Record<keyof ServeOptions, true>> = {
  ...METHOD,
  methods: true,
  requests: true,
  replies: true,
  replyTopics: true,
  interop: true,
  middleware: true,
  discovery: true,
  store: true,
  atMostOnce: true,
  clockTolerance: true,
  maxRemembered: true,
  sessionTimeout: true,
  revokeTimeout: true,
  maxBuffered: true,
  maxCollected: true,
  maxStreams: true,
};

export interface ConnectionSettings {
  readonly codec: (typeof codecs)['json'];
  readonly inbox: { readonly topic: string; readonly partitions: number; readonly retention: number };
  readonly maxPending: number;
  readonly coalesce: { readonly maxCount: number; readonly maxBytes: number };
  readonly lease: number;
  readonly onIssue: (issue: ServerIssue) => void;
}

export function connectionSettings(options: ConnectOptions): ConnectionSettings {
  known(options, CONNECT);
  const { codec = 'json', inbox = {}, coalesce = {} } = options;
  if (!Object.hasOwn(codecs, codec)) {
    throw new TypeError(`codec: expected 'json' or 'msgpack', got ${JSON.stringify(codec)}`);
  }
  return {
    codec: codecs[codec],
    inbox: {
      topic: inbox.topic ?? 'callstream.inbox',
      partitions: count('inbox.partitions', inbox.partitions ?? 16),
      retention: milliseconds('inbox.retention', inbox.retention ?? HOUR / 6),
    },
    maxPending: count('maxPending', options.maxPending ?? 100_000),
    coalesce: {
      maxCount: count('coalesce.maxCount', coalesce.maxCount ?? DEFAULT_LIMITS.maxCount),
      maxBytes: count('coalesce.maxBytes', coalesce.maxBytes ?? DEFAULT_LIMITS.maxBytes),
    },
    lease: milliseconds('lease', options.lease ?? 15_000),
    onIssue: listener(options.onIssue),
  };
}

/** Issues are told in the midst of a call: what their listener throws fails none. */
function listener(onIssue: ConnectOptions['onIssue']): ConnectionSettings['onIssue'] {
  if (onIssue === undefined) return ({ message }) => process.stderr.write(`callstream: ${message}\n`);
  if (typeof onIssue !== 'function')
    throw new TypeError(`onIssue: expected a function, got ${show(onIssue)}`);
  return (issue) => {
    try {
      onIssue(issue);
    } catch {}
  };
}

export function serverSettings(
  service: ServedService,
  options: ServeOptions,
  dialects: ServedDialects,
  document: () => OpenRpcDocument,
  connection: ConnectionSettings,
): ServerSettings {
  known(options, SERVE);
  const requestsTopic = options.requests?.topic ?? `${service.name}.requests`;
  const repliesTopic = options.replies?.topic ?? `${service.name}.replies`;
  const maxQueued = count('maxQueued', options.maxQueued ?? 10_000);
  return {
    requestsTopic,
    repliesTopic,
    dialects,
    document: flag('discovery', options.discovery ?? true) ? document : undefined,
    replyTopics: dialects.allow(
      texts('replyTopics', options.replyTopics ?? [connection.inbox.topic, repliesTopic]),
    ),
    concurrency: count('concurrency', options.concurrency ?? 256),
    maxQueued,
    methods: methodLimits(service, options, maxQueued),
    atMostOnce: flag('atMostOnce', options.atMostOnce ?? false),
    clockTolerance: count('clockTolerance', options.clockTolerance ?? 2_000, 0),
    maxRemembered: count('maxRemembered', options.maxRemembered ?? 100_000),
    sessionTimeout: milliseconds('sessionTimeout', options.sessionTimeout ?? 6_000),
    revokeTimeout: milliseconds('revokeTimeout', options.revokeTimeout ?? 3_000),
    maxBuffered: count('maxBuffered', options.maxBuffered ?? 10_000),
    maxCollected: count('maxCollected', options.maxCollected ?? 10_000),
    maxStreams: count('maxStreams', options.maxStreams ?? 16_384),
    lease: connection.lease,
    onIssue: connection.onIssue,
  };
}

/** Of the methods that have limits of their own, or an order. */
function methodLimits(
  { name, methods }: ServedService,
  { methods: options = {}, orderBy = 'none' }: ServeOptions,
  maxQueued: number,
): ReadonlyMap<string, MethodLimits> {
  const unknown = Object.keys(options).find((method) => !methods.includes(method));
  if (unknown !== undefined)
    throw new TypeError(`methods.${unknown}: ${name} has no such method, it has ${methods.join(', ')}`);
  const ordered = (field: string, value: string) => oneOf(field, value, ['key', 'none']) === 'key';
  const all = ordered('orderBy', orderBy);
  const limits = new Map<string, MethodLimits>();
  for (const method of methods) {
    const own = Object.hasOwn(options, method) ? options[method] : undefined;
    const field = `methods.${method}`;
    known(own ?? {}, METHOD, `${field}.`);
    const found = {
      concurrency:
        own?.concurrency === undefined ? undefined : count(`${field}.concurrency`, own.concurrency),
      maxQueued: count(`${field}.maxQueued`, own?.maxQueued ?? maxQueued),
      ordered: own?.orderBy === undefined ? all : ordered(`${field}.orderBy`, own.orderBy),
    };
    if (found.ordered || found.concurrency !== undefined) limits.set(method, found);
  }
  return limits;
}
