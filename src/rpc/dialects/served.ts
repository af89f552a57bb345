/**
 * The dialects that one server understands: which topics they need, and whose a record is that isn't
 * callstream's. Above: the server. Below: the dialects.
 */
import type { ConsumerRecord } from '../../kafka/port.js';
import { refusal } from '../caller.js';
import type { Envelope } from '../envelope.js';
import type { Asked, DialectTopic, ServedService, ServerDialect } from './dialect.js';
import { chosen, type ServeInterop } from './table.js';

export class ServedDialects {
  readonly #dialects: readonly ServerDialect[];
  readonly #replies: readonly DialectTopic[];
  /** Read besides the service's own topic. */
  readonly topics: readonly string[];
  /** Made where they are missing. */
  readonly created: readonly DialectTopic[];

  constructor(service: ServedService, interop: ServeInterop | undefined) {
    this.#dialects = chosen(interop).map(([dialect, options]) => dialect.serve(service, options));
    const requests = this.#dialects.flatMap(({ requests }) => requests);
    this.#replies = this.#dialects.flatMap(({ replies }) => replies);
    this.topics = requests.map(({ topic }) => topic);
    this.created = [...requests, ...this.#replies.filter(({ create }) => create)];
  }

  /** Topics for answers: these, and those of the dialects. */
  allow(topics: readonly string[]): ReadonlySet<string> {
    return new Set([...topics, ...this.#replies.map(({ topic }) => topic)]);
  }

  /** What the record asks for, in the first dialect that knows it; why it can't be answered; or undefined: it is JSON-RPC. */
  read(record: ConsumerRecord, envelope: Envelope, allowed: ReadonlySet<string>): Asked | string | undefined {
    for (const dialect of this.#dialects) {
      const asked = dialect.read(record, envelope);
      if (asked !== undefined) return refusal(envelope, allowed) ?? asked;
    }
    return undefined;
  }
}
