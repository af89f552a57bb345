/** Where the specs of this folder find their Kafka; without one they are skipped, and say so. */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as NodeRdkafka from 'node-rdkafka';

export const brokers = process.env.KAFKA_BROKERS ?? '';

/** As `describe`, but pending with a visible line where KAFKA_BROKERS isn't set. */
export function describeOnKafka(title: string, body: (this: Mocha.Suite) => void): void {
  if (brokers !== '') describe(title, body);
  else describe.skip(`${title} (KAFKA_BROKERS is not set)`, body);
}

/** A name that no earlier run has used. */
export const unique = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;

export function deleteTopic(name: string): Promise<void> {
  const rdkafka = createRequire(import.meta.url)('node-rdkafka') as typeof NodeRdkafka;
  const admin = rdkafka.AdminClient.create({ 'bootstrap.servers': brokers });
  return new Promise((resolve, reject) => {
    admin.deleteTopic(name, 10_000, (error) => {
      admin.disconnect();
      if (error) reject(error);
      else resolve();
    });
  });
}
