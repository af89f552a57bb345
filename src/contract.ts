/**
 * Contracts: what a service offers, written once over io-ts types. Client and server check against
 * them at run time and TypeScript infers from them; nothing here knows how a call travels.
 */
import { type Either, isRight, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';

/** Any io-ts type that decodes wire data; `A` is what handlers and callers see. */
export type Type<A = any> = t.Type<A, any, unknown>;

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

export type Method = RequestMethod | StreamMethod | NotificationMethod;
export type Methods = Readonly<Record<string, Method>>;

/** A named set of methods: requests travel on the topic `NAME.requests`. */
export interface Service<M extends Methods = Methods> {
  readonly name: string;
  readonly methods: M;
}

export type ParamsOf<M extends Method> = M extends { params: Type<infer P> } ? P : never;
export type ResultOf<M extends Method> =
  M extends RequestMethod<any, infer R> ? R : M extends StreamMethod<any, infer I> ? I : void;

/** The names of a contract's methods of one kind. */
export type NamesOf<M extends Methods, K extends Method['kind']> = {
  [N in keyof M]: M[N]['kind'] extends K ? N : never;
}[keyof M] &
  string;

const NoParams: Type<undefined> = new t.Type<undefined, undefined, unknown>(
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

/**
 * Names a service and its methods.
 *
 * @example
 * const calc = service('calc', {
 *   add: request({ params: t.tuple([t.number, t.number]), result: t.number }),
 * });
 */
export function service<const M extends Methods>(name: string, methods: M): Service<M> {
  for (const method of Object.keys(methods)) {
    if (method.startsWith('rpc.') || method.startsWith('$/')) {
      throw new TypeError(`method ${show(method)}: names that begin with "rpc." or "$/" are reserved`);
    }
  }
  return { name: checkServiceName(name), methods };
}

/** A method that answers once; without `params` it takes none. */
export function request<R, P = undefined>(spec: {
  readonly params?: Type<P>;
  readonly result: Type<R>;
}): RequestMethod<P, R> {
  return { kind: 'request', params: (spec.params ?? NoParams) as Type<P>, result: spec.result };
}

/** A method that answers with a stream of items; without `params` it takes none. */
export function stream<I, P = undefined>(spec: {
  readonly params?: Type<P>;
  readonly item: Type<I>;
}): StreamMethod<P, I> {
  return { kind: 'stream', params: (spec.params ?? NoParams) as Type<P>, item: spec.item };
}

/** A method without an answer; without `params` it takes none. */
export function notification<P = undefined>(spec: { readonly params?: Type<P> } = {}): NotificationMethod<P> {
  return { kind: 'notification', params: (spec.params ?? NoParams) as Type<P> };
}

/** One thing wrong with a value, and where. */
export interface Issue {
  /** As `params.items[3].price`. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
}

/** The most issues that one check reports. */
const MAX_ISSUES = 10;

/**
 * Checks wire data. The fast way, `is`, is taken where the type neither transforms nor strips
 * (its `encode` is the identity); everything else, and every failure, is decoded in full.
 */
export function decode<A>(type: Type<A>, value: unknown, root: string): Either<readonly Issue[], A> {
  if (type.encode === t.identity && type.is(value)) return right(value);
  const decoded = type.decode(value);
  return isRight(decoded) ? decoded : left(issues(decoded.left, root));
}

/** Checks a value of ours and turns it into wire data. */
export function encode<A>(type: Type<A>, value: A, root: string): Either<readonly Issue[], unknown> {
  if (type.is(value)) return right(type.encode === t.identity ? value : type.encode(value));
  const decoded = type.encode === t.identity ? type.decode(value) : undefined;
  return left(
    decoded?._tag === 'Left'
      ? issues(decoded.left, root)
      : [{ path: root, expected: type.name, actual: show(value) }],
  );
}

/** All issues in one line, as `params[0]: expected string, got 5`. */
export function explain(found: readonly Issue[]): string {
  return found.map(({ path, expected, actual }) => `${path}: expected ${expected}, got ${actual}`).join('; ');
}

function issues(errors: t.Errors, root: string): readonly Issue[] {
  return errors.slice(0, MAX_ISSUES).map((error) => {
    const last = error.context[error.context.length - 1];
    return {
      path: pathOf(error.context, root),
      expected: last?.type.name ?? root,
      actual: show(error.value),
    };
  });
}

/** Unions and intersections number their members in the context; those steps are not part of the data. */
function pathOf(context: t.Context, root: string): string {
  let path = root;
  for (let i = 1; i < context.length; i += 1) {
    const key = context[i]?.key ?? '';
    const parent = (context[i - 1]?.type as { _tag?: string } | undefined)?._tag;
    if (parent === 'UnionType' || parent === 'IntersectionType') continue;
    path += /^\d+$/.test(key) ? `[${key}]` : `.${key}`;
  }
  return path;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // Circular or BigInt: its tag has to do.
  }
  text ??= String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
