/** What a codec gave, or an exception that says it didn't. */
import { expect } from 'chai';
import { type Either, isRight } from 'fp-ts/lib/Either.js';
import type { RpcError } from '../../src/jsonrpc/error.js';

export const right = <A>(outcome: Either<RpcError, A>): A => {
  if (isRight(outcome)) return outcome.right;
  throw new Error(`Left: ${outcome.left.data}`);
};

const left = (outcome: Either<RpcError, unknown>): RpcError => {
  if (isRight(outcome)) throw new Error('Right, expected Left');
  return outcome.left;
};

/** Expects the specification's message, and the reason in the data. */
const expectError = (
  outcome: Either<RpcError, unknown>,
  code: number,
  message: string,
  reason: RegExp,
): RpcError => {
  const error = left(outcome);
  expect([error.code, error.message]).to.deep.equal([code, message]);
  expect(error.data).to.be.a('string').and.to.match(reason);
  return error;
};

export const expectParseError = (outcome: Either<RpcError, unknown>, reason: RegExp): RpcError =>
  expectError(outcome, -32700, 'Parse error', reason);

export const expectUnwritable = (outcome: Either<RpcError, unknown>, reason: RegExp): RpcError =>
  expectError(outcome, -32603, 'Internal error', reason);

/** `depth` arrays around `inner`. */
export const nested = (depth: number, inner: unknown = 1): unknown => {
  let value = inner;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
};

export const depthOf = (value: unknown): number => {
  let depth = 0;
  for (let inner = value; Array.isArray(inner); inner = inner[0]) depth++;
  return depth;
};
