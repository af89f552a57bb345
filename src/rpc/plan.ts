/**
 * One method as a client calls it: its name for errors, and the checks of its contract on what
 * goes out and what comes back. Without a contract everything structured passes.
 */
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import {
  accepts,
  decode,
  encode,
  explain,
  type Issue,
  type Method,
  onlyChecks,
  type Type,
} from '../contract.js';
import { errors, RpcError } from '../jsonrpc/error.js';
import type { Params } from '../jsonrpc/message.js';
import { NotSentError } from './error.js';

export class Plan {
  readonly #service: string;
  readonly method: string;
  readonly #contract: Method | undefined;
  readonly #result: Type | undefined;
  /** The result's type, where what it accepts is what it decodes to. */
  readonly #checkedResult: Type | undefined;

  constructor(service: string, method: string, contract?: Method) {
    this.#service = service;
    this.method = method;
    this.#contract = contract;
    if (contract?.kind === 'request') this.#result = contract.result;
    else if (contract?.kind === 'stream') this.#result = contract.item;
    if (this.#result !== undefined && onlyChecks(this.#result)) this.#checkedResult = this.#result;
  }

  get name(): string {
    return `${this.#service}.${this.method}`;
  }

  /** Undefined without a contract. */
  get kind(): Method['kind'] | undefined {
    return this.#contract?.kind;
  }

  /** What goes out as `params`; what it refuses never leaves the process. */
  encodeParams(params: unknown): Params | undefined | NotSentError {
    if (this.#contract !== undefined) {
      const encoded = encode(this.#contract.params, params, 'params');
      if (isLeft(encoded)) return this.#refuse(encoded.left);
      params = encoded.right;
    }
    return params === undefined || (typeof params === 'object' && params !== null)
      ? (params as Params | undefined)
      : this.#refuse([{ path: 'params', expected: 'an array or an object', actual: String(params) }]);
  }

  /** Whether a result is good as it came; `checkResult` tells of the others. */
  accepts(result: unknown): boolean {
    return this.#checkedResult === undefined
      ? this.#contract === undefined
      : accepts(this.#checkedResult, result);
  }

  /** What came back: a result, or one item of a stream. */
  checkResult(result: unknown): Either<RpcError, unknown> {
    if (this.#result === undefined) return right(result);
    // On the wire, nothing is `null`.
    if (result === null && !accepts(this.#result, null) && accepts(this.#result, undefined))
      return right(undefined);
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
