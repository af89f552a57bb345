/** What a shell's commands write to: a terminal (terminal.ts), or stdout and stderr (script.ts). */
export interface Screen {
  /** What a call answers: a result, or an item of a stream. */
  value(value: unknown): void;
  /** What was asked for, and is no answer of a call: a list, a help. */
  text(text: string): void;
  /** How a call went, or that something is done: for a person, so a script doesn't show it. */
  remark(text: string): void;
  /** What nobody asked for: an outage, a handler that threw. */
  tell(text: string): void;
  /** A call of a batch that failed, or a line. */
  error(error: unknown): void;
  /** Where a served module's console goes. */
  console(): Console;
}
