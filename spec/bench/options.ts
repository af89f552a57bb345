/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { contenders, INSTALL_PEERS } from './contenders.js';

const HELP = `usage: npm run bench -- [OPTION]...

Measures remote calls over the Kafka at KAFKA_BROKERS (npm run bench starts one), callstream's beside
others', and prints tables. All rounds run every contender, so that they see the same machine.

  --rounds N         rounds that count, behind a warm-up             (default 31)
  --milliseconds N   of each measurement                             (default 500)
  --only NAMES       contenders, by name with commas between:
                     ${Object.keys(contenders).join(',')}
  --loads NUMBERS    calls in flight                                 (default 1,64,1000,5000)
  --calls            nothing but calls: no streams, memory, idle CPU, bytes
  --streams          nothing but streams
  --quick            3 rounds of 300 ms: for a look, not for figures
  --growth           instead: larger payloads, more servers, more clients
  --json FILE        writes every figure of every round
  --svg FILE         draws calls/s at 1,000 in flight
  --profile DIR      writes a CPU profile of each process's event loop, for Chrome's DevTools
  --help

The contenders that aren't callstream's own dependencies are installed with
  ${INSTALL_PEERS}
and NATS needs a nats-server in the PATH (Debian: apt-get install nats-server).`;

export interface Options {
  readonly rounds: number;
  readonly milliseconds: number;
  readonly only: readonly string[];
  readonly loads: readonly number[];
  readonly callsOnly: boolean;
  readonly streamsOnly: boolean;
  readonly growth: boolean;
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly profile: string | undefined;
}

/** The options, or the text to print instead of a run. */
export function readOptions(args: readonly string[]): Options | { readonly help: string } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      milliseconds: { type: 'string' },
      only: { type: 'string' },
      loads: { type: 'string' },
      calls: { type: 'boolean', default: false },
      streams: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      json: { type: 'string' },
      svg: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return { help: HELP };
  const only = values.only?.split(',') ?? Object.keys(contenders);
  const wrong = only.find((name) => contenders[name] === undefined);
  if (wrong !== undefined) throw new TypeError(`--only: no contender ${wrong}`);
  return {
    rounds: positive('--rounds', values.rounds ?? (values.quick ? '3' : '31')),
    milliseconds: positive('--milliseconds', values.milliseconds ?? (values.quick ? '300' : '500')),
    only,
    loads: (values.loads ?? '1,64,1000,5000').split(',').map((load) => positive('--loads', load)),
    callsOnly: values.calls,
    streamsOnly: values.streams,
    growth: values.growth,
    json: values.json,
    svg: values.svg,
    profile: values.profile,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`${name}: expected a number, got ${text}`);
  return value;
}
