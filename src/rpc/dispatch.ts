/**
 * From a method's name to its handler: who may be called, with which arguments, and what the
 * handler is told about the call. Nothing here knows how the answer travels.
 */
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Observable } from 'rxjs';
import {
  decode,
  encode,
  explain,
  type Issue,
  type Method,
  type Methods,
  type ParamsOf,
  type ResultOf,
  type Type,
} from '../contract.js';
import { encodable } from '../jsonrpc/encodable.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import { type Id, isReserved, type Params } from '../jsonrpc/message.js';
import type { Gate } from './gate.js';

/** What a handler may ask about its call. */
export interface CallContext {
  readonly service: string;
  readonly method: string;
  /** The request's, as its caller numbers them; undefined for a notification. */
  readonly id: Id | undefined;
  /** Which attempt came here first, from 1; undefined where the caller sends it once. */
  readonly attempt: number | undefined;
  /** What the call is asked for by, however often; undefined where its caller gave none. */
  readonly idempotencyKey: string | undefined;
  /** Aborts when the caller cancels, at the deadline, and when the server stops without waiting. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch after which nobody waits for the answer; Infinity where there is none, and once a stream is open. */
  readonly deadline: number;
  /** What the caller sent along: tokens, trace context. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Now, or when a Promise of it is kept. */
type Sooner<A> = A | PromiseLike<A>;

/** What a handler of a method may give. */
export type Answer<M extends Method> = M['kind'] extends 'request'
  ? Sooner<ResultOf<M> | Observable<ResultOf<M>>>
  : M['kind'] extends 'stream'
    ? Sooner<Observable<ResultOf<M>> | AsyncIterable<ResultOf<M>>>
    : unknown;

/**
 * Handlers of a contract's methods. A request's handler gives a value or an Observable (its last item
 * is the result), a stream's an Observable or an AsyncIterable; each may give a Promise of it.
 */
export type Handlers<M extends Methods> = {
  readonly [N in keyof M]: (params: ParamsOf<M[N]>, context: CallContext) => Answer<M[N]>;
};

/** What is served by name: functions, by the names they have in an object or a module, or a class's instance. */
export type Target = Readonly<Record<string, (...args: any[]) => unknown>> | object;

/** One method that can be called. */
export interface Entry {
  readonly kind: Method['kind'] | undefined;
  /** Calls the handler; Left where the params are not what it takes. Throws what the handler throws. */
  invoke(params: Params | undefined, context: CallContext): Either<RpcError, unknown>;
  /** The result, or an item, as it goes on the wire. */
  answer(value: unknown): Either<RpcError, unknown>;
  /** What the handler gave, of a result that is kept as it went on the wire. */
  recall(result: unknown): Either<RpcError, unknown>;
  /** Where the method has limits of its own, or an order. */
  readonly gate?: Gate;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** The handlers of a contract. Each method must have one, and there must be no others. */
export function contractEntries(methods: Methods, handlers: object): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [name, method] of Object.entries(methods)) {
    const handler = handlerOf(handlers, name);
    if (typeof handler !== 'function')
      throw new TypeError(`handlers.${name}: expected a function, got ${typeof handler}`);
    entries.set(name, contractEntry(method, handler.bind(handlers) as AnyFunction));
  }
  const unknown = Object.keys(handlers).find(
    (name) => !entries.has(name) && typeof handlerOf(handlers, name) === 'function',
  );
  if (unknown !== undefined) throw new TypeError(`handlers.${unknown}: the contract has no such method`);
  return entries;
}

/** What every object has is nobody's handler. */
function handlerOf(handlers: object, name: string): unknown {
  const handler = (handlers as Record<string, unknown>)[name];
  return handler === (Object.prototype as unknown as Record<string, unknown>)[name] ? undefined : handler;
}

function contractEntry(method: Method, handler: AnyFunction): Entry {
  const type: Type | undefined =
    method.kind === 'request' ? method.result : method.kind === 'stream' ? method.item : undefined;
  const label = method.kind === 'stream' ? 'item' : 'result';
  return {
    kind: method.kind,
    invoke: (params, context) => {
      const decoded = decode(method.params, params, 'params');
      return isLeft(decoded) ? left(invalidParams(decoded.left)) : right(handler(decoded.right, context));
    },
    answer: (value) => {
      if (type === undefined) return right(null);
      const encoded = encode(type, value, label);
      return isLeft(encoded) ? left(invalidAnswer(encoded.left)) : encodable(encoded.right);
    },
    recall: (result) => {
      if (type === undefined) return right(undefined);
      const decoded = decode(type, result, label);
      return isLeft(decoded) ? left(invalidAnswer(decoded.left)) : decoded;
    },
  };
}

function invalidParams(issues: readonly Issue[]): RpcError {
  return new RpcError(errors.invalidParams.code, undefined, { data: issues });
}

/** The service's own mistake: its caller learns that much, its log the rest. */
function invalidAnswer(issues: readonly Issue[]): RpcError {
  return new RpcError(errors.internalError.code, undefined, { cause: new Error(explain(issues)) });
}

/**
 * The functions of a plain object or module, or the methods of a class's instance, up to but
 * without Object.prototype. Names that begin with `_` are private; `#private` ones can't be seen.
 */
export function targetEntries(target: object): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const plain = isPlain(target);
  for (
    let level = target;
    level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    const names = plain ? Object.keys(level) : Object.getOwnPropertyNames(level);
    for (const name of names) {
      if (entries.has(name) || name === 'constructor' || name.startsWith('_') || isReserved(name)) continue;
      // An accessor is no method, and reading it here would run it.
      const value: unknown = plain
        ? (level as Record<string, unknown>)[name]
        : Object.getOwnPropertyDescriptor(level, name)?.value;
      if (typeof value === 'function') entries.set(name, untypedEntry(target, value as AnyFunction));
    }
    if (plain) break;
  }
  if (entries.size === 0)
    throw new TypeError(
      'nothing to serve: expected an object with functions, or a class instance with methods',
    );
  return entries;
}

/** An object literal, a map of functions, a module namespace. */
function isPlain(target: object): boolean {
  const prototype = Object.getPrototypeOf(target);
  return prototype === Object.prototype || prototype === null;
}

function untypedEntry(target: object, handler: AnyFunction): Entry {
  return {
    kind: undefined,
    invoke: (params) =>
      right(handler.apply(target, Array.isArray(params) ? params : params === undefined ? [] : [params])),
    answer: encodable,
    recall: right,
  };
}
