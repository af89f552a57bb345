/** The options of connect(), checked, with their defaults; connection.ts alone reads them. */
import { codecs } from './jsonrpc/codec.js';
import type { ConnectOptions } from './options.js';
import { DEFAULT_LIMITS } from './rpc/coalesce.js';
import { count, milliseconds } from './rpc/options.js';
import type { ServerIssue } from './rpc/server-settings.js';

export const HOUR = 3_600_000;

export interface ConnectionSettings {
  readonly codec: (typeof codecs)['json'];
  readonly inbox: { readonly topic: string; readonly partitions: number; readonly retention: number };
  readonly maxPending: number;
  readonly coalesce: { readonly maxCount: number; readonly maxBytes: number };
  readonly lease: number;
  readonly onIssue: (issue: ServerIssue) => void;
}

export function connectionSettings(options: ConnectOptions): ConnectionSettings {
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
    onIssue: options.onIssue ?? (({ message }) => process.stderr.write(`callstream: ${message}\n`)),
  };
}
