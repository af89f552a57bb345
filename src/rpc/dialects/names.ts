/** The options by which topics stand for methods, checked. */

/** A topic's name to the method's; in an array, topics that are named METHOD or SERVICE.METHOD. */
export type Names = readonly string[] | Readonly<Record<string, string>>;

/** From the topic to the method. */
export function namesOf(field: string, names: Names, service: string): ReadonlyMap<string, string> {
  const entries = Array.isArray(names)
    ? strings(field, names).map((topic): [string, string] => [topic, methodOf(topic, service)])
    : Object.entries(names as Readonly<Record<string, string>>);
  strings(
    field,
    entries.map(([, method]) => method),
  );
  return new Map(entries);
}

const methodOf = (topic: string, service: string): string =>
  topic.startsWith(`${service}.`) ? topic.slice(service.length + 1) : topic;

/** Throws a TypeError that names the field unless all are strings with something in them. */
export function strings(field: string, values: readonly string[]): readonly string[] {
  const wrong = values.find((value) => typeof value !== 'string' || value === '');
  if (wrong === undefined) return values;
  throw new TypeError(`${field}: expected names of topics and methods, got ${JSON.stringify(wrong)}`);
}
