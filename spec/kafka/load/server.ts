/** A server in a process of its own, under load: it tells its parent what ran, and what it takes. */
import { Observable } from 'rxjs';
import { connect } from '../../../src/index.js';

/** To the parent. */
export type Told =
  | { readonly kind: 'ready' }
  /** Milliseconds since the epoch, with fractions, at which the handler of `hang` was unsubscribed. */
  | { readonly kind: 'cancelled'; readonly at: number }
  | { readonly kind: 'memory'; readonly heap: number; readonly rss: number }
  /** The ids that `work` was run for: the last word of a server that stops. */
  | { readonly kind: 'ran'; readonly ids: readonly number[] };

/** From the parent. */
export type Asked = 'memory' | 'release' | 'stop';

const [brokers = '', name = ''] = process.argv.slice(2);
const tell = (told: Told) => process.send?.(told);
const ids: number[] = [];
let release = (): void => {};
const released = new Promise<void>((resolve) => {
  release = resolve;
});

const connection = await connect({ brokers });
await connection.serve(name, {
  echo: (text: string) => text,
  work: (id: number) => {
    ids.push(id);
    return id;
  },
  /** The first item at once, the others when the parent says so. */
  async *gated(count: number) {
    yield 0;
    await released;
    for (let item = 1; item < count; item += 1) yield item;
  },
  async *count(count: number) {
    for (let item = 0; item < count; item += 1) yield item;
  },
  hang: () =>
    new Observable<number>((subscriber) => {
      subscriber.next(0);
      return () => tell({ kind: 'cancelled', at: Number(process.hrtime.bigint()) / 1e6 });
    }),
});

process.on('message', (asked: Asked) => {
  if (asked === 'release') release();
  else if (asked === 'memory') tell({ kind: 'memory', ...memory() });
  else
    void connection
      .close({ drain: 10_000 })
      .then(() => process.send?.({ kind: 'ran', ids }, () => process.exit()));
});
tell({ kind: 'ready' });

function memory() {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}
