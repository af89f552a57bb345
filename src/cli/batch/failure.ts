/** A line of the failures file: which row, what it was, and why it has no result. */
import { type CallError, RpcError } from '../../index.js';
import { line } from '../output.js';
import type { Entry } from './input.js';

/** A row that can't be called with. */
export function badRow({ index, line: at, input, problem }: Entry): string {
  return line({ index, line: at, input, error: { reason: 'invalid input', message: problem } });
}

/** An error of the other side has its `code`, one of this side its `reason` and whether the call may have run. */
export function failedCall({ index, line: at, input }: Entry, error: CallError): string {
  const { message } = error;
  const told =
    error instanceof RpcError
      ? { code: error.code, message, data: error.data }
      : { reason: error.reason, message, mayHaveRun: error._tag === 'Unknown' };
  return line({ index, line: at, input, error: told });
}
