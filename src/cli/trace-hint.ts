/** How to find out what became of a call of which nothing is known. */
import { type Connection, UnknownError } from '../index.js';

/** Undefined for other errors, and where no request was made. */
export function traceHint(error: unknown, service: string, { instance }: Connection): string | undefined {
  if (!(error instanceof UnknownError) || error.id === undefined) return undefined;
  return `\`callstream trace ${error.id} --service ${service} --caller ${instance}\` tells what became of it`;
}
