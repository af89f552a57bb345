/** The dialects by the names that options have for them: another one is a file and a line here. */
import type { Dialect } from './dialect.js';
import { nest } from './nest.js';
import { pipeline } from './pipeline.js';
import { spring } from './spring.js';

export const dialects = { pipeline, spring, nest } as const satisfies Record<string, Dialect<any, any>>;

type Table = typeof dialects;

/** The name of a kind of peer that isn't callstream: kafka-python pipelines, Spring Kafka, NestJS. */
export type DialectName = keyof Table;

/** What a server may say of such a peer. */
export type ServeOptionsOf<N extends DialectName> = Table[N] extends Dialect<infer S, any> ? S : never;
/** What a client may say of such a peer. */
export type CallOptionsOf<N extends DialectName> = Table[N] extends Dialect<any, infer C> ? C : never;

/**
 * Who is answered besides JSON-RPC peers: one name, several, or an object with options.
 *
 * @example
 * ['pipeline', 'nest']
 * { pipeline: true, spring: { topics: { 'quotes.in': 'quote' }, replyTopics: ['quotes.out'] } }
 */
export type ServeInterop =
  | DialectName
  | readonly DialectName[]
  | { readonly [N in DialectName]?: true | ServeOptionsOf<N> };

/**
 * Who is called, where it isn't callstream: a name, or one with options.
 *
 * @example
 * 'pipeline'
 * { nest: { patterns: { quote: 'get.quote' } } }
 */
export type ClientInterop =
  | DialectName
  | { [N in DialectName]: { readonly [K in N]: true | CallOptionsOf<K> } }[DialectName];

/** The dialects that an option names, with their options. */
export function chosen(interop: unknown): readonly (readonly [Dialect<any, any>, object])[] {
  const names = typeof interop === 'string' ? [interop] : interop;
  const entries: (readonly [string, unknown])[] = Array.isArray(names)
    ? names.map((name) => [name, true] as const)
    : Object.entries((names ?? {}) as object);
  return entries
    .filter(([, options]) => options !== undefined)
    .map(([name, options]) => {
      const known = Object.hasOwn(dialects, name);
      if (known && (options === true || (typeof options === 'object' && options !== null))) {
        return [dialects[name as DialectName], options === true ? {} : (options as object)] as const;
      }
      throw new TypeError(
        known
          ? `interop.${name}: expected true or options, got ${JSON.stringify(options)}`
          : `interop: expected ${Object.keys(dialects).join(', ')}, got ${JSON.stringify(name)}`,
      );
    });
}
