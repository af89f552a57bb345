/** What the shell reads of an OpenRPC document (https://spec.open-rpc.org), as a server answers `rpc.discover` with it. */
import * as t from 'io-ts';

/** A JSON Schema (draft 7): the keywords that a signature shows. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly title?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: unknown[];
  readonly anyOf?: JsonSchema[];
  readonly allOf?: JsonSchema[];
  readonly properties?: Record<string, JsonSchema>;
  readonly required?: string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | JsonSchema[];
}

const Schema: t.Type<JsonSchema> = t.recursion('JsonSchema', () =>
  t.partial({
    $ref: t.string,
    title: t.string,
    type: t.string,
    const: t.unknown,
    enum: t.array(t.unknown),
    anyOf: t.array(Schema),
    allOf: t.array(Schema),
    properties: t.record(t.string, Schema),
    required: t.array(t.string),
    additionalProperties: t.union([t.boolean, Schema]),
    items: t.union([t.array(Schema), Schema]),
  }),
);

const ContentDescriptor = t.intersection([
  t.type({ name: t.string, schema: Schema }),
  t.partial({ required: t.boolean }),
]);

const Method = t.intersection([
  t.type({ name: t.string, params: t.array(ContentDescriptor) }),
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

export const OpenRpcDocument = t.type({ methods: t.array(Method) });

export type ContentDescriptor = t.TypeOf<typeof ContentDescriptor>;
export type OpenRpcMethod = t.TypeOf<typeof Method>;
