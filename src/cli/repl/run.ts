/** From the options of `callstream repl` to a shell that has ended: opens all that it needs, and closes it. */
import type { Connection } from '../../index.js';
import { type ConnectionOptions, open, tell } from '../connection.js';
import { tellOutages } from '../outages.js';
import { stopOnSignals, stopWithStdout } from '../stop.js';
import { Catalogue } from './catalogue.js';
import { commands, run } from './commands.js';
import { complete } from './completion.js';
import { History } from './history.js';
import type { Screen } from './screen.js';
import { Script } from './script.js';
import { clientOf, type Session } from './session.js';
import { Terminal } from './terminal.js';

export interface ReplOptions extends ConnectionOptions {
  readonly timeout?: number;
  readonly keepGoing?: true;
}

export async function runRepl(service: string | undefined, options: ReplOptions): Promise<void> {
  let screen: Screen | undefined;
  const report = (text: string) => (screen === undefined ? tell(text) : screen.tell(text));
  const connection = await open(options, 'embed', report);
  const stop = stopOnSignals();
  stopWithStdout(stop);
  const { console } = globalThis;
  try {
    const begin = (on: Screen) => {
      screen = on;
      globalThis.console = on.console();
      return sessionOf(connection, on, service, options);
    };
    const interactive = process.stdin.isTTY && process.stdout.isTTY;
    if (interactive) await atTerminal(begin, historyOr(report), stop.signal);
    else await asScript(begin, options.keepGoing === true, stop.signal);
    stop.signal.throwIfAborted();
  } finally {
    screen = undefined;
    globalThis.console = console;
    await connection.close();
  }
}

function sessionOf(
  connection: Connection,
  screen: Screen,
  service: string | undefined,
  { timeout, interop }: ReplOptions,
): Session {
  const catalogue = new Catalogue({
    discover: async (name, timeout) => connection.client(name).call('rpc.discover', undefined, { timeout }),
    topicNames: () => connection.topicNames(),
  });
  const session: Session = { connection, screen, catalogue, interop, servers: new Map(), service, timeout };
  if (service !== undefined) {
    clientOf(session, service);
    catalogue.describe(service);
  }
  tellOutages(connection, (text) => screen.tell(text));
  return session;
}

type Begin = (screen: Screen) => Session;

async function atTerminal(begin: Begin, history: History, stop: AbortSignal): Promise<void> {
  const terminal = new Terminal({
    input: process.stdin,
    output: process.stdout,
    colors: process.stdout.hasColors(),
    history,
    prompt: () => `${session.service ?? 'callstream'}> `,
    complete: (line) =>
      complete(line, {
        commands,
        services: () => session.catalogue.services(),
        served: [...session.servers.keys()],
        service: session.service,
        describe: (name) => session.catalogue.describe(name),
      }),
  });
  const session = begin(terminal);
  stop.addEventListener('abort', () => terminal.close(), { once: true });
  terminal.remark(`${session.connection.brokers}; \`help\` tells what there is`);
  try {
    await terminal.read((line, signal) => run(session, line, signal));
  } finally {
    terminal.close();
  }
}

async function asScript(begin: Begin, keepGoing: boolean, stop: AbortSignal): Promise<void> {
  const script = new Script(keepGoing, stop);
  const session = begin(script);
  await script.read((line) => run(session, line, stop));
}

/** A shell without its history is better than none. */
function historyOr(report: (text: string) => void): History {
  try {
    return new History();
  } catch (error) {
    report(`no history: ${(error as Error).message}`);
    return new History('');
  }
}
