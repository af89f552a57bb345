/** `callstream trace`: what became of a call, as the topics show it. */
import type { Command } from 'commander';
import { fromEvent, takeUntil } from 'rxjs';
import type { Connection } from '../index.js';
import { ofStdout } from './columns.js';
import { type BrokerOptions, brokerOptions, open, tell } from './connection.js';
import { Exit } from './exit.js';
import { after } from './help.js';
import { moment, shownMoment } from './moment.js';
import { PATIENCE, tellOutages } from './outages.js';
import { flushed, shown } from './output.js';
import { Stopped, stopOnSignals, stopWithStdout } from './stop.js';
import { assertTopic } from './topic-name.js';
import type { TracedCall } from './trace/call.js';
import { MAX_CALLS, TracedCalls } from './trace/calls.js';
import { json, page } from './trace/look.js';
import { showProgress } from './trace/progress.js';
import { Search } from './trace/search.js';
import { Groups, type Taken } from './trace/taken.js';
import { timelineOf } from './trace/timeline.js';

interface TraceOptions extends BrokerOptions {
  readonly service?: string;
  readonly topic?: string;
  readonly caller?: string;
  readonly since?: Date | 'earliest';
  readonly json?: true;
}

/** As long as callstream's topics keep requests. */
const SINCE = '1h';

const ABOUT = `

The id is that of the JSON-RPC messages: an UnknownError has it, \`callstream call\` and the lines of
the middleware logging() tell it. Each connection counts its own, so that one id may be several
calls': they are told apart by their caller, the instance of the connection, and the latest ${MAX_CALLS} are
kept. What was sent, retries and credit carry the time of the caller's clock, answers that of the
server's, unless the broker gives the times. Inboxes keep 10 minutes, requests an hour: older
answers are gone.
Params and results are not shown: \`callstream tail TOPIC --id ID\` does.`;

const CODES = `
Exit codes:
  0  done
     the call was found, whatever became of it
  1  no call of this id was found
  2  usage: an option is not as it should be, or there is no such topic
  4  no broker: none given or found, unreachable, lost for 10 s, or it refuses`;

export function traceCommand(program: Command): Command {
  const command = program
    .command('trace')
    .summary('tell what became of a call')
    .description(
      "Show the timeline of a call from the topics: what was sent, answered, tried again and cancelled, a stream's items, and whether the service has taken it.",
    )
    .argument('<id>', "the call's JSON-RPC id")
    .option('--service <name>', "a service's calls only (default: all topics named NAME.requests)")
    .option('--topic <name>', 'the topic of the requests, where it has another name')
    .option('--caller <instance>', 'calls of this connection only')
    .option(
      '--since <when>',
      `begin a duration ago (10m), at an ISO time, or at the earliest (default: ${SINCE})`,
      moment,
    )
    .option('--json', 'print each call as a line of JSON');
  return brokerOptions(command)
    .addHelpText(
      'after',
      after(
        [
          'trace 7 --service prices',
          'trace 7 --caller q3yU9LmJ2k1x --since 10m',
          "trace 7 --json | jq '.events[] | [.time, .event]'",
        ],
        CODES,
      ).concat(ABOUT),
    )
    .action(trace);
}

async function trace(id: string, options: TraceOptions): Promise<void> {
  const since = options.since ?? moment(SINCE);
  const connection = await open(options, 'fail');
  const stop = stopOnSignals();
  stopWithStdout(stop);
  tellOutages(connection, tell, { ms: PATIENCE, giveUp: (error) => stop.abort(error) });
  try {
    const requests = await requestTopics(connection, options);
    const calls = new TracedCalls(options.caller);
    const search = new Search(connection, id, since, calls);
    const progress = showProgress(search);
    try {
      await search.run(requests, takeUntil(fromEvent(stop.signal, 'abort')));
    } finally {
      progress.stop();
    }
    stop.signal.throwIfAborted();
    const found = calls.all.filter((call) => belongs(call, options));
    if (found.length === 0) throw new Stopped(Exit.failed, nothing(id, search, options));
    await show(id, found, search, options);
    await flushed();
  } finally {
    await connection.close();
  }
}

async function requestTopics(
  connection: Connection,
  { service, topic }: TraceOptions,
): Promise<readonly string[]> {
  const name = topic ?? (service === undefined ? undefined : `${service}.requests`);
  if (name === undefined) return (await connection.topicNames()).filter((one) => one.endsWith('.requests'));
  await assertTopic(connection, name);
  return [name];
}

/** What has answers alone may be of any service. */
function belongs({ events }: TracedCall, { service, topic }: TraceOptions): boolean {
  if (service === undefined && topic === undefined) return true;
  return events.some(
    ({ request, place }) => request !== undefined && (place.topic === topic || request.service === service),
  );
}

function nothing(id: string, { records, topics, since }: Search, { caller }: TraceOptions): string {
  const from = since === 'earliest' ? '' : ` since ${shownMoment(since.getTime())}`;
  const whose = caller === undefined ? '' : ` of ${caller}`;
  return shown(
    `error: no call with the id ${id}${whose} was found${from}: ${records} records of ${[...topics].join(', ')} were read; an older one may be found with --since, as long as its topic keeps it`,
  );
}

async function show(
  id: string,
  found: readonly TracedCall[],
  { connection, calls, missing }: Search,
  { service, json: asJson }: TraceOptions,
): Promise<void> {
  const more = calls.more > 0 ? `, the latest; ${calls.more} more have it` : '';
  if (found.length > 1 || calls.more > 0)
    tell(
      `${found.length} calls have the id ${shown(id)}${more}: --caller, --service and --since tell them apart`,
    );
  if (missing.size > 0) tell(shown(`not there, or not to be seen: ${[...missing].join(', ')}`));
  const groups = new Groups(connection, service);
  for (const [index, call] of found.entries()) {
    const taken = await groups.takenOf(call).catch((error: Error): Taken[] => {
      tell(`what the service has taken can't be told: ${shown(error.message)}`);
      return [];
    });
    const traced = { id, call, timeline: timelineOf(call, Date.now()), taken };
    if (asJson) process.stdout.write(json(traced));
    else process.stdout.write(`${index === 0 ? '' : '\n'}${page(traced, ofStdout)}`);
  }
}
