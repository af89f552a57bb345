/** A marble diagram of what happened: each event beside the virtual milliseconds after its subscription. */
import type { Observable, Subscription } from 'rxjs';
import type { VirtualClock } from '../../src/testing/index.js';
import { told } from './harness.js';

export class Timeline {
  /** As `12 a`, `15 |`, `20 # Unknown timeout`. */
  readonly events: string[] = [];
  readonly subscription: Subscription;
  /** `next` inside of `next`, and signals behind a terminal one: there are none. */
  readonly violations: string[] = [];

  constructor(clock: VirtualClock, source: Observable<unknown>, show: (item: any) => unknown = String) {
    const begin = clock.now();
    let inside = false;
    let ended = false;
    const signal = (what: string): void => {
      if (inside || ended) this.violations.push(`${what} ${inside ? 'inside a signal' : 'behind the end'}`);
      this.events.push(`${clock.now() - begin} ${what}`);
    };
    const end = (what: string): void => {
      signal(what);
      ended = true;
    };
    this.subscription = source.subscribe({
      next: (item) => {
        signal(`${show(item)}`);
        inside = true;
        inside = false;
      },
      error: (error: unknown) => end(`# ${told(error)}`),
      complete: () => end('|'),
    });
  }
}
