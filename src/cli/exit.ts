/** How a command ended, for the shell and for the person in front of it: an exit code and a text. */
import { CommanderError } from 'commander';
import { FailedError, KafkaError, NotSentError, RpcError, UnknownError } from '../index.js';
import { shown } from './output.js';
import { Stopped } from './stop.js';
import { UsageError } from './usage-error.js';

export const Exit = { done: 0, failed: 1, usage: 2, timeout: 3, noBroker: 4 } as const;

export interface Ending {
  readonly code: number;
  /** For stderr; empty where everything has been said. */
  readonly text: string;
}

/** The ending that an error stands for. Only an error that nobody foresaw shows its stack. */
export function explain(error: unknown): Ending {
  if (error instanceof Stopped) return error;
  if (error instanceof CommanderError) {
    return { code: error.exitCode === 0 ? Exit.done : Exit.usage, text: '' };
  }
  if (error instanceof UsageError) return { code: Exit.usage, text: `error: ${error.message}` };
  if (error instanceof RpcError) return { code: Exit.failed, text: remote(error) };
  if (error instanceof NotSentError || error instanceof FailedError || error instanceof UnknownError) {
    return { code: localCode(error), text: local(error) };
  }
  if (error instanceof KafkaError) return { code: Exit.noBroker, text: `error: ${shown(error.message)}` };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: Exit.failed, text: `error: ${text}` };
}

/** As `error -32602 Invalid params`, and its data below. */
function remote({ code, message, data }: RpcError): string {
  const headline = `error ${code} ${shown(message)}`;
  return data === undefined ? headline : `${headline}\n${shown(data)}`;
}

/** Nobody answers, in time or any more. */
const UNANSWERED: ReadonlySet<string> = new Set(['timeout', 'silence', 'no topic', 'no server']);

type LocalError = NotSentError | FailedError | UnknownError;

function localCode({ reason, cause }: LocalError): number {
  if (UNANSWERED.has(reason)) return Exit.timeout;
  if (reason === 'invalid params') return Exit.usage;
  const lost = cause instanceof KafkaError && (cause.reason === 'unreachable' || cause.reason === 'denied');
  return lost ? Exit.noBroker : Exit.failed;
}

function local(error: LocalError): string {
  const known = error instanceof UnknownError ? ' (it may have run)' : '';
  return `error: ${shown(error.message)}${known}`;
}
