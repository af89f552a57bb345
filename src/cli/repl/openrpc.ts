/** What the command line reads of an OpenRPC document (https://spec.open-rpc.org), as a server answers `rpc.discover` with it. */
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
    properties: t.record(t.string, Schema),
    required: t.readonlyArray(t.string),
    additionalProperties: t.union([t.boolean, Schema]),
    items: t.union([t.readonlyArray(Schema), Schema]),
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
      /** All params in one, where they can't be listed. */
      params: Schema,
    }),
  }),
]);

export type Document = Pick<OpenRpcDocument, 'methods' | 'components'>;
export const Document: t.Type<Document, unknown, unknown> = t.type({ methods: t.readonlyArray(Method) });
