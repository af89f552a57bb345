/** One thing that was looked at: how it is, and what to do where it isn't as it should be. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly text: string;
  /** One sentence. */
  readonly remedy?: string;
}

export type Tell = (check: Check) => void;

const SIGNS = { ok: '✔', warning: '!', problem: '✖' } as const;

export function shownCheck({ name, state, text, remedy }: Check): string {
  const line = `${SIGNS[state]} ${name}: ${text}`;
  return remedy === undefined ? line : `${line}\n    ${remedy}`;
}
