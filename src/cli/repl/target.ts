/** Which method of which service a line means: after `use`, the service may be left out. */
import { UsageError } from '../usage-error.js';
import type { Session } from './session.js';
import type { Word } from './words.js';

export interface CallTarget {
  readonly service: string;
  readonly method: string;
  readonly params: readonly Word[];
}

/** A method of the service in use goes before a service of that name, and that before a method nobody knows. */
export async function targetOf(
  { service: used, catalogue }: Session,
  words: readonly Word[],
): Promise<CallTarget> {
  const [first, second] = words;
  if (first === undefined) throw new UsageError(`expected ${used === undefined ? 'SERVICE ' : ''}METHOD`);
  const named = await catalogue.has(first.text);
  const own = { service: used ?? '', method: first.text, params: words.slice(1) };
  if (used !== undefined && (!named || (await catalogue.describe(used))?.has(first.text))) return own;
  if (second !== undefined && (named || used === undefined)) {
    return { service: first.text, method: second.text, params: words.slice(2) };
  }
  throw new UsageError(
    named
      ? `${first.text} is a service: expected ${first.text} METHOD, or \`use ${first.text}\``
      : `${first.text} is no command: expected SERVICE METHOD [PARAM…]; \`help\` lists the commands`,
  );
}
