/** The types of JSON Schema. */

/** Whether all of type `a` is of type `b`; undefined is any. */
export const isKind = (a: string | undefined, b: string | undefined): boolean =>
  b === undefined || a === b || (a === 'integer' && b === 'number');

export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return Array.isArray(value) ? 'array' : typeof value;
}
