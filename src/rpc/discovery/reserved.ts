/**
 * The server's side of discovery: the reserved methods `rpc.discover` and `rpc.statistics`. They wait
 * for no turn and pass no middleware, so that a server that is full still says what it is.
 */
import type { Clock } from '../../clock.js';
import { errors, RpcError } from '../../jsonrpc/error.js';
import type { Reply } from '../reply.js';
import type { ServerStatistics } from './discovery.js';
import type { OpenRpcDocument } from './openrpc.js';

type Observed = Pick<ServerStatistics, 'service' | 'load' | 'stats'>;

export class Reserved {
  readonly #server: Observed;
  readonly #methods: ReadonlyMap<string, () => unknown>;

  /** `document` makes what `rpc.discover` answers, once; without it there are no reserved methods. */
  constructor(
    server: Observed,
    instance: string,
    clock: Clock,
    document: (() => OpenRpcDocument) | undefined,
  ) {
    this.#server = server;
    const began = clock.now();
    let made: OpenRpcDocument | undefined;
    const discover = (): OpenRpcDocument | undefined => {
      made ??= document?.();
      return made;
    };
    const statistics = (): ServerStatistics => {
      const { service, load, stats } = server;
      return { service, instance, uptime: clock.now() - began, load, stats: { ...stats } };
    };
    this.#methods = new Map<string, () => unknown>(
      document && [
        ['rpc.discover', discover],
        ['rpc.statistics', statistics],
      ],
    );
  }

  /** Answers a call of a method that is none of the service's own. */
  answer(method: string, reply: Reply): void {
    const reserved = this.#methods.get(method);
    if (reserved === undefined) {
      const data = `${this.#server.service} has no method ${JSON.stringify(method.slice(0, 100))}`;
      reply.send(new RpcError(errors.methodNotFound.code, undefined, { data }));
      return;
    }
    let result: unknown;
    try {
      result = reserved();
    } catch (error) {
      // As a recursive type does whose definition throws.
      reply.send(RpcError.from(error));
      return;
    }
    reply.send(undefined, result);
  }
}
