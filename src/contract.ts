/**
 * Contracts: what a service offers, written once over io-ts types. Client and server check against
 * them at run time and TypeScript infers from them; nothing here knows how a call travels.
 */
import { type Either, isRight, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { cut, MAX_SHOWN, show } from './shown.js';

/** Any io-ts type that decodes wire data; `A` is what handlers and callers see. */
export type Type<A = any> = t.Type<A, any, unknown>;

/** A type that is an array or an object on the wire, as params must be (JSON-RPC 2.0 section 4.2). */
export type Structured<P> = t.Type<P, object | undefined, unknown>;

/** A method that answers once. */
export interface RequestMethod<P = any, R = any> {
  readonly kind: 'request';
  readonly params: Type<P>;
  readonly result: Type<R>;
}

/** A method that answers with any number of items, then ends. */
export interface StreamMethod<P = any, I = any> {
  readonly kind: 'stream';
  readonly params: Type<P>;
  readonly item: Type<I>;
}

/** A method that never answers (JSON-RPC 2.0 section 4.1). */
export interface NotificationMethod<P = any> {
  readonly kind: 'notification';
  readonly params: Type<P>;
}

/** What a service offers under one name. */
export type Method = RequestMethod | StreamMethod | NotificationMethod;
/** A contract: methods by their names. */
export type Methods = Readonly<Record<string, Method>>;

/** A named set of methods: requests travel on the topic `NAME.requests`. */
export interface Service<M extends Methods = Methods> {
  readonly name: string;
  readonly methods: M;
}

/** What a method takes, as callers give it and its handler gets it. */
export type ParamsOf<M extends Method> = M extends { params: Type<infer P> } ? P : never;
/** What a request gives, or a stream at each item; nothing for a notification. */
export type ResultOf<M extends Method> =
  M extends RequestMethod<any, infer R> ? R : M extends StreamMethod<any, infer I> ? I : void;

/** The names of a contract's methods of one kind. */
export type NamesOf<M extends Methods, K extends Method['kind']> = {
  [N in keyof M]: M[N]['kind'] extends K ? N : never;
}[keyof M] &
  string;

export const NoParams: Type<undefined> = new t.Type<undefined, undefined, unknown>(
  'no params',
  (value): value is undefined => value === undefined,
  (value, context) =>
    value === undefined || (Array.isArray(value) && value.length === 0)
      ? t.success(undefined)
      : t.failure(value, context),
  t.identity,
);

const TOPIC_NAME = /^[A-Za-z0-9._-]{1,200}$/;

/** Refuses a service name that can't begin a topic's name. */
export function checkServiceName(name: string): string {
  if (typeof name === 'string' && TOPIC_NAME.test(name) && name !== '.' && name !== '..') return name;
  throw new TypeError(
    `service name: expected 1 to 200 of the characters a-z A-Z 0-9 . _ - (it begins a topic's name), got ${show(name)}`,
  );
}

/** What a contract checks of each kind of method. */
const PARTS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['request', ['params', 'result']],
  ['stream', ['params', 'item']],
  ['notification', ['params']],
]);

/**
 * Names a service and its methods.
 *
 * @example
 * const calc = service('calc', {
 *   add: request({ params: t.tuple([t.number, t.number]), result: t.number }),
 * });
 */
export function service<const M extends Methods>(name: string, methods: M): Service<M> {
  for (const [name, method] of Object.entries(methods)) {
    if (name.startsWith('rpc.') || name.startsWith('$/')) {
      throw new TypeError(`method ${show(name)}: names that begin with "rpc." or "$/" are reserved`);
    }
    const parts = PARTS.get(method?.kind);
    const wrong = (what: string, value: unknown) =>
      new TypeError(`method ${show(name)}: expected ${what}, got ${show(value)}`);
    if (parts === undefined) throw wrong('request(), stream() or notification()', method);
    for (const part of parts) {
      const type = (method as Readonly<Record<string, any>>)[part];
      if (typeof type?.decode !== 'function') throw wrong(`an io-ts type as its ${part}`, type);
    }
  }
  return { name: checkServiceName(name), methods };
}

/** A method that answers once; without `params` it takes none. */
export function request<R>(spec: { params?: undefined; result: Type<R> }): RequestMethod<undefined, R>;
export function request<P, R>(spec: { params: Structured<P>; result: Type<R> }): RequestMethod<P, R>;
export function request({ params = NoParams, result }: { params?: Type; result: Type }): RequestMethod {
  return { kind: 'request', params, result };
}

/** A method that answers with a stream of items; without `params` it takes none. */
export function stream<I>(spec: { params?: undefined; item: Type<I> }): StreamMethod<undefined, I>;
export function stream<P, I>(spec: { params: Structured<P>; item: Type<I> }): StreamMethod<P, I>;
export function stream({ params = NoParams, item }: { params?: Type; item: Type }): StreamMethod {
  return { kind: 'stream', params, item };
}

/** A method without an answer; without `params` it takes none. */
export function notification(spec?: { params?: undefined }): NotificationMethod<undefined>;
export function notification<P>(spec: { params: Structured<P> }): NotificationMethod<P>;
export function notification({ params = NoParams }: { params?: Type } = {}): NotificationMethod {
  return { kind: 'notification', params };
}

/** One thing wrong with a value, and where. */
export interface Issue {
  /** As `params.items[3].price`. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
}

/** The most issues that one check reports, and the characters that it shows of a path. */
const MAX_ISSUES = 10;
const MAX_PATH = 200;

/** Whether a value is of the type; one that throws accepts nothing. */
export function accepts(type: Type, value: unknown): boolean {
  try {
    return type.is(value);
  } catch {
    return false;
  }
}

/** Checks wire data. The fast way, `is`, is taken where it is known to say the same as `decode`. */
export function decode<A>(type: Type<A>, value: unknown, root: string): Either<readonly Issue[], A> {
  try {
    if (onlyChecks(type) && type.is(value)) return right(value);
    const decoded = type.decode(value);
    return isRight(decoded) ? decoded : left(decoded.left.slice(0, MAX_ISSUES).map((e) => issueOf(e, root)));
  } catch {
    // A type that throws, or one that recurses deeper than the stack. What it says may not leave the process.
    return left([issue(root, type, value)]);
  }
}

/** Checks a value of ours and turns it into wire data. */
export function encode<A>(type: Type<A>, value: A, root: string): Either<readonly Issue[], unknown> {
  try {
    if (!type.is(value)) return left(faults(type, value, root).slice(0, MAX_ISSUES));
    return right(type.encode === t.identity ? value : type.encode(value));
  } catch (error) {
    return left([issue(root, type, value, error)]);
  }
}

/** All issues in one line, as `params[0]: expected string, got 5`. */
export function explain(found: readonly Issue[]): string {
  return found.map(({ path, expected, actual }) => `${path}: expected ${expected}, got ${actual}`).join('; ');
}

/** How io-ts's own types show what they are made of. */
export interface Shape {
  readonly _tag?: string;
  readonly type?: Type & Shape;
  readonly types?: readonly (Type & Shape)[];
  readonly props?: Readonly<Record<string, Type & Shape>>;
  readonly domain?: Type & { readonly keys?: object };
  readonly codomain?: Type & Shape;
  readonly tag?: string;
}

/** io-ts binds the `decode` of its types, which tells it from one that was put in its place. */
const OWN_DECODE = t.string.decode.name;

/** One of io-ts's own types, as it left io-ts. */
export const isOwn = ({ _tag, decode }: Type & Shape): boolean =>
  _tag !== undefined && Object.hasOwn(t, _tag) && decode.name === OWN_DECODE;

const checking = new WeakMap<Type, boolean>();

/**
 * Whether decoding gives back every value that `is` accepts: so with io-ts's own types, of which none
 * inside transforms. A type by someone else, or one of io-ts's that was given another `decode`, may
 * trim a string or refuse one although its `encode` changes nothing.
 */
export function onlyChecks(type: Type & Shape): boolean {
  let known = checking.get(type);
  if (known === undefined) {
    const inner = type.types ?? Object.values(type.props ?? { ...(type.type && { type: type.type }) });
    known = type.encode === t.identity && isOwn(type) && inner.every(onlyChecks);
    checking.set(type, known);
  }
  return known;
}

/** Where a value is not of its type. Decoding would tell, but of a type that transforms only about wire data. */
function faults(type: Type & Shape, value: unknown, path: string): readonly Issue[] {
  if (type.is(value)) return [];
  const found = members(type, value, path);
  return found.length > 0 ? found : [issue(path, type, value)];
}

function members(type: Type & Shape, value: unknown, path: string): readonly Issue[] {
  const { _tag, type: inner, types = [], props, domain, codomain, tag } = type;
  if (Array.isArray(value)) {
    if (_tag === 'TupleType') return types.flatMap((item, i) => faults(item, value[i], step(path, i)));
    if (inner !== undefined && (_tag === 'ArrayType' || _tag === 'ReadonlyArrayType'))
      return value.flatMap((item, i) => faults(inner, item, step(path, i)));
  }
  if (_tag === 'UnionType' && tag !== undefined) {
    const at = step(path, tag);
    const meant = types
      .map((one) => faults(one, value, path))
      .find((some) => some.every((i) => i.path !== at));
    return meant ?? [];
  }
  if (_tag === 'UnionType' || _tag === 'IntersectionType')
    return types.flatMap((one) => faults(one, value, path));
  if (t.UnknownRecord.is(value)) {
    if (props !== undefined)
      return Object.entries(props).flatMap(([key, prop]) =>
        _tag === 'PartialType' && value[key] === undefined ? [] : faults(prop, value[key], step(path, key)),
      );
    if (codomain !== undefined)
      return Object.keys(domain?.keys ?? value)
        .filter((key) => domain?.is(key))
        .flatMap((key) => faults(codomain, value[key], step(path, key)));
  }
  return inner !== undefined && WRAPPER.test(_tag ?? '') ? members(inner, value, path) : [];
}

const issue = (path: string, type: { readonly name: string }, value: unknown, error?: unknown): Issue => ({
  path: cut(path, MAX_PATH),
  expected: cut(type.name, MAX_PATH),
  actual: error instanceof Error ? `${show(value)} (${cut(error.message, MAX_SHOWN)})` : show(value),
});

function issueOf({ context, value }: t.ValidationError, root: string): Issue {
  const last = context[context.length - 1];
  return issue(pathOf(context, root), last?.type ?? t.unknown, value);
}

/** Unions and intersections number their members in the context; those steps are not part of the data. */
function pathOf(context: t.Context, root: string): string {
  let path = root;
  for (let i = 1; i < context.length; i += 1) {
    let parent = context[i - 1]?.type as Shape | undefined;
    while (WRAPPER.test(parent?._tag ?? '')) parent = parent?.type;
    if (parent?._tag === 'UnionType' || parent?._tag === 'IntersectionType') continue;
    path = step(path, context[i]?.key ?? '');
  }
  return path;
}

/** They decode in the name of the type within: it is theirs that the context holds. */
const WRAPPER = /^(Exact|Readonly|Refinement|Recursive)Type$/;

const step = (path: string, key: string | number): string =>
  /^\d+$/.test(String(key)) ? `${path}[${key}]` : `${path}.${key}`;
