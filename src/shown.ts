/** Values and texts in the messages of errors: short, and nothing that a log can't hold. */

/** Characters that are shown of a value. */
export const MAX_SHOWN = 80;

/** A value as JSON, or what it is where JSON has no text for it. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'function':
      return 'a function';
    case 'number':
    case 'symbol':
      return String(value);
    case 'bigint':
      return cut(`${value}n`, MAX_SHOWN);
  }
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  // What is cut off anyway isn't written first: every member of an array or an object takes a character.
  let room = MAX_SHOWN;
  const brief = (_key: string, member: unknown): unknown => {
    room -= 1;
    return room < 0 ? undefined : typeof member === 'string' ? member.slice(0, MAX_SHOWN) : member;
  };
  try {
    return cut(JSON.stringify(value, brief) ?? 'nothing', MAX_SHOWN);
  } catch {
    // Circular, or a BigInt within.
    return Array.isArray(value) ? 'an array' : 'an object';
  }
}

/** What was thrown, in words: it may have none of its own. */
export function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return show(thrown);
  }
}

/** Never between the halves of a surrogate pair, which no codec could write. */
export const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 3).replace(/[\ud800-\udbff]$/, '')}...` : text;
