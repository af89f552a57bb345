/** What each command of the shell has. */
import type { Session } from './session.js';
import type { Word } from './words.js';

/** What a word of a command is, for its completion; after `call` come a service, a method and params. */
export type Place = 'command' | 'service' | 'served' | 'file' | 'call';

export interface ShellCommand {
  readonly name: string;
  /** Its words, as `[SERVICE] METHOD [PARAM…]`. */
  readonly words: string;
  readonly summary: string;
  /** More, for `help NAME`. */
  readonly more?: string;
  readonly places: readonly Place[];
  /** `signal` aborts at Ctrl-C. Rejects with what went wrong. */
  run(session: Session, words: readonly Word[], signal: AbortSignal): Promise<void> | void;
}
