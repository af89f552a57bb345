/** What a topic's records say, read as the laws need it. */
import { codecFor } from '../../src/jsonrpc/codec.js';

export interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: any;
  readonly meta?: { readonly attempt?: number; readonly idempotencyKey?: string };
}

/** The messages of a record, whatever its codec. */
export function messagesOf(value: Buffer): Message[] {
  const decoded = codecFor(undefined, value).decode(value);
  if (decoded._tag === 'Left') throw new Error('a record that nobody can read');
  return [decoded.right].flat() as Message[];
}

/** Whether a server knows a repeat of it for what it is. */
export const remembered = ({ id, meta }: Message): boolean =>
  meta?.idempotencyKey !== undefined || (meta?.attempt !== undefined && id !== undefined);
