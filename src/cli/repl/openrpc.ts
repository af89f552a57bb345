export interface JsonSchema {
  readonly $ref?: string;
  readonly title?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | readonly JsonSchema[];
}
export interface ContentDescriptor {
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
}
export interface OpenRpcMethod {
  readonly name: string;
  readonly paramStructure?: 'by-position' | 'by-name' | 'either';
  readonly params: readonly ContentDescriptor[];
  readonly result?: ContentDescriptor;
  readonly 'x-callstream'?: {
    readonly kind?: 'request' | 'stream' | 'notification';
    readonly params?: JsonSchema;
  };
}
