/** Options at the edge, by their names. */

/** Refuses what is no option: misspelt, it would be as good as absent. `where` it stands: nothing, or a path that ends in a dot. */
export function known<O extends object>(
  options: O,
  names: Readonly<Record<keyof Required<O>, true>>,
  where = '',
): void {
  const wrong = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (wrong === undefined) return;
  throw new TypeError(`${where}${wrong}: no such option, there are ${Object.keys(names).join(', ')}`);
}
