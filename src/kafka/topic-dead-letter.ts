/**
 * A record that nobody could work on, as it is kept: its bytes and headers as they were read, and why. Topics
 * write it; reading and processEach decide when.
 */
import type { ConsumerRecord, DeliveryReport, Headers, ProducerRecord } from './port.js';
import type { TopicRecord } from './topic-record.js';

/** Where records go that nobody could work on: a Topic. */
export interface DeadLetters {
  /**
   * Writes a record as it was read: key, value and headers kept, and three headers more, `callstream-error` (the
   * reason, ASCII, 1,000 characters at most), `callstream-origin` (`topic/partition/offset`) and `callstream-timestamp`
   * (the record's own; the new one's is now, so that retention counts from here). A header whose bytes the client can't
   * send arrives as base64 under its name with `.base64` behind it. Resolves with the delivery report, rejects with a
   * KafkaError.
   */
  deadLetter(record: ConsumerRecord | TopicRecord<any, any>, reason: unknown): Promise<DeliveryReport>;
}

export const isDeadLetters = (given: unknown): given is DeadLetters =>
  typeof (given as DeadLetters | undefined)?.deadLetter === 'function';

const MAX_REASON = 1_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is where the binding cuts
const SENDABLE = /^[\u0001-\u007f]*$/;
const UNSENDABLE = /[^\u0020-\u007e]/g;

/** The record to send for it. */
export function deadLetterRecord(to: string, raw: ConsumerRecord, reason: unknown): ProducerRecord {
  const text = reason instanceof Error ? reason.message : String(reason);
  return {
    topic: to,
    partition: null,
    key: raw.key,
    value: raw.value,
    headers: [
      ...sendable(raw.headers),
      { 'callstream-error': text.slice(0, MAX_REASON).replace(UNSENDABLE, '?') },
      { 'callstream-origin': `${raw.topic}/${raw.partition}/${raw.offset}` },
      { 'callstream-timestamp': String(raw.timestamp) },
    ],
  };
}

function sendable(headers: Headers): Headers {
  return headers.flatMap((entry) =>
    Object.entries(entry).map(([given, value]) => {
      const name = given.replace(UNSENDABLE, '?');
      const text = typeof value === 'string' ? value : value.toString('latin1');
      return SENDABLE.test(text)
        ? { [name]: text }
        : { [`${name}.base64`]: Buffer.from(value as string).toString('base64') };
    }),
  );
}
