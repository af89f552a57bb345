/** Latencies by the million in constant memory: percentiles from Node's own HDR histogram, counts for a drawing. */
import { createHistogram } from 'node:perf_hooks';

/** Buckets in which a latency doubles. */
const OCTAVE = 8;
/** Microseconds that the last bucket ends with, or 71 minutes. */
const OCTAVES = 32;

/** Calls with a latency up to so many milliseconds, and above those of the bar before. */
export interface Bar {
  readonly to: number;
  readonly count: number;
}

export class Latencies {
  /** Microseconds, to three digits. */
  readonly #histogram = createHistogram();
  readonly #buckets = new Float64Array(OCTAVE * OCTAVES);

  add(milliseconds: number): void {
    const micros = Math.max(1, Math.round(milliseconds * 1_000));
    this.#histogram.record(micros);
    const bucket = Math.min(this.#buckets.length - 1, Math.floor(Math.log2(micros) * OCTAVE));
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
  }

  get count(): number {
    return this.#histogram.count;
  }

  get max(): number {
    return this.count === 0 ? 0 : this.#histogram.max / 1_000;
  }

  /** Milliseconds within which so many per cent were answered. */
  percentile(percent: number): number {
    return this.count === 0 ? 0 : Math.min(this.#histogram.percentile(percent) / 1_000, this.max);
  }

  /** From the fastest to the slowest, `most` at most: each spans the same factor. */
  bars(most: number): Bar[] {
    const first = this.#buckets.findIndex((count) => count > 0);
    if (first < 0) return [];
    const last = this.#buckets.findLastIndex((count) => count > 0);
    const width = Math.ceil((last - first + 1) / most);
    return Array.from({ length: Math.ceil((last - first + 1) / width) }, (_, index) => {
      const from = first + index * width;
      const count = this.#buckets.subarray(from, from + width).reduce((sum, one) => sum + one, 0);
      return { to: 2 ** ((from + width) / OCTAVE) / 1_000, count };
    });
  }
}
