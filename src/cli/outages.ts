/** The way to the broker, lost and found again, in a line each; and an end to the patience with it. */
import type { Subscription } from 'rxjs';
import { type Connection, KafkaError } from '../index.js';

/** For what has an end: a script shouldn't wait for a broker that stays away. */
export interface Patience {
  readonly ms: number;
  giveUp(error: KafkaError): void;
}

/** Milliseconds for which a read of what is there waits for a lost broker. */
export const PATIENCE = 10_000;

export function tellOutages(
  connection: Connection,
  tell: (text: string) => void,
  patience?: Patience,
): Subscription {
  let lost = false;
  let timer: NodeJS.Timeout | undefined;
  const subscription = connection.status$.subscribe(({ state, reason = 'no answer' }) => {
    if (state === 'reconnecting' && !lost) {
      tell(`the broker is lost, reconnecting: ${reason}`);
      if (patience !== undefined) {
        const { ms } = patience;
        const error = new KafkaError('unreachable', `the broker was lost for ${ms} ms: ${reason}`);
        timer = setTimeout(() => patience.giveUp(error), ms);
      }
    } else if (state === 'connected' && lost) {
      clearTimeout(timer);
      tell('connected again');
    }
    lost = state === 'reconnecting';
  });
  subscription.add(() => clearTimeout(timer));
  return subscription;
}
