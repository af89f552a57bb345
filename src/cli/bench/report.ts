/** What a load has shown: lines for a person, with the latencies drawn, or one object for a program. */
import { shownNumber } from '../figures.js';
import type { Bar } from './latencies.js';
import type { Load } from './load.js';

const MAX_BARS = 16;
const MAX_WIDTH = 100;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const PERCENTILES = { p50: 50, p90: 90, p99: 99, p999: 99.9 } as const;

export interface About {
  readonly service: string;
  readonly method: string;
  readonly concurrency: number;
  readonly rate: number | undefined;
}

/** Latencies are milliseconds; a bar of the histogram counts the calls up to its `to`. */
export function figures(load: Load, about: About): object {
  const { answered, failed, failures, latencies } = load;
  const { p50, p90, p99, p999 } = percentiles(load);
  return {
    ...about,
    seconds: rounded(load.seconds),
    answered,
    failed,
    callsPerSecond: rounded(perSecond(load)),
    latency: { p50, p90, p99, p999, max: rounded(latencies.max) },
    failures: Object.fromEntries(failures),
    histogram: latencies.bars(MAX_BARS).map(({ to, count }) => ({ to: rounded(to), count })),
  };
}

export function report(load: Load, { service, method, concurrency, rate }: About, columns: number): string {
  const { answered, failed, failures, latencies } = load;
  const { p50, p90, p99, p999 } = percentiles(load);
  const reached = perSecond(load);
  const lines = [
    `${service}.${method}: ${shownNumber(reached)} calls/s, ${concurrency} in flight, ${load.seconds.toFixed(1)} s`,
    `${shownNumber(answered)} answered, ${shownNumber(failed)} failed`,
    ...[...failures].map(([reason, count]) => `  ${shownNumber(count)} × ${reason}`),
  ];
  if (rate !== undefined && load.full && reached < rate * 0.95) {
    lines.push(`--rate ${rate} was not reached: more calls would have to be in flight (--concurrency)`);
  }
  if (answered > 0) {
    const named = { p50, p90, p99, 'p99.9': p999, max: latencies.max };
    const table = Object.entries(named).map(([name, value]) => `${name} ${shownMs(value)}`);
    lines.push('', ...wrapped(table, columns), '', ...drawn(latencies.bars(MAX_BARS), answered, columns));
  }
  return `${lines.join('\n')}\n`;
}

function percentiles({ latencies }: Load): Record<keyof typeof PERCENTILES, number> {
  const entries = Object.entries(PERCENTILES).map(([name, at]) => [name, rounded(latencies.percentile(at))]);
  return Object.fromEntries(entries) as Record<keyof typeof PERCENTILES, number>;
}

export function perSecond({ answered, seconds }: Load): number {
  return seconds > 0 ? answered / seconds : 0;
}

/** One line for each bar: its end, its length, its share. */
export function drawn(bars: readonly Bar[], all: number, columns: number): string[] {
  const most = Math.max(...bars.map(({ count }) => count));
  const labels = bars.map(({ to }) => `≤ ${shownMs(to)}`);
  const label = Math.max(...labels.map(({ length }) => length));
  const width = Math.max(8, Math.min(columns, MAX_WIDTH) - label - 11);
  return bars.map(({ count }, index) => {
    const bar = count === 0 ? '' : blocks((count / most) * width);
    const share = count === 0 ? '' : ` ${((count / all) * 100).toFixed(2)} %`;
    return `${(labels[index] as string).padStart(label)} ${bar}${share}`.trimEnd();
  });
}

/** A bar of so many characters, to an eighth, and never nothing. */
function blocks(length: number): string {
  const eighths = Math.max(1, Math.round(length * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
}

function wrapped(words: readonly string[], columns: number): string[] {
  const whole = words.join('   ');
  return whole.length <= columns ? [whole] : [...words];
}

export function shownMs(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : shownNumber(value)} ms`;
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
