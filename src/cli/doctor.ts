/** `callstream doctor`: whether the broker and a service are as they should be, and what to do where not. */
import type { Command } from 'commander';
import { discovery, KafkaError } from '../index.js';
import { type ConnectionOptions, connectionOptions, open, positiveInteger } from './connection.js';
import { brokerChecks } from './doctor/broker.js';
import { type Check, shownCheck } from './doctor/check.js';
import { serviceChecks } from './doctor/service.js';
import { Exit } from './exit.js';
import { after } from './help.js';
import { print, shown } from './output.js';
import { Stopped, stopOnSignals, unlessStopped } from './stop.js';
import { UsageError } from './usage-error.js';

interface DoctorOptions extends ConnectionOptions {
  readonly timeout: number;
  readonly json?: true;
}

const ABOUT = `

A line for each check: ✔ as it should be, ! worth a look, ✖ a problem; the last two with what to
do. Exits 0 where there is no problem, 1 where there is one, 4 without a broker. The record that
it writes to the inbox topic is empty, and ignored by everybody else; no method of the service is called.`;

export function doctorCommand(program: Command): Command {
  const command = program
    .command('doctor')
    .summary('check the broker, the inbox and a service')
    .description(
      'Check the broker, the inbox topic and, with a name, a service: topics, instances, lag, clocks.',
    )
    .argument('[service]', "the service's name")
    .option('--timeout <ms>', 'milliseconds for each answer', positiveInteger, 3_000)
    .option('--json', 'print the checks as one line of JSON');
  return connectionOptions(command)
    .addHelpText('after', after(['doctor', 'doctor calc', 'doctor calc --json | jq .checks']).concat(ABOUT))
    .action(doctor);
}

async function doctor(service: string | undefined, options: DoctorOptions): Promise<void> {
  if (service !== undefined) await UsageError.from(() => discovery(service));
  const checks: Check[] = [];
  const add = (check: Check) => {
    checks.push(check);
    if (!options.json) process.stdout.write(`${shownCheck(check)}\n`);
  };
  const code = await examine(service, options, add);
  if (options.json) print({ service, healthy: code === Exit.done, checks });
  if (code !== Exit.done) throw new Stopped(code);
}

async function examine(
  service: string | undefined,
  options: DoctorOptions,
  add: (check: Check) => void,
): Promise<number> {
  const stop = stopOnSignals();
  let problems = 0;
  const tell = (check: Check) => {
    // What is asked still ends as if nobody had answered.
    if (stop.signal.aborted) return;
    if (check.state === 'problem') problems += 1;
    add(check);
  };
  const opened = await unlessStopped(stop.signal, open(options, 'fail')).catch((error: unknown) => {
    if (!(error instanceof KafkaError)) throw error;
    const remedy = 'Start one with `callstream broker`, or correct --brokers, --config or KAFKA_BROKERS.';
    add({ name: 'broker', state: 'problem', text: shown(error.message), remedy });
    return undefined;
  });
  if (opened === undefined) return Exit.noBroker;
  try {
    const work = async () => {
      await brokerChecks(opened, options.timeout, tell);
      if (service !== undefined) await serviceChecks(opened, service, options.timeout, tell);
    };
    await unlessStopped(stop.signal, work());
  } finally {
    await opened.close();
  }
  return problems > 0 ? Exit.failed : Exit.done;
}
