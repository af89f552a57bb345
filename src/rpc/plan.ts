/**
 * One method as a client calls it: its name for errors, and the checks of its contract on what
 * goes out and what comes back. Without a contract everything structured passes.
 */
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { decode, encode, explain, type Issue, type Method, type Type } from '../contract.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import type { Params } from '../jsonrpc/message.js';
import { NotSentError } from './error.js';

export class Plan {
  readonly #service: string;
  readonly method: string;
  readonly #contract: Method | undefined;
  readonly #result: Type | undefined;

  constructor(service: string, method: string, contract?: Method) {
    this.#service = service;
    this.method = method;
    this.#contract = contract;
    if (contract?.kind === 'request') this.#result = contract.result;
    else if (contract?.kind === 'stream') this.#result = contract.item;
  }

  get name(): string {
    return `${this.#service}.${this.method}`;
  }

  /** Undefined without a contract. */
  get kind(): Method['kind'] | undefined {
    return this.#contract?.kind;
  }

  /** What goes out as `params`; Left never leaves the process. */
  encodeParams(params: unknown): Either<NotSentError, Params | undefined> {
    if (this.#contract !== undefined) {
      const encoded = encode(this.#contract.params, params, 'params');
      if (isLeft(encoded)) return left(this.#refuse(encoded.left));
      params = encoded.right;
    }
    return params === undefined || (typeof params === 'object' && params !== null)
      ? right(params as Params | undefined)
      : left(this.#refuse([{ path: 'params', expected: 'an array or an object', actual: String(params) }]));
  }

  /** What came back: a result, or one item of a stream. */
  checkResult(result: unknown): Either<RpcError, unknown> {
    if (this.#result === undefined) return right(result);
    // On the wire, nothing is `null`.
    if (result === null && !this.#result.is(null) && this.#result.is(undefined)) return right(undefined);
    const decoded = decode(this.#result, result, this.kind === 'stream' ? 'item' : 'result');
    return isLeft(decoded)
      ? left(
          new RpcError(errors.internalError.code, `${this.name}: invalid answer: ${explain(decoded.left)}`, {
            data: decoded.left,
          }),
        )
      : decoded;
  }

  #refuse(issues: readonly Issue[]): NotSentError {
    return new NotSentError('invalid params', `${this.name}: invalid params: ${explain(issues)}`, {
      data: issues,
    });
  }
}
