/** Where the specs of this folder find their Kafka; without one they are skipped, and say so. */
import { randomBytes } from 'node:crypto';

export const brokers = process.env.KAFKA_BROKERS ?? '';

/** As `describe`, but pending with a visible line where KAFKA_BROKERS isn't set. */
export function describeOnKafka(title: string, body: (this: Mocha.Suite) => void): void {
  if (brokers !== '') describe(title, body);
  else describe.skip(`${title} (KAFKA_BROKERS is not set)`, body);
}

/** A name that no earlier run has used. */
export const unique = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;
