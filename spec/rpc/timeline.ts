/** A marble diagram of what happened: each event beside the virtual milliseconds after its subscription. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { config, type Observable, type Subscription } from 'rxjs';
import type { VirtualClock } from '../../src/testing/index.js';
import { told } from './harness.js';

export class Timeline {
  /** As `12 a`, `15 |`, `20 # Unknown timeout`. */
  readonly events: string[] = [];
  /** Signals inside of another: there are none. */
  readonly nested: string[] = [];
  /** `|`, or `#` and the error in a few words. */
  end: string | undefined;
  readonly subscription: Subscription;

  constructor(clock: VirtualClock, source: Observable<unknown>, show: (item: any) => unknown = String) {
    const begin = clock.now();
    let inside = false;
    const signal = (what: () => unknown): void => {
      const nested = inside;
      inside = true;
      this.events.push(`${clock.now() - begin} ${what()}`);
      inside = nested;
      if (nested) this.nested.push(this.events.at(-1) as string);
    };
    const end = (what: string): void => {
      signal(() => what);
      this.end = what;
    };
    this.subscription = source.subscribe({
      next: (item) => signal(() => show(item)),
      error: (error: unknown) => end(`# ${told(error)}`),
      complete: () => end('|'),
    });
  }

  /** The events without their times. */
  get values(): string[] {
    return this.events.map((event) => event.slice(event.indexOf(' ') + 1));
  }
}

/** Has each spec of a suite fail where an item or an error comes behind a terminal one, or an unsubscribe: RxJS drops it silently. */
export function nothingBehindTheEnd(): void {
  let behind: string[] = [];
  beforeEach(() => {
    behind = [];
    // RxJS's own sources complete what operators have completed before.
    config.onStoppedNotification = ({ kind }) => kind !== 'C' && behind.push(kind);
  });
  afterEach(async () => {
    // RxJS tells of it in a turn of its own.
    await sleep(2);
    config.onStoppedNotification = null;
    expect(behind).to.deep.equal([]);
  });
}
