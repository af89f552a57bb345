/** Stdout carries results, a line of JSON each; stderr what a person should know. */

/** What stands for a member's value, or an item's: its own, unless it is not to be shown. */
type Show = (name: string, value: unknown) => unknown;

/** One line of JSON. Bytes, which MessagePack knows, are a base64 string; no control character stands as it is. */
export function line(value: unknown, show?: Show): string {
  return `${escaped(json(value, undefined, show))}\n`;
}

/** Prints a result or an item. Writes to pipes, files and terminals are synchronous: a slow reader slows the stream. */
export function print(value: unknown): void {
  process.stdout.write(line(value));
}

/** A text of the other side, or its data as JSON, for a person: control characters would act on the terminal, so they are escaped. */
export function shown(value: unknown): string {
  return escaped(typeof value === 'string' ? value : json(value, 2));
}

/** The same, in one line. */
export function oneLine(value: unknown): string {
  return shown(value).replace(/[\n\t]/g, (character) => (character === '\n' ? '\\n' : '\\t'));
}

let refusal: Error | undefined;

/** Why stdout hasn't taken all that was printed: a full disk, say. A reader that has gone is no reason. */
export const refusalOfStdout = (): Error | undefined => refusal;

/** Resolves when all that was printed has left the process, or can't. */
export async function flushed(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(
      (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
    ),
  );
}

/** A reader that has gone, as in `callstream call … | head -1`, is no failure. */
export function ignoreClosedPipes(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') refusal ??= error;
  });
}

/** Of JSON, which escapes those below the space itself, the meaning stays. */
function escaped(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function json(value: unknown, indent?: number, show?: Show): string {
  const replacer =
    show === undefined
      ? bytesAsBase64
      : function (this: Record<string, unknown>, key: string, item: unknown) {
          return show(key, bytesAsBase64.call(this, key, item));
        };
  return JSON.stringify(value, replacer, indent) ?? 'null';
}

/** Looks at the value itself: a Buffer's toJSON has run by the time its result is handed in. */
function bytesAsBase64(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const item = this[key];
  return item instanceof Uint8Array ? Buffer.from(item).toString('base64') : value;
}
