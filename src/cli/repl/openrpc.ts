/** What the command line reads of an OpenRPC document (https://spec.open-rpc.org), as a server answers `rpc.discover` with it. */
import { type Either, left, mapLeft } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import type { JsonSchema, OpenRpcDocument } from '../../index.js';

const Schema: t.Type<JsonSchema> = t.recursion('JsonSchema', () =>
  t.partial({
    $ref: t.string,
    title: t.string,
    type: t.string,
    const: t.unknown,
    enum: t.readonlyArray(t.unknown),
    anyOf: t.readonlyArray(Schema),
    allOf: t.readonlyArray(Schema),
    not: Schema,
    properties: t.record(t.string, Schema),
    required: t.readonlyArray(t.string),
    propertyNames: Schema,
    additionalProperties: t.union([t.boolean, Schema]),
    items: t.union([t.readonlyArray(Schema), Schema]),
    minItems: t.number,
    maxItems: t.number,
  }),
);

const ContentDescriptor = t.intersection([
  t.type({ name: t.string, schema: Schema }),
  t.partial({ required: t.boolean }),
]);

const Method = t.intersection([
  t.type({ name: t.string, params: t.readonlyArray(ContentDescriptor) }),
  t.partial({
    paramStructure: t.keyof({ 'by-position': null, 'by-name': null, either: null }),
    result: ContentDescriptor,
    'x-callstream': t.partial({
      kind: t.keyof({ request: null, stream: null, notification: null }),
      params: Schema,
      optional: t.boolean,
      title: t.string,
    }),
  }),
]);

export type Document = Pick<OpenRpcDocument, 'methods' | 'components'>;
const Document: t.Type<Document, unknown, unknown> = t.intersection([
  t.type({ methods: t.readonlyArray(Method) }),
  t.partial({ components: t.partial({ schemas: t.record(t.string, Schema) }) }),
]);

/** Arrays and objects within one another: a document of ours has less than 200. */
const MAX_DEPTH = 500;

/** Left says what is wrong with it. */
export function documentOf(value: unknown): Either<string, Document> {
  if (isDeeper(value, MAX_DEPTH))
    return left(`expected an OpenRPC document nested at most ${MAX_DEPTH} deep`);
  return mapLeft(() => 'expected an OpenRPC document')(Document.decode(value));
}

function isDeeper(value: unknown, depth: number): boolean {
  let level: readonly unknown[] = [value];
  for (let left = depth; left >= 0; left -= 1) {
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}
