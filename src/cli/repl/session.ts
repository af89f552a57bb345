/** What the commands of one shell share. */
import type { ClientOptions, Connection, Server, UntypedClient } from '../../index.js';
import { UsageError } from '../usage-error.js';
import type { Catalogue } from './catalogue.js';
import type { Screen } from './screen.js';

export interface Session {
  readonly connection: Connection;
  readonly screen: Screen;
  readonly catalogue: Catalogue;
  readonly interop: ClientOptions['interop'];
  /** What `serve` has started, by name. */
  readonly servers: Map<string, Server>;
  /** The service of `use`. */
  service: string | undefined;
  /** Milliseconds of a call; the client's own where it isn't set. */
  timeout: number | undefined;
}

/** Throws a UsageError where a service can't have that name. */
export function clientOf({ connection, interop, timeout }: Session, service: string): UntypedClient {
  try {
    return connection.client(service, { interop, timeout });
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
}
