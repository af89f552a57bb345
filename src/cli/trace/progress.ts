/** How far a search has come, on stderr where it lasts: one line that changes on a terminal, elsewhere one every few seconds. */
import { SingleBar } from 'cli-progress';
import { tell } from '../connection.js';
import { shownNumber } from '../figures.js';

/** Milliseconds between looks. */
const BAR = 200;
const LINES = 5_000;

export interface Searching {
  readonly records: number;
  readonly calls: { readonly size: number };
}

/** Until it is stopped. */
export function showProgress(search: Searching): { stop(): void } {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{text}', clearOnComplete: true, hideCursor: true, gracefulExit: false })
    : undefined;
  const show = () => {
    const text = `${shownNumber(search.records)} records read, ${shownNumber(search.calls.size)} calls found`;
    if (bar === undefined) tell(text);
    else if (bar.isActive) bar.update({ text });
    else bar.start(1, 0, { text });
  };
  const timer = setInterval(show, bar === undefined ? LINES : BAR);
  return {
    stop() {
      clearInterval(timer);
      bar?.stop();
    },
  };
}
