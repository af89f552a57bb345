/**
 * From a contract to the OpenRPC document that describes it (https://spec.open-rpc.org). Above:
 * reserved.ts, which answers with it. Below: schemas.ts, for the types in it.
 */
import { createHash } from 'node:crypto';
import { type Method, NoParams, type Service } from '../../contract.js';
import { both, type JsonSchema } from './json-schema.js';
import { decodes, nameOf, requiredOf, Schemas, type Shaped } from './schemas.js';

/** A param, or a result: OpenRPC's Content Descriptor. */
export interface ContentDescriptor {
  /** By which a param is passed where they go by name; else `param0`, `param1`, …, `result` or `items`. */
  readonly name: string;
  /** Of a param. @default false */
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

/** A method, as its OpenRPC document tells it. */
export interface OpenRpcMethod {
  readonly name: string;
  /** Absent where there is one way to pass nothing, or where anything goes. */
  readonly paramStructure?: 'by-position' | 'by-name' | 'either';
  readonly params: readonly ContentDescriptor[];
  /** Absent for a notification. Of a stream the array of its items, as peers get it who don't grant credit. */
  readonly result?: ContentDescriptor;
  readonly 'x-callstream'?: {
    /** Absent where it is served without a contract: it is what its caller takes it for. */
    readonly kind?: Method['kind'];
    /** The schema of all params in one, where they can't be listed: an array of any length, a union, anything. */
    readonly params?: JsonSchema;
    /** Whether there may be none of those at all. @default false */
    readonly optional?: boolean;
    /** The name of a refinement of all params that are listed, which checks them by code of its own. */
    readonly title?: string;
  };
}

/** What a service offers, as `rpc.discover` answers it. */
export interface OpenRpcDocument {
  /** The version of the specification. */
  readonly openrpc: string;
  readonly info: {
    /** The service's name. */
    readonly title: string;
    /** Names the contract by what is in it: as long as that is the same, so is this. */
    readonly version: string;
  };
  readonly methods: readonly OpenRpcMethod[];
  readonly components?: {
    /** The recursive types, by the names that `$ref` has. */
    readonly schemas?: Readonly<Record<string, JsonSchema>>;
  };
}

/**
 * The OpenRPC document of a contract: params, results and items as JSON Schemas (draft 7) of what
 * travels. Types that transform, or check by code of their own, are named by their `title`. Servers
 * answer `rpc.discover` with it.
 *
 * @example
 * const { methods } = openrpc(service('calc', {
 *   add: request({ params: t.tuple([t.number, t.number]), result: t.number }),
 * }));
 */
export function openrpc({ name, methods }: Service): OpenRpcDocument {
  return documentOf(name, new Map(Object.entries(methods)));
}

/** The same of a service that may be served by name alone: then its methods are known by theirs. */
export function openrpcOf(service: string | Service, methods: Iterable<string>): OpenRpcDocument {
  if (typeof service !== 'string') return openrpc(service);
  return documentOf(service, new Map(Array.from(methods, (name) => [name, undefined])));
}

function documentOf(title: string, methods: ReadonlyMap<string, Method | undefined>): OpenRpcDocument {
  const schemas = new Schemas();
  // OpenRPC has no method without a name, JSON-RPC has.
  const named = [...methods].filter(([name]) => name !== '');
  const described = named.map(([name, method]) => methodObject(name, method, schemas));
  const components = schemas.components.size > 0 && {
    components: { schemas: Object.fromEntries(schemas.components) },
  };
  const content = JSON.stringify([described, components]);
  const version = createHash('sha256').update(content).digest('hex').slice(0, 12);
  return { openrpc: '1.3.2', info: { title, version }, methods: described, ...components };
}

function methodObject(name: string, method: Method | undefined, schemas: Schemas): OpenRpcMethod {
  if (method === undefined) {
    return { name, params: [], result: { name: 'result', schema: {} }, 'x-callstream': { params: {} } };
  }
  const { kind } = method;
  const { all, optional, title, ...params } = paramsOf(method.params, schemas);
  return {
    name,
    ...params,
    ...resultOf(method, schemas),
    'x-callstream': {
      kind,
      ...(all && { params: all }),
      ...(optional && { optional }),
      ...(title !== undefined && { title }),
    },
  };
}

function resultOf(method: Method, schemas: Schemas): Pick<OpenRpcMethod, 'result'> {
  switch (method.kind) {
    case 'request':
      return { result: { name: 'result', schema: schemas.ofAnswer(method.result) } };
    case 'stream': {
      const schema = { type: 'array', items: schemas.ofAnswer(method.item) };
      return { result: { name: 'items', schema } };
    }
    case 'notification':
      return {};
  }
}

interface Params extends Pick<OpenRpcMethod, 'paramStructure' | 'params'> {
  readonly all?: JsonSchema;
  readonly optional?: boolean;
  readonly title?: string | undefined;
}

function paramsOf(type: Shaped, schemas: Schemas): Params {
  const { bare, title } = unwrapped(type);
  if (bare === NoParams || bare._tag === 'UndefinedType' || bare._tag === 'VoidType') return { params: [] };
  if (bare._tag === 'TupleType') {
    const { types = [] } = bare;
    const least = requiredOf(types);
    const params = types.map((one, i) => descriptor(`param${i}`, i < least, schemas.of(one)));
    return { paramStructure: 'by-position', params, title };
  }
  const optional = decodes(type, undefined);
  const properties = optional ? undefined : schemas.properties(bare);
  // OpenRPC has no param without a name, an object has.
  if (properties === undefined || properties.schemas.has(''))
    return { params: [], all: schemas.of(type), optional };
  const params = [...properties.schemas].map(([name, each]) =>
    descriptor(name, properties.required.has(name), both(each)),
  );
  return { paramStructure: 'by-name', params, title };
}

const descriptor = (name: string, required: boolean, schema: JsonSchema): ContentDescriptor =>
  required ? { name, required, schema } : { name, schema };

/** A refinement, or a readonly one, takes its params as the type within does; the outermost refinement has a name. */
function unwrapped(type: Shaped): { bare: Shaped; title: string | undefined } {
  const { _tag, type: inner } = type;
  const refines = _tag === 'RefinementType';
  if ((!refines && _tag !== 'ReadonlyType') || inner === undefined) return { bare: type, title: undefined };
  const { bare, title } = unwrapped(inner);
  return { bare, title: refines ? nameOf(type) : title };
}
