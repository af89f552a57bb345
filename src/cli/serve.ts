/** `callstream serve`: a module's functions become a service. */
import { type Command, Option } from 'commander';
import { type MethodOptions, topicStore } from '../index.js';
import { type ConnectionOptions, connectionOptions, open, positiveInteger, tell } from './connection.js';
import { after } from './help.js';
import { methodOptions, ORDERS } from './method-options.js';
import { loadTarget } from './module.js';
import { tellOutages } from './outages.js';
import { Stopped, stopOnSignals, stopped, unlessStopped } from './stop.js';
import { UsageError } from './usage-error.js';

interface ServeOptions extends ConnectionOptions {
  readonly service: string;
  readonly concurrency?: number;
  readonly maxQueued?: number;
  readonly orderBy?: 'key' | 'none';
  readonly method?: Readonly<Record<string, MethodOptions>>;
  readonly maxRemembered: number;
  readonly store?: true;
  readonly orphans?: 'fail' | 'run';
}

export function serveCommand(program: Command): Command {
  const command = program
    .command('serve')
    .summary("serve a module's functions")
    .description(
      'Serve the functions that a module exports, or the methods of its default export (an object, an instance, or a class without constructor arguments).',
    )
    .argument('<module>', 'a .js, .mjs or .cjs file; with tsx installed, a .ts file')
    .requiredOption('--service <name>', "the service's name")
    .option('--concurrency <n>', 'calls handled at once (default: 256)', positiveInteger)
    .option('--max-queued <n>', 'calls in line; more are refused (default: 10000)', positiveInteger)
    .addOption(
      new Option('--order-by <what>', 'whether calls with the same key run one after the other').choices(
        ORDERS,
      ),
    )
    .option(
      '--method <name:limits>',
      "one method's own concurrency, maxQueued and orderBy, as slow:concurrency=2,maxQueued=10; more than one may be given",
      methodOptions,
    )
    .option(
      '--max-remembered <n>',
      'calls with an idempotency key, as those of batch, known until their deadline; more are refused',
      positiveInteger,
      2_000_000,
    )
    .option('--store', 'keep their answers in the topic NAME.answers: each runs on one instance alone')
    .addOption(
      new Option(
        '--orphans <what>',
        'what becomes of those whose instance is gone: fail them, or run them again (default: fail)',
      )
        .choices(['fail', 'run'])
        .implies({ store: true }),
    );
  return connectionOptions(command)
    .addHelpText(
      'after',
      after([
        'serve ./calc.js --service calc',
        'serve ./prices.ts --service prices --brokers localhost:9092 --concurrency 32',
        'serve ./calc.js --service calc --config kafka.properties',
        'serve ./shop.js --service shop --order-by key --method report:concurrency=2,maxQueued=10',
        'serve ./payments.js --service payments --store',
      ]).concat(
        '\n\nPrints `ready NAME` once calls are handled. Ctrl-C lets running calls finish (5 s), then\nexits 0; a second one exits at once. Without any broker it runs an embedded one itself.',
      ),
    )
    .action(serve);
}

async function serve(module: string, options: ServeOptions): Promise<void> {
  const target = await loadTarget(module);
  const connection = await open(options, 'embed');
  const { signal } = stopOnSignals();
  tellOutages(connection, tell);
  const { service, concurrency, maxQueued, orderBy, method: methods, maxRemembered, interop } = options;
  const store = options.store && topicStore({ orphans: options.orphans });
  try {
    const serving = UsageError.from(() =>
      connection.serve(service, target, {
        concurrency,
        maxQueued,
        orderBy,
        methods,
        maxRemembered,
        interop,
        store,
      }),
    );
    await unlessStopped(signal, serving);
    process.stdout.write(`ready ${service}\n`);
    await stopped(signal);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    await connection.close();
  }
}
