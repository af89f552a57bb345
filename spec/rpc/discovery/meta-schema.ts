/** OpenRPC's published meta-schema; the schemas inside of a document are checked as draft 7. */
// Its type declarations leave the schema itself out.
import * as published from '@open-rpc/meta-schema';
import { Ajv, type ValidateFunction } from 'ajv';

const DRAFT_7 = 'http://json-schema.org/draft-07/schema#';

export function ajv(): Ajv {
  return new Ajv({ strict: false, validateFormats: false, validateSchema: false });
}

/** Tells what is wrong with a document, or an empty list. */
export function faultsOf(document: unknown): readonly string[] {
  validator ??= ajv()
    .addSchema({ $id: 'https://meta.json-schema.tools', $ref: DRAFT_7 })
    .addSchema({
      $id: 'https://meta.json-schema.tools/',
      definitions: { JSONSchemaObject: { properties: { $ref: { type: 'string' } } } },
    })
    .compile((published as unknown as { openrpcDocument: object }).openrpcDocument);
  if (validator(document)) return [];
  return (validator.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

let validator: ValidateFunction | undefined;
