/** What is one line of `callstream tail`: a record, or one message of a record that holds a batch. */
import type { TopicRecord } from '../../index.js';
import { type Decoded, decoded, type Message, messagesOf, textOf } from '../decoded.js';

export interface Entry {
  readonly record: TopicRecord<Buffer, Buffer>;
  readonly key: string | Buffer | null;
  readonly headers: readonly (readonly [name: string, value: string | Buffer])[];
  readonly content: Decoded;
  /** Where the content is a JSON-RPC message. */
  readonly message: Message | undefined;
  /** Its place in the batch, from 0; undefined where the record holds nothing else. */
  readonly index: number | undefined;
}

export function entriesOf(record: TopicRecord<Buffer, Buffer>): readonly Entry[] {
  const content = decoded(record.value, record.headers);
  const messages = messagesOf(content);
  const whole = {
    record,
    key: record.key === null ? null : textOf(record.key),
    headers: record.headers.flatMap((header) =>
      Object.entries(header).map(([name, value]) => [name, textOf(Buffer.from(value))] as const),
    ),
  };
  if (messages === undefined || !Array.isArray(content.value))
    return [{ ...whole, content, message: messages?.[0], index: undefined }];
  return messages.map((message, index) => ({
    ...whole,
    content: { ...content, value: message } as Decoded,
    message,
    index,
  }));
}
