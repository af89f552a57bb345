/** The way to the broker, lost and found again, in a line each. */
import type { Subscription } from 'rxjs';
import type { Connection } from '../index.js';

export function tellOutages(connection: Connection, tell: (text: string) => void): Subscription {
  let lost = false;
  return connection.status$.subscribe(({ state, reason }) => {
    if (state === 'reconnecting') tell(`the broker is lost, reconnecting: ${reason ?? 'no answer'}`);
    else if (state === 'connected' && lost) tell('connected again');
    lost = state === 'reconnecting';
  });
}
