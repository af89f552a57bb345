/** From the options of `callstream bench` to a load that has ended and its figures: connects, shows how it goes, reports. */
import { SingleBar } from 'cli-progress';
import type { Connection } from '../../index.js';
import { type ConnectionOptions, open, tell } from '../connection.js';
import { shownNumber } from '../figures.js';
import { tellOutages } from '../outages.js';
import { print } from '../output.js';
import { paramsOf } from '../params.js';
import { Stopped, stopOnSignals, stopWithStdout } from '../stop.js';
import { UsageError } from '../usage-error.js';
import { Load } from './load.js';
import { figures, perSecond, report, shownMs } from './report.js';

/** Milliseconds between looks. */
const BAR = 200;
const LINES = 1_000;

export interface BenchOptions extends ConnectionOptions {
  readonly params?: string;
  readonly concurrency: number;
  readonly duration?: number;
  readonly count?: number;
  readonly rate?: number;
  readonly warmup: number;
  readonly timeout: number;
  readonly json?: true;
}

export async function runBench(
  service: string,
  method: string,
  words: readonly string[],
  options: BenchOptions,
): Promise<void> {
  const params = paramsOf(words, options.params);
  const { timeout, interop, concurrency, rate, warmup, duration = 5, count } = options;
  if (count !== undefined && options.duration !== undefined) {
    throw new UsageError('expected --duration or --count, got both');
  }
  if (duration === 0) throw new UsageError('--duration: expected more than 0 seconds');
  const connection = await open(options, 'fail');
  try {
    const client = await UsageError.from(() => connection.client(service, { timeout, interop }));
    const load = new Load(client, {
      method,
      params,
      concurrency,
      rate,
      warmup: warmup * 1_000,
      duration: count === undefined ? duration * 1_000 : undefined,
      count: count ?? Number.POSITIVE_INFINITY,
    });
    const stop = stopOnSignals();
    stopWithStdout(stop);
    stop.signal.addEventListener('abort', () => load.abort(stop.signal.reason));
    try {
      await watched(connection, load, { ...options, duration });
    } finally {
      const about = { service, method, concurrency, rate };
      if (load.answered + load.failed > 0) {
        if (options.json) print(figures(load, about));
        else process.stdout.write(report(load, about, process.stdout.columns ?? 80));
      }
    }
    if (load.failed > 0) throw new Stopped(1);
  } finally {
    await connection.close();
  }
}

/** The load, with its progress and the broker's state told on stderr; the broker may be away for as long as a call may take. */
async function watched(
  connection: Connection,
  load: Load,
  { warmup, duration, count, timeout }: BenchOptions & { readonly duration: number },
): Promise<void> {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {text}', barsize: 16, clearOnComplete: true, gracefulExit: false })
    : undefined;
  const total = count ?? warmup + duration;
  bar?.start(total, 0, { text: '' });
  const say = (text: string) => {
    if (bar === undefined) tell(text);
    else {
      const done = count === undefined ? load.seconds + warmup : load.answered + load.failed;
      bar.update(Math.min(total, Math.max(0, done)), { text });
    }
  };
  let lost = false;
  const outages = tellOutages(connection, say, { ms: timeout, giveUp: (error) => load.abort(error) });
  outages.add(
    connection.status$.subscribe(({ state }) => {
      lost = state === 'reconnecting';
    }),
  );
  const timer = setInterval(() => say(lost ? 'the broker is lost' : going(load)), bar ? BAR : LINES);
  try {
    await load.run();
  } finally {
    clearInterval(timer);
    outages.unsubscribe();
    bar?.stop();
  }
}

function going(load: Load): string {
  const { answered, failed, inFlight, latencies } = load;
  if (load.seconds < 0) return 'warming up';
  const p99 = `p99 ${shownMs(latencies.percentile(99))}`;
  const counts = [`${shownNumber(perSecond(load))}/s`, p99, `${shownNumber(failed)} failed`];
  return (answered + failed === 0 ? [`${shownNumber(inFlight)} in flight, no answer yet`] : counts).join(
    ', ',
  );
}
