/**
 * JSON Schema, draft 7: as much of it as is needed to describe what io-ts types let through. Above:
 * schemas.ts, which makes it from them.
 */

/** A JSON Schema (draft 7), with the keywords that are used here. */
export interface JsonSchema {
  readonly $ref?: string;
  /** The name of a type: a branded one, a custom one, or one that was given a name. */
  readonly title?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  /** One for all, or one for each place. */
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** The members of an object, each with all that is asked of it. */
export interface Properties {
  readonly schemas: ReadonlyMap<string, readonly JsonSchema[]>;
  readonly required: ReadonlySet<string>;
  /** Others are cut off. */
  readonly closed: boolean;
}

/** What can't be there. */
export const NOTHING: JsonSchema = { not: {} };

export function objectOf({ schemas, required, closed }: Properties): JsonSchema {
  const properties = Object.fromEntries([...schemas].map(([name, all]) => [name, both(all)]));
  return {
    type: 'object',
    properties,
    ...(required.size > 0 && { required: [...required] }),
    ...(closed && { additionalProperties: false }),
  };
}

/** One schema that asks what all of them ask. */
export function both(schemas: readonly JsonSchema[]): JsonSchema {
  return schemas.length === 1 ? (schemas[0] as JsonSchema) : { allOf: schemas.map(opened) };
}

/** What one of them cuts off, another may ask for. */
function opened({ additionalProperties, anyOf, allOf, ...schema }: JsonSchema): JsonSchema {
  return {
    ...schema,
    ...(additionalProperties !== undefined && additionalProperties !== false && { additionalProperties }),
    ...(anyOf && { anyOf: anyOf.map(opened) }),
    ...(allOf && { allOf }),
  };
}

/** The values of a schema that lists them and has no name. */
export function valuesOf({ title, const: value, enum: several }: JsonSchema): readonly unknown[] | undefined {
  return title === undefined ? (value === undefined ? several : [value]) : undefined;
}

/** One of these. */
export const oneOf = (values: readonly unknown[]): JsonSchema =>
  values.length === 0 ? NOTHING : { enum: [...new Set(values)] };
