/** Waiting and failing, as the specs of the port on librdkafka do it, on the mock cluster and on a real one. */
import { expect } from 'chai';
import { KafkaError } from '../../src/kafka/port.js';

/** Resolves when the condition holds; rejects with what was waited for after `ms`. */
export async function until(condition: () => boolean, what: string, ms = 20_000): Promise<void> {
  for (const end = Date.now() + ms; !condition(); ) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The KafkaError that the work must reject with. */
export async function rejection(work: Promise<unknown>): Promise<KafkaError> {
  const error = await work.then(
    () => expect.fail('it resolved'),
    (error) => error,
  );
  expect(error).instanceOf(KafkaError);
  return error;
}
