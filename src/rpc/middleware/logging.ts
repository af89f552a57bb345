/** A line in a log for each call that ends, on either side. */
import { errors } from '../../jsonrpc/error.js';
import { type AnyMiddleware, isServed, type Outcome, watchEnd } from './call-end.js';

/** Writes one line: its fields, and the text for people. */
export type Write = (fields: object, message: string) => void;

/** What is asked of a logger: pino has it, and all that look like it. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

/**
 * Logs the end of each call, of a client or of a server: `service`, `method`, `kind`, the
 * request's `id`, the `attempt` (of a client the last, of a server the first that came), `duration` in
 * milliseconds and `outcome` (`ok`, `cancelled`, the code of an error, or the reason of a local one).
 * Never params, results, headers or messages of errors. What went well and what was cancelled is
 * `info`, a server's own mistakes (-32603, -32000) are `error`, everything else is `warn`.
 * A logger that throws fails no call.
 *
 * Ids are a connection's own: with its name beside them `callstream trace ID --caller NAME` finds a call.
 *
 * @example
 * const log = pino().child({ caller: connection.instance });
 * const client = connection.client(prices, { middleware: [logging(log)] });
 */
export function logging(logger: Logger): AnyMiddleware {
  return (call, next) => {
    const { service, method, kind } = call;
    const served = isServed(call);
    return watchEnd(next(call), (outcome, ms) => {
      const { id, attempt } = (served ? call.context : call.progress) ?? {};
      const duration = Math.round(ms * 1_000) / 1_000;
      logger[levelOf(outcome, served)](
        { service, method, kind, id, attempt, duration, outcome },
        served ? 'served' : 'called',
      );
    });
  };
}

function levelOf(outcome: Outcome, served: boolean): keyof Logger {
  if (outcome === 'ok' || outcome === 'cancelled') return 'info';
  const own = outcome === errors.internalError.code || outcome === errors.serverError.code;
  return served && own ? 'error' : 'warn';
}
