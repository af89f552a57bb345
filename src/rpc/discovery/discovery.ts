/**
 * The methods that every server has besides its own, as a contract for those who call them.
 * reserved.ts is the other side.
 */
import * as t from 'io-ts';
import { checkServiceName, type RequestMethod, request, type Service, type Type } from '../../contract.js';
import type { ServerStats } from '../call-host.js';
import type { JsonSchema } from './json-schema.js';
import type { OpenRpcDocument } from './openrpc.js';

/** One instance of a service, as it is at this moment. */
export interface ServerStatistics {
  readonly service: string;
  /** The connection's name on the wire, as its `instance`. */
  readonly instance: string;
  /** Milliseconds for which it has served. */
  readonly uptime: number;
  /** Handlers at work, calls that wait for their turn, open streams. */
  readonly load: { readonly running: number; readonly queued: number; readonly streams: number };
  /** What has happened since it began. */
  readonly stats: Readonly<ServerStats>;
}

/** What every server answers, its own methods aside. */
export type Discovery = {
  /** What the service offers: the same of all instances, while they serve the same contract. */
  readonly 'rpc.discover': RequestMethod<undefined, OpenRpcDocument>;
  /** How one instance is. */
  readonly 'rpc.statistics': RequestMethod<undefined, ServerStatistics>;
};

/** What other servers' schemas say is theirs. */
const Schema = t.UnknownRecord as unknown as Type<JsonSchema>;
const Descriptor = t.intersection([
  t.type({ name: t.string, schema: Schema }),
  t.partial({ required: t.boolean }),
]);
const Kind = t.keyof({ request: null, stream: null, notification: null });
const Document: Type<OpenRpcDocument> = t.intersection([
  t.type({
    openrpc: t.string,
    info: t.type({ title: t.string, version: t.string }),
    methods: t.readonlyArray(
      t.intersection([
        t.type({ name: t.string, params: t.readonlyArray(Descriptor) }),
        t.partial({
          paramStructure: t.keyof({ 'by-position': null, 'by-name': null, either: null }),
          result: Descriptor,
          'x-callstream': t.partial({ kind: Kind, params: Schema, optional: t.boolean, title: t.string }),
        }),
      ]),
    ),
  }),
  t.partial({ components: t.partial({ schemas: t.record(t.string, Schema) }) }),
]);

const Statistics = t.type({
  service: t.string,
  instance: t.string,
  uptime: t.number,
  load: t.type({ running: t.number, queued: t.number, streams: t.number }),
  stats: t.record(t.string, t.number) as unknown as Type<ServerStats>,
});

const METHODS: Discovery = {
  'rpc.discover': request({ result: Document }),
  'rpc.statistics': request({ result: Statistics }),
};

/**
 * The contract of what every server of a service answers besides its own methods: `rpc.discover`, its
 * OpenRPC document, and `rpc.statistics`. Both are answered at once, ahead of the calls that wait, and
 * behind no middleware: by `call` by the instance that has the partition, by `gather$` by all.
 *
 * @example
 * const prices = connection.client(discovery('prices'));
 * const { methods } = await prices.call('rpc.discover');
 * prices.gather$('rpc.statistics', undefined, { stall: 200 }).subscribe(({ instance, result }) => ...);
 */
export function discovery(service: string | Service): Service<Discovery> {
  return { name: checkServiceName(typeof service === 'string' ? service : service.name), methods: METHODS };
}
